"""A double of Harbor: the documented contract of its API v2, held in memory.

It is no Harbor: no image is stored, scanned or cached, and nothing here shows that a
real one agrees. It enforces what `api/v2.0/swagger.yaml` and its handlers document:
pages with `X-Total-Count` and `Link`, errors in Harbor's shape, basic login without a
CSRF token, and with one as soon as a session's cookie is sent.
"""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.integration.harbor.harbor_objects import ADMIN, Objects, Problem

PAGE_DEFAULT, PAGE_MAX = 10, 100

# Method and path, and the method of Objects that answers. Lists are paged.
ROUTES = (
    ("GET", r"/projects/([^/]+)", "project"),
    ("POST", r"/projects", "make_project"),
    ("PUT", r"/projects/([^/]+)", "change_project"),
    ("DELETE", r"/projects/([^/]+)", "remove_project"),
    ("GET", r"/quotas", "list_quotas"),
    ("PUT", r"/quotas/(\d+)", "change_quota"),
    ("GET", r"/robots", "list_robots"),
    ("POST", r"/robots", "make_robot"),
    ("PUT", r"/robots/(\d+)", "change_robot"),
    ("PATCH", r"/robots/(\d+)", "renew_robot"),
    ("DELETE", r"/robots/(\d+)", "remove_robot"),
    ("GET", r"/registries", "list_registries"),
    ("POST", r"/registries", "make_registry"),
    ("PUT", r"/registries/(\d+)", "change_registry"),
    ("GET", r"/retentions/(\d+)", "retention"),
    ("POST", r"/retentions", "make_retention"),
    ("PUT", r"/retentions/(\d+)", "change_retention"),
    ("GET", r"/projects/([^/]+)/immutabletagrules", "list_locks"),
    ("POST", r"/projects/([^/]+)/immutabletagrules", "make_lock"),
    ("PUT", r"/projects/([^/]+)/immutabletagrules/(\d+)", "change_lock"),
    ("DELETE", r"/projects/([^/]+)/immutabletagrules/(\d+)", "remove_lock"),
)


class Asked(NamedTuple):
    """One request that came."""

    method: str
    path: str
    user: str
    body: Any


class Double(ThreadingHTTPServer):
    """Answers on loopback; `objects` is what it holds."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a port that is free."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = Objects()
        self.asked: list[Asked] = []
        self.version = "v2.15.1-5e4f0a3b"
        self.read_only = False

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def writes(self) -> list[Asked]:
        """What was asked that changes something."""
        return [each for each in self.asked if each.method != "GET"]


@contextmanager
def harbor_double() -> Iterator[Double]:
    """A double that runs until the end of the block."""
    server = Double()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _routed(method: str, path: str) -> tuple[str, re.Match[str]]:
    for verb, shape, name in ROUTES:
        found = re.fullmatch(shape, path)
        if verb == method and found:
            return name, found
    raise Problem(405, "METHOD_NOT_ALLOWED", f"{method} {path}")


class _Handler(BaseHTTPRequestHandler):
    server: Double
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:  # silent
        pass

    def _answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size)
        try:
            self._route(json.loads(raw) if raw else None)
        except Problem as problem:
            error = {"code": problem.code, "message": str(problem)}
            self._send(problem.status, {"errors": [error]})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - as of http.server

    def _route(self, body: Any) -> None:
        address = urlsplit(self.path)
        user = self._user()
        self.server.asked.append(Asked(self.command, address.path, user, body))
        if address.path == "/v2/":
            if not user:
                raise Problem(401, "UNAUTHORIZED", "unauthorized: unauthorized")
            return self._send(200, {})
        path = address.path.removeprefix("/api/v2.0")
        if path == address.path or self.server.version.startswith("v1."):
            raise Problem(404, "NOT_FOUND", "page not found")
        if path == "/systeminfo":
            known = {"harbor_version": self.server.version} if user else {}
            return self._send(200, {"auth_mode": "db_auth", **known})
        if not user:
            raise Problem(401, "UNAUTHORIZED", "unauthorized")
        self._refuse_writes(user)
        return self._call(path, dict(parse_qsl(address.query)), body)

    def _refuse_writes(self, user: str) -> None:
        if "sid=" in self.headers.get("Cookie", "") and self.command != "GET":
            raise Problem(403, "FORBIDDEN", "CSRF token not found in request")
        if user != ADMIN:
            raise Problem(403, "FORBIDDEN", "forbidden")
        if self.server.read_only and self.command != "GET":
            raise Problem(403, "DENIED", "The system is in read only mode.")

    def _call(self, path: str, query: dict[str, str], body: Any) -> None:
        name, found = _routed(self.command, path)
        given: list[Any] = [int(x) if x.isdigit() else x for x in found.groups()]
        if "projects" in path and found.groups():
            by_name = self.headers.get("X-Is-Resource-Name") == "true"
            given[0] = found[1] if by_name else given[0]
        if self.command in ("POST", "PUT", "PATCH"):
            if not isinstance(body, dict):
                raise Problem(422, "UNPROCESSABLE_ENTITY", "body in body is required")
            given.append(body)
        if name.startswith("list_"):
            given.append(query)
        said = getattr(self.server.objects, name)(*given)
        if name.startswith("list_"):
            self._send_page(path, query, said)
        elif self.command == "POST":
            number, shown = said
            at = {"Location": f"/api/v2.0{path}/{number}"}
            self._send(201, shown, at)
        else:
            self._send(200, said)

    def _send_page(self, path: str, query: dict[str, str], found: list[Any]) -> None:
        size = int(query.pop("page_size", PAGE_DEFAULT))
        page = int(query.pop("page", 1))
        if not 1 <= size <= PAGE_MAX:
            raise Problem(
                422, "UNPROCESSABLE_ENTITY",
                f"page_size in query should be less than or equal to {PAGE_MAX}",
            )  # fmt: skip
        links = [
            f'</api/v2.0{path}?page={number}&page_size={size}>; rel="{rel}"'
            for rel, number, there in (
                ("prev", page - 1, page > 1),
                ("next", page + 1, page * size < len(found)),
            )
            if there
        ]
        headers = {"X-Total-Count": str(len(found)), "Link": " , ".join(links)}
        self._send(200, found[(page - 1) * size : page * size], headers)

    def _user(self) -> str:
        """Who asks; empty: nobody that is known, which Harbor treats as a guest."""
        kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if kind != "Basic":
            return ""
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
        return name if self.server.objects.knows(name, secret) else ""

    def _send(
        self, status: int, body: Any, headers: dict[str, str] | None = None
    ) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Set-Cookie", "sid=0123456789; Path=/; HttpOnly")
        for name, value in (headers or {}).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
