# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of Ollama's API that brings and removes models, through ``requests``.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from ansible_collections.forge.platform.plugins.module_utils.model_files import (
    STEP,
    ModelError,
    Progress,
    Told,
)

OK, CREATED, MISSING = 200, 201, 404
TEXT_MAX = 300  # characters of an error that are shown


class Ollama:
    """One engine."""

    def __init__(self, url: str, timeout: float) -> None:
        """Connect nothing yet.

        Args:
            url: Of the engine, without a path.
            timeout: Seconds without a byte before the connection counts as lost.
        """
        self._url, self._timeout = url, timeout
        self._session = requests.Session()
        self._session.trust_env = False  # the engine is never behind a proxy

    def digests(self) -> dict[str, str]:
        """Return the models that are there: name to digest of the manifest."""
        answer = self._ask("GET", "api/tags")
        self._expect(answer, "listing models", OK)
        return {
            model["name"]: f"sha256:{model['digest'].removeprefix('sha256:')}"
            for model in answer.json().get("models") or ()
        }

    def has_blob(self, digest: str) -> bool:
        """Return whether a blob is there; its content is not looked at."""
        return self._ask("HEAD", f"api/blobs/{digest}").status_code == OK

    def give_blob(self, path: Path, digest: str, progress: Progress) -> None:
        """Hand over a file, which the engine refuses if the digest is another's."""
        size = path.stat().st_size
        body = _Body(path, size, progress.begin(f"{path.name} {digest}", size))
        answer = self._ask("POST", f"api/blobs/{digest}", data=body)
        self._expect(answer, f"handing over {path}", OK, CREATED)

    def create(self, name: str, parameters: dict[str, Any], **origin: object) -> None:
        """Make a model of a blob (``files``) or of another model (``from``)."""
        body = {"model": name, "parameters": parameters, **origin}
        for _ in self._stream("api/create", body, f"making the model {name}"):
            pass

    def pull(self, name: str, *, insecure: bool, progress: Progress) -> None:
        """Have the engine pull a model; it goes on with what it has of it."""
        tells: dict[str, Told] = {}
        body = {"model": name, "insecure": insecure}
        for line in self._stream("api/pull", body, f"pulling {name}"):
            digest, total = line.get("digest"), line.get("total")
            if not (digest and total):
                continue
            done = line.get("completed") or 0
            if digest not in tells:
                tells[digest] = progress.begin(f"{name} {digest}", total, done)
            tells[digest](done)

    def copy(self, source: str, target: str) -> None:
        """Give a model a second name."""
        body = {"source": source, "destination": target}
        self._expect(self._ask("POST", "api/copy", json=body), f"copying {source}", OK)

    def delete(self, name: str) -> None:
        """Remove a name, and what no other name needs."""
        answer = self._ask("DELETE", "api/delete", json={"model": name})
        self._expect(answer, f"removing {name}", OK, MISSING)

    def _stream(
        self, path: str, body: dict[str, Any], what: str
    ) -> Iterator[dict[str, Any]]:
        """Yield the lines of a long answer; an error in one of them is raised."""
        try:
            with self._ask("POST", path, json=body, stream=True) as answer:
                self._expect(answer, what, OK)
                last: dict[str, Any] = {}
                for text in answer.iter_lines():
                    last = json.loads(text)
                    if "error" in last:
                        raise ModelError(f"{self._url}: {what}: {last['error']}")
                    yield last
        except (requests.RequestException, ValueError) as error:
            raise self._lost(what, error) from error
        if last.get("status") != "success":
            raise self._lost(what, "the answer ended early")

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - as of requests
        url = urljoin(f"{self._url}/", path)
        try:
            return self._session.request(
                method, url, timeout=self._timeout, allow_redirects=False, **options
            )
        except requests.RequestException as error:
            raise self._lost(path, error) from error

    def _lost(self, what: str, error: object) -> ModelError:
        return ModelError(
            f"{self._url}: {what}: {error}; see that the engine runs (its log) and run "
            "again: what arrived is gone on with"
        )

    def _expect(self, answer: requests.Response, what: str, *statuses: int) -> None:
        if answer.status_code not in statuses:
            text = " ".join(answer.text.split())[:TEXT_MAX]
            raise ModelError(f"{self._url}: {what}: HTTP {answer.status_code}: {text}")


class _Body:
    """A file as a body of known length, which tells how much was sent."""

    def __init__(self, path: Path, size: int, tell: Told) -> None:
        self._path, self._size, self._tell = path, size, tell

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        done = 0
        with self._path.open("rb") as stream:
            while block := stream.read(STEP):
                yield block
                self._tell(done := done + len(block))
