"""The blocking client; one connection a thread."""

import functools
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import quote, urlsplit

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
    ) -> None:
        """Remember where the gate is; connects when it is asked.

        Args:
            socket: Path of its Unix socket; who asks is known by the uid.
            url: Or its address on loopback, `http://127.0.0.1:8787`.
            token: Bearer token for `url`.
            timeout: Seconds for one answer.
            name: Of the program that asks, for the record.

        Raises:
            ValueError: Neither or both of `socket` and `url`, or no address.
        """
        if bool(socket) == bool(url):
            raise ValueError("give socket or url, one of them")
        self._socket = socket
        self._place = urlsplit(url)
        if url and (self._place.scheme != "http" or not self._place.hostname):
            raise ValueError(f"{url!r}: expected http://ADDRESS:PORT")
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
            connection.close()
            where = self._socket or self._place.netloc
            raise GateUnavailable(
                f"{where}: no answer ({type(error).__name__})",
                remedy="see that the gate runs and that this user may reach it",
            ) from error
        if len(data) > MAX_ANSWER:
            connection.close()
            raise GateUnavailable(f"an answer above {MAX_ANSWER} bytes")
        return answer.status, data

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None
        connection = getattr(self._local, "connection", None)
        if connection is not None and _closed(connection):
            connection.close()
        if connection is None:
            connection = (
                _UnixConnection(self._socket, self._timeout)
                if self._socket
                else http.client.HTTPConnection(
                    self._place.hostname or "", self._place.port, timeout=self._timeout
                )
            )
            self._local.connection = connection
        return connection


def _closed(connection: http.client.HTTPConnection) -> bool:
    """Whether the gate has closed a connection that lay idle."""
    if connection.sock is None:
        return False
    try:
        connection.sock.settimeout(0)
        return connection.sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
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
