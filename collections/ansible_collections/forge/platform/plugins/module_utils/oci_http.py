# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to one repository of an OCI registry: login, TLS, lost connections."""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from ansible_collections.forge.platform.plugins.module_utils.model_files import (
    ModelError,
)
from ansible_collections.forge.platform.plugins.module_utils.oci_reference import (
    Reference,
)
from requests.auth import AuthBase

ATTEMPTS = 5  # that make no headway, one after the other
PAUSE = 0.5  # seconds before another attempt, doubled each time
OK, CREATED, ACCEPTED, NO_CONTENT, PARTIAL = 200, 201, 202, 204, 206
UNAUTHORIZED, FORBIDDEN, MISSING, RANGE_REFUSED = 401, 403, 404, 416
SERVER_ERROR = 500
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
TEXT_MAX = 300  # characters of a registry's error that are shown

LOST = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


class _Credential(AuthBase):
    """A header for requests to one host, and no other."""

    def __init__(self, host: str) -> None:
        self.host, self.header = host, ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.header and urlsplit(request.url or "").netloc == self.host:
            request.headers["Authorization"] = self.header
        return request


class Connection:
    """Sends requests to one repository."""

    def __init__(
        self,
        reference: Reference,
        *,
        username: str | None = None,
        password: str | None = None,
        plain_http: bool | None = None,
        ca_path: str | None = None,
        timeout: float = 60,
    ) -> None:
        """Connect nothing yet.

        Args:
            reference: Host and repository.
            username: Of an account, if the registry wants one.
            password: Its password or token.
            plain_http: Without TLS; None allows that on this machine alone.
            ca_path: Certificates that sign the registry's, instead of the system's.
            timeout: Seconds without a byte before a connection counts as lost.
        """
        self._host = reference.host
        plain = reference.is_loopback if plain_http is None else plain_http
        self._scheme = "http" if plain else "https"
        self.base = f"{self._scheme}://{reference.host}/v2/{reference.repository}/"
        self._account = (username, password or "") if username else None
        self._timeout = timeout
        self._credential = _Credential(reference.host)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy or .netrc that nobody declared
        self._session.auth = self._credential
        self._session.verify = ca_path or True

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - as of requests
        """Send one request, once more after a login if the registry wants one.

        Args:
            method: Of HTTP.
            path: Below the repository, or a whole address of the same registry.
            **options: As for ``requests``.

        Raises:
            LOST: The connection was lost, or the registry failed.
            ModelError: It leads away from TLS.
        """
        url = urljoin(self.base, path)
        options = {
            "timeout": self._timeout,
            # Where blobs are read is the registry's to say; writes go to it alone.
            "allow_redirects": method in ("GET", "HEAD"),
            **options,
        }
        answer = self._session.request(method, url, **options)
        if answer.status_code == UNAUTHORIZED and self._log_in(answer):
            answer.close()
            answer = self._session.request(method, url, **options)
        if self._scheme == "https" and not answer.url.startswith("https://"):
            raise ModelError(f"{self.base} leads to {answer.url}, without TLS")
        if answer.status_code >= SERVER_ERROR:
            raise requests.ConnectionError(f"HTTP {answer.status_code} from {url}")
        return answer

    def insist[T](
        self, action: Callable[[], T], reached: Callable[[], int] = lambda: 0
    ) -> T:
        """Do something until it is done, again after each lost connection.

        Args:
            action: Goes on where it ended.
            reached: How far it is; while that grows, attempts are not counted.

        Raises:
            ModelError: ``ATTEMPTS`` in a row got no further.
        """
        failed, last = 0, reached()
        while True:
            try:
                return action()
            except LOST as error:
                now = reached()
                failed = 1 if now > last else failed + 1
                last = now
                if failed >= ATTEMPTS:
                    raise ModelError(
                        f"{self.base}: {error}; gave up after {ATTEMPTS} attempts "
                        "without headway; what arrived is kept, run again to go on"
                    ) from error
                time.sleep(PAUSE * 2 ** (failed - 1))

    def expect(self, answer: requests.Response, what: str, *statuses: int) -> None:
        """Refuse an answer with another status.

        Raises:
            ModelError: With what the registry said, and what to do.
        """
        if answer.status_code in statuses:
            return
        remedy = {
            UNAUTHORIZED: "give username and password of an account that may do that",
            FORBIDDEN: "give an account that may do that",
            MISSING: "see that the reference is right and that it was pushed",
        }.get(answer.status_code, "see the registry's log")
        text = " ".join(answer.text.split())[:TEXT_MAX]
        raise ModelError(
            f"{self.base}: {what}: HTTP {answer.status_code}: {text}; {remedy}"
        )

    def is_ours(self, address: str) -> bool:
        """Return whether an address is of this registry."""
        parts = urlsplit(address)
        return (parts.scheme, parts.netloc) == (self._scheme, self._host)

    def _log_in(self, answer: requests.Response) -> bool:
        """Take the credential that the registry asks for; False if there is none."""
        challenge = answer.headers.get("WWW-Authenticate", "")
        kind = challenge.partition(" ")[0].lower()
        if kind == "basic" and self._account and not self._credential.header:
            request = requests.Request("GET", self.base, auth=self._account).prepare()
            self._credential.header = str(request.headers["Authorization"])
            return True
        if kind != "bearer":
            return False
        fields = dict(CHALLENGE.findall(challenge))
        realm = fields.get("realm", "")
        if not realm.startswith((f"{self._scheme}://", "https://")):
            raise ModelError(f"{self.base}: wants its login sent to {realm!r}")
        token = requests.get(
            realm,
            params={key: fields[key] for key in ("service", "scope") if key in fields},
            auth=self._account,
            timeout=self._timeout,
            verify=self._session.verify,
        )
        if token.status_code != OK:
            return False
        body = token.json()
        self._credential.header = f"Bearer {body.get('token') or body['access_token']}"
        return True
