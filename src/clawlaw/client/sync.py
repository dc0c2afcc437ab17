"""The blocking client; one connection a thread."""

import functools
import http.client
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import quote

from clawlaw.client.errors import Denied, Escalated, GateUnavailable
from clawlaw.client.messages import (
    MAX_ANSWER,
    POLL,
    TIMEOUT,
    Allowed,
    Call,
    Result,
    bound,
    ended,
    outcome,
    read_fields,
    read_verdict,
    result_of,
)
from clawlaw.client.place import Place


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """One gate."""

    def __init__(
        self,
        *,
        socket: str = "",
        url: str = "",
        token: str = "",
        timeout: float = TIMEOUT,
        name: str = "python",
        ca: str = "",
        certificate: str = "",
        key: str = "",
    ) -> None:
        """Remember where the gate is; connects when it is asked.

        Args:
            socket: Path of its Unix socket; who asks is known by the uid.
            url: Or its address: on loopback `http://127.0.0.1:8787`, with TLS 1.3
                `https://gate.example:8788`.
            token: Bearer token for `http`.
            timeout: Seconds for one answer.
            name: Of the program that asks, for the record.
            ca: For `https`, here and below: file with the certificate of the
                authority that signed the gate's, PEM; default: `CLAWLAW_GATE_CA`.
            certificate: File with the agent's own; default: `CLAWLAW_GATE_CERTIFICATE`.
            key: File with its key, mode 0600; default: `CLAWLAW_GATE_KEY`.

        Raises:
            ValueError: Neither or both of `socket` and `url`, no address, or not what
                its scheme needs.
        """
        self._place = Place.of(
            socket=socket, url=url, token=token, ca=ca, certificate=certificate, key=key
        )
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout = timeout
        self._name = name
        self._local = threading.local()

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close this thread's connection."""
        self.close()

    def close(self) -> None:
        """Close this thread's connection; another question opens one again."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    @contextmanager
    def session(
        self,
        session: str,
        *,
        purpose: str = "",
        paths: Sequence[str] = (),
        hosts: Sequence[str] = (),
        programs: Sequence[str] = (),
        parent: str = "",
        goal: str = "",
        cwd: str = "",
    ) -> Iterator["Session"]:
        """Open a session, and close it at the end.

        Args:
            session: Id, new at the gate.
            purpose: What it is for; with `paths`, `hosts` and `programs` what it
                declares to need. Nothing declared takes the principal's ceiling.
            paths: Absolute directories.
            hosts: Names.
            programs: Names.
            parent: Session that delegates to this one.
            goal: Digest of the request that it serves.
            cwd: Of its proposals; default: this process's.

        Raises:
            Denied: It may not begin so.
        """
        said: dict[str, Any] = {"session": session, "client": self._name}
        said |= {k: v for k, v in (("parent", parent), ("goal", goal)) if v}
        if purpose or paths or hosts or programs:
            said["scope"] = {
                "purpose": purpose,
                "paths": list(paths),
                "hosts": list(hosts),
                "programs": list(programs),
            }
        self.ask("POST", "/v1/sessions", said)
        try:
            yield Session(self, session, cwd or os.getcwd())  # noqa: PTH109  # text
        finally:
            try:
                self.ask("POST", "/v1/sessions/close", {"session": session})
            except Denied:
                self.close()  # quarantined or gone: the gate keeps it shut

    def ask(
        self, method: str, path: str, said: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask the gate something that is no proposal.

        Raises:
            Denied: It refuses.
            GateUnavailable: There is no answer that is understood.
        """
        body = b"" if said is None else json.dumps(said).encode()
        return read_fields(*self.exchange(method, path, body))

    def exchange(
        self, method: str, path: str, body: bytes, *, wait: float = 0
    ) -> tuple[int, bytes]:
        """One request and its answer: status and body.

        A request is never sent twice: the first may have been decided.

        Raises:
            GateUnavailable: No answer came.
        """
        connection = self._connection()
        try:
            if connection.sock is not None:
                connection.sock.settimeout(self._timeout + wait)
            connection.request(method, path, body or None, self._headers)
            if connection.sock is not None:
                connection.sock.settimeout(self._timeout + wait)
            answer = connection.getresponse()
            data = answer.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._place.failed(error) from error
        if len(data) > MAX_ANSWER:
            self.close()
            raise GateUnavailable(f"an answer above {MAX_ANSWER} bytes")
        return answer.status, data

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None
        found = getattr(self._local, "connection", None)
        if found is not None and _closed(found):
            self.close()
            found = None
        if found is None:
            found = self._local.connection = self._opened()
        return found

    def _opened(self) -> http.client.HTTPConnection:
        place, timeout = self._place, self._timeout
        if place.socket:
            return _UnixConnection(place.socket, timeout)
        tls = place.tls()
        if tls is None:
            return http.client.HTTPConnection(place.host, place.port, timeout=timeout)
        return http.client.HTTPSConnection(
            place.host, place.port, timeout=timeout, context=tls
        )


def _closed(connection: http.client.HTTPConnection) -> bool:
    """Whether an idle connection is of no use: closed, or with bytes of no question."""
    if connection.sock is None:
        return False
    try:
        connection.sock.settimeout(0)
        connection.sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    return True


class Session:
    """An open session.

    Attributes:
        id: As opened.
        cwd: Of its proposals.
    """

    def __init__(self, client: Client, session: str, cwd: str) -> None:
        """Belong to a client."""
        self.id = session
        self.cwd = cwd
        self._client = client

    def propose(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        /,
        *,
        mediated: bool = False,
        **named: Any,  # noqa: ANN401  # any JSON
    ) -> Allowed:
        """Ask whether an action may happen.

        Args:
            tool: As the policy knows it.
            arguments: By name; or give them as keywords.
            mediated: An executor will perform it, against the permit.
            named: Arguments.

        Raises:
            Denied: It must not.
            Escalated: A steward was asked; `wait` waits for the answer.
            GateUnavailable: Nobody decided.
        """
        more = {"mediated": True} if mediated else {}
        given = {**(arguments or {}), **named}
        return self._proposed(Call(self.id, tool, given, self.cwd, more))

    def _proposed(self, call: Call) -> Allowed:
        client = self._client
        try:
            return read_verdict(
                *client.exchange("POST", "/v1/proposals", call.encode())
            )
        except Escalated as error:
            asked = error
            asked.wait = lambda seconds: self._wait(asked, call, seconds)
            raise

    def _wait(self, escalated: Escalated, call: Call, seconds: float) -> Allowed:
        until = time.monotonic() + seconds
        name = quote(escalated.escalation, safe="")
        while (left := until - time.monotonic()) > 0:
            wait = max(min(left, POLL), 1)
            path = f"/v1/escalations/{name}?wait={int(wait)}"
            said = read_fields(*self._client.exchange("GET", path, b"", wait=wait))
            if ended(escalated.escalation, said):
                return self._proposed(call)
        raise escalated

    def report(
        self,
        allowed: Allowed,
        result: Result | None = None,
        *,
        status: str = "done",
        microseconds: int = 0,
    ) -> None:
        """Tell the gate what became of an action.

        Raises:
            Denied: The gate does not take it.
        """
        said = outcome(allowed.id, status, result or Result(), microseconds)
        self._client.ask("POST", "/v1/outcomes", said)

    def perform(
        self,
        tool: str,
        function: Callable[..., Any],
        /,
        **arguments: Any,  # noqa: ANN401  # any JSON
    ) -> Any:  # noqa: ANN401  # of the function
        """Propose, call the function with the arguments where allowed, and report.

        Returns:
            What the function returned; of a `Result` its value.

        Raises:
            Denied: The function was not called, or its outcome was not taken.
        """
        allowed = self.propose(tool, arguments)
        begin = time.perf_counter_ns()
        try:
            result = result_of(function(**arguments))
        except BaseException as error:
            failed = Result(text=f"{type(error).__name__}: {error}")
            spent = (time.perf_counter_ns() - begin) // 1000
            self.report(allowed, failed, status="failed", microseconds=spent)
            raise
        spent = (time.perf_counter_ns() - begin) // 1000
        self.report(allowed, result, microseconds=spent)
        return result.value

    def tool[**P, R](self, name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Make a function one that asks first, as a tool of the policy."""

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            @functools.wraps(function)
            def asked(*args: P.args, **kwargs: P.kwargs) -> R:
                given = bound(function, args, kwargs)
                done: R = self.perform(name, function, **given)
                return done

            return asked

        return decorate
