"""The witness as an HTTP service, and what asks it.

    POST /add-checkpoint        a request of tlog-witness; answers the cosignature
    GET  /checkpoint/HASH       the last co-signed note; HASH: SHA-256 of origin, hex
    GET  /healthz

Whoever may connect may ask: what is co-signed must carry the signature of a log that is
watched, so a stranger learns a log's size and changes nothing.
"""

import hashlib
import http.client
import http.server
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, override
from urllib.parse import SplitResult, urlsplit

from clawlaw.core.errors import ClawLawError
from clawlaw.evidence.errors import EvidenceError, NoteError
from clawlaw.evidence.note import (
    Checkpoint,
    Verifier,
    open_note,
    parse_checkpoint,
    split_note,
)
from clawlaw.evidence.witness import (
    BAD_REQUEST,
    CONFLICT,
    MAX_REQUEST,
    NOT_FOUND,
    Witness,
    WitnessError,
    encode_request,
)

TIMEOUT: Final = 5  # seconds of silence of a client
DEADLINE: Final = 15  # seconds for all of a request, however slowly it comes
CONNECTIONS: Final = 32  # at once; more wait in the kernel
CLIENT_TIMEOUT: Final = 10
SIZE_TYPE: Final = "text/x.tlog.size"
MAX_ANSWER: Final = 1 << 20
ADD: Final = "/add-checkpoint"
LAST: Final = "/checkpoint/"


class WitnessServer(http.server.ThreadingHTTPServer):
    """Serves one witness; `serve_forever` until `shutdown`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        witness: Witness,
        origins: tuple[str, ...],
        clock: Callable[[], int],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Listen.

        Args:
            address: Host and port; port 0 takes a free one.
            witness: What answers.
            origins: That it watches.
            clock: Seconds since the epoch.
            tls: Of the service's certificate.

        Raises:
            OSError: The address cannot be had.
        """
        self.witness = witness
        self.clock = clock
        self.by_hash = {origin_hash(origin): origin for origin in origins}
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        self._tls = tls
        super().__init__(address, _Handler)

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        self._free.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    @override
    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    @override
    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(TIMEOUT)
        if self._tls is not None:
            # Before the timer: the plain socket is an empty shell from here on.
            request = self._tls.wrap_socket(
                request, server_side=True, do_handshake_on_connect=False
            )
        end = threading.Timer(DEADLINE, _hang_up, [request])
        end.daemon = True
        end.start()
        try:
            if isinstance(request, ssl.SSLSocket):
                request.do_handshake()
            super().finish_request(request, client_address)
        finally:
            end.cancel()
            if self._tls is not None:
                request.close()

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; it is answered by silence."""


def _hang_up(request: socket.socket) -> None:
    with suppress(OSError):
        # Of the plain socket: that of TLS would take its state from under a reader.
        socket.socket.shutdown(request, socket.SHUT_RDWR)


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = TIMEOUT
    server: WitnessServer
    server_version = "clawlaw-witness"
    sys_version = ""

    def do_POST(self) -> None:
        if self.path != ADD:
            self._say(NOT_FOUND, b"POST goes to /add-checkpoint\n")
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > MAX_REQUEST:
            self._say(BAD_REQUEST, f"a body of at most {MAX_REQUEST} bytes\n".encode())
            return
        body = self.rfile.read(int(length))
        try:
            line = self.server.witness.add(body, self.server.clock())
        except WitnessError as error:
            self._refuse(error)
        except (ClawLawError, OSError):
            # What is not remembered is not signed, and the client tries again.
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR, b"cannot be remembered\n")
        else:
            self._say(HTTPStatus.OK, line)

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._say(HTTPStatus.OK, b"ok\n")
            return
        origin = self.server.by_hash.get(self.path.removeprefix(LAST))
        found = None if origin is None else self.server.witness.last(origin)
        if found is None:
            self._say(NOT_FOUND, b"no checkpoint was seen\n")
        else:
            self._say(HTTPStatus.OK, found)

    def _refuse(self, error: WitnessError) -> None:
        if error.status == CONFLICT:
            self._say(CONFLICT, f"{error.seen}\n".encode(), SIZE_TYPE)
        else:
            self._say(error.status, f"{error}\n".encode())

    def _say(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: requests are many, and refusals are the client's news."""


def origin_hash(origin: str) -> str:
    """How an origin is named in a path."""
    return hashlib.sha256(origin.encode()).hexdigest()


class WitnessClient:
    """Asks one witness."""

    def __init__(
        self, url: str, verifier: Verifier, *, tls: ssl.SSLContext | None = None
    ) -> None:
        """Remember where it is and whose cosignature counts.

        Args:
            url: http or https, a host and a port.
            verifier: Of its cosignatures.
            tls: For https; by default the system's authorities.

        Raises:
            EvidenceError: No such address, or a key that does not cosign.
        """
        self.url: SplitResult = urlsplit(url)
        self.verifier = verifier
        self._tls = tls
        if self.url.scheme not in {"http", "https"} or not self.url.hostname:
            raise EvidenceError(f"{url!r}: a witness is http(s)://HOST:PORT")

    def last(self, origin: str) -> Checkpoint | None:
        """The last head of a log that this witness co-signed; `None`: none yet.

        Raises:
            WitnessError: It does not answer so.
        """
        note = self.last_note(origin)
        return None if note is None else parse_checkpoint(split_note(note)[0])

    def last_note(self, origin: str) -> bytes | None:
        """The same with its signatures; the witness's own was verified.

        Raises:
            WitnessError: It does not answer so.
        """
        status, body, _ = self._ask("GET", LAST + origin_hash(origin))
        if status == NOT_FOUND:
            return None
        if status != HTTPStatus.OK:
            raise WitnessError(status, f"{self._place}: HTTP {status}")
        return self._checked(body, origin)

    def add(self, old: int, proof: list[bytes], note: bytes) -> bytes:
        """Have a note co-signed.

        Returns:
            The cosignature's line, verified.

        Raises:
            WitnessError: Refused; `seen` is set where another size was expected.
        """
        status, body, kind = self._ask("POST", ADD, encode_request(old, proof, note))
        if status == CONFLICT and kind == SIZE_TYPE and body.strip().isdigit():
            size = int(body)
            raise WitnessError(CONFLICT, f"{self._place}: saw size {size} last", size)
        if status != HTTPStatus.OK:
            said = body[:200].decode("utf-8", "replace").strip()
            raise WitnessError(status, f"{self._place}: HTTP {status}: {said}")
        try:
            found = open_note(note + body, [self.verifier])
        except NoteError as error:
            raise WitnessError(status, f"{self._place}: {error}") from error
        return b"" if self.verifier.name not in found.names else body

    @property
    def _place(self) -> str:
        return f"witness {self.verifier.name} at {self.url.netloc}"

    def _checked(self, note: bytes, origin: str) -> bytes:
        try:
            found = open_note(note, [self.verifier]).checkpoint
        except NoteError as error:
            raise WitnessError(0, f"{self._place}: {error}") from error
        if found.origin != origin:
            raise WitnessError(0, f"{self._place}: answers for another log")
        return note

    def _ask(
        self, method: str, path: str, body: bytes | None = None
    ) -> tuple[int, bytes, str]:
        host, port = self.url.hostname or "", self.url.port
        connection: http.client.HTTPConnection
        if self.url.scheme == "https":
            connection = http.client.HTTPSConnection(
                host, port, timeout=CLIENT_TIMEOUT, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=CLIENT_TIMEOUT)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            data = answer.read(MAX_ANSWER + 1)
            kind = answer.headers.get_content_type()
        except (OSError, http.client.HTTPException) as error:
            what = getattr(error, "strerror", None) or type(error).__name__
            raise WitnessError(0, f"{self._place}: {what}") from error
        finally:
            connection.close()
        if len(data) > MAX_ANSWER:
            raise WitnessError(0, f"{self._place}: an answer above {MAX_ANSWER} bytes")
        return answer.status, data, kind
