"""A gate that gives out grants once and takes outcomes: only what an executor asks."""

import json
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, Self


class GateDouble:
    """Serves at a Unix socket until it is closed."""

    def __init__(self, path: Path) -> None:
        """Begin to serve."""
        self.path = str(path)
        self.grants: dict[str, dict[str, Any]] = {}
        self.outcomes: list[dict[str, Any]] = []
        self.proposals: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"verdict": "deny", "reason": "not in this test"}
        self._server = _Server(self.path, _Handler)
        self._server.double = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        """Return the double."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer one request."""
        if path == "/v1/permits/redeem":
            grant = self.grants.pop(body["permit"], None)
            if grant is None:
                error = {
                    "what": "unknown permit",
                    "where": "permit",
                    "remedy": "propose",
                }
                return 409, {"error": error}
            return 200, grant
        if path == "/v1/outcomes":
            self.outcomes.append(body)
            return 200, {"id": body["id"]}
        self.proposals.append(body)
        return 200, self.answer


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    double: GateDouble


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:  # http.server's name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, said = self.server.double.take(self.path, body)
        data = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        """A Unix socket has no address."""
        return ""
