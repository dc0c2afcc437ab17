# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to Harbor's API v2, and its errors in words that say what to do.

Source: Harbor's `api/v2.0/swagger.yaml`.
"""

from __future__ import annotations  # a controller without requests is told so

import re
import traceback
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

try:
    import requests
except ImportError:
    IMPORT_PROBLEM: str | None = traceback.format_exc()
else:
    IMPORT_PROBLEM = None

BASE = "/api/v2.0"
PAGE = 100  # entries, the most that the API gives at once
MINIMUM = (2, 2)  # the first with robots of the system
TEXT_MAX = 300  # characters of an error of the server that are shown
OK, CREATED = 200, 201
UNAUTHORIZED, MISSING = 401, 404
# Names are names, also where they have digits alone.
BY_NAME = {"X-Is-Resource-Name": "true"}
VERSION = re.compile(r"v?(\d+)\.(\d+)")

REMEDIES = {
    400: "look at the value that it names",
    401: "compare username and password with Harbor's",
    403: "give an account that may do that (a system administrator), and see that "
    "Harbor is not read-only",
    404: "see that the name is right, and that nobody removed it meanwhile",
    409: "something of that name is there already: choose another, or remove it",
    412: "something still uses it, or a quota is exceeded: look at what Harbor says",
    422: "Harbor does not know this form: compare its version with the pinned one",
}
AWAY = "look at its Pods: kubectl --namespace registry get pods"


class HarborError(Exception):
    """Harbor is not as it should be, and why."""


class Harbor:
    """One Harbor, asked as one account."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        """Connect nothing yet.

        Args:
            params: `endpoint`, `username`, `password`, `ca_path`, `timeout` (seconds).
        """
        self.endpoint = str(params["endpoint"]).rstrip("/")
        self._timeout = params["timeout"]
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy or .netrc that nobody declared
        self._session.auth = (params["username"], params["password"])
        self._session.verify = params["ca_path"] or True
        # A session's cookie would have every write want a CSRF token as well.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def require(self) -> str:
        """Return Harbor's version.

        Raises:
            HarborError: It is too old, away, or does not know the account.
        """
        what = "reading its version"
        answer = self.send(what, "GET", f"{BASE}/systeminfo")
        if answer.status_code == MISSING:
            raise HarborError(
                f"{self._at(what)}: has no API v2; Harbor {_dotted(MINIMUM)} or newer "
                "is wanted, see that endpoint is Harbor's own address"
            )
        # Whom it does not know gets an answer without a version.
        version = str(self._body(what, answer).get("harbor_version", ""))
        found = VERSION.match(version)
        if not found:
            raise HarborError(
                f"{self._at(what)}: refuses the credentials: {REMEDIES[UNAUTHORIZED]}"
            )
        if (int(found[1]), int(found[2])) < MINIMUM:
            raise HarborError(
                f"{self._at(what)}: is {version}; {_dotted(MINIMUM)} or newer is "
                "wanted: upgrade Harbor, one minor version after the other"
            )
        return version

    def get(self, what: str, path: str) -> dict[str, Any] | None:
        """Return one object; `None`: there is none.

        Raises:
            HarborError: Harbor does not say.
        """
        answer = self.send(what, "GET", BASE + path)
        if answer.status_code == MISSING:
            return None
        return self._body(what, answer)

    def every(self, what: str, path: str, **query: str) -> list[dict[str, Any]]:
        """Return all entries of a list, from all of its pages.

        Raises:
            HarborError: Harbor does not say, or the list changed meanwhile.
        """
        found: list[dict[str, Any]] = []
        for page in range(1, 1 << 20):
            asked = {**query, "page": str(page), "page_size": str(PAGE)}
            answer = self.send(what, "GET", BASE + path, params=asked)
            self._expect(what, answer, OK)
            # Of nothing, some lists are null.
            found += answer.json() or []
            if "next" not in answer.links:
                break
        total = answer.headers.get("X-Total-Count", str(len(found)))
        if int(total) != len(found):
            raise HarborError(
                f"{self._at(what)}: {len(found)} of {total} entries came; the list "
                "changed while it was read: run again"
            )
        return found

    def create(self, what: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make an object; return what Harbor says of it, at least its `id`.

        Raises:
            HarborError: Harbor refuses it.
        """
        answer = self.send(what, "POST", BASE + path, json=body)
        self._expect(what, answer, CREATED)
        said = answer.json() if answer.content else {}
        last = answer.headers.get("Location", "").rsplit("/", 1)[-1]
        return {"id": int(last) if last.isdigit() else None, **said}

    def change(
        self, what: str, path: str, body: Mapping[str, Any], method: str = "PUT"
    ) -> dict[str, Any]:
        """Change an object; return what Harbor says.

        Raises:
            HarborError: Harbor refuses it.
        """
        answer = self.send(what, method, BASE + path, json=body)
        self._expect(what, answer, OK)
        return answer.json() if answer.content else {}

    def remove(self, what: str, path: str) -> None:
        """Remove an object; that it is gone already is well.

        Raises:
            HarborError: Harbor refuses it.
        """
        answer = self.send(what, "DELETE", BASE + path)
        self._expect(what, answer, OK, MISSING)

    def accepts(self, what: str, username: str, secret: str) -> bool:
        """Return whether the registry lets this account in.

        Raises:
            HarborError: It does not say.
        """
        answer = self.send(what, "GET", "/v2/", auth=(username, secret))
        if answer.status_code == UNAUTHORIZED:
            return False
        self._expect(what, answer, OK)
        return True

    def send(
        self,
        what: str,
        method: str,
        path: str,
        **options: Any,  # noqa: ANN401 - as of requests
    ) -> requests.Response:
        """Send one request, and nothing to another address.

        Raises:
            HarborError: No answer came.
        """
        try:
            return self._session.request(
                method,
                self.endpoint + path,
                headers=BY_NAME,
                timeout=self._timeout,
                allow_redirects=False,
                **options,
            )
        except requests.exceptions.SSLError as error:
            raise HarborError(
                f"{self._at(what)}: its certificate is not signed by ca_path ({error})"
            ) from error
        except (requests.RequestException, OSError) as error:
            raise HarborError(
                f"{self._at(what)}: does not answer: {AWAY} ({error})"
            ) from error

    def _body(self, what: str, answer: requests.Response) -> dict[str, Any]:
        self._expect(what, answer, OK)
        try:
            body = answer.json()
        except ValueError as error:
            raise HarborError(
                f"{self._at(what)}: answers without JSON: see that endpoint is "
                "Harbor's own address"
            ) from error
        return dict(body)

    def _expect(self, what: str, answer: requests.Response, *statuses: int) -> None:
        status = answer.status_code
        if status in statuses:
            return
        remedy = REMEDIES.get(status, f"look at its log; {AWAY}")
        raise HarborError(f"{self._at(what)}: HTTP {status}, {_said(answer)}; {remedy}")

    def _at(self, what: str) -> str:
        return f"harbor {self.endpoint}, {what}"


def _said(answer: requests.Response) -> str:
    """What Harbor says in its own form of errors, or the beginning of any other."""
    try:
        errors = answer.json()["errors"]
        text = "; ".join(f"{each['code']}: {each['message']}" for each in errors)
    except (ValueError, KeyError, TypeError):
        text = answer.text
    return " ".join(text.split())[:TEXT_MAX] or "without a word"


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
