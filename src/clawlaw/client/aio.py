"""The client for asyncio; one question at a time on its connection."""

import asyncio
import functools
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import quote

from clawlaw.client.errors import Denied, Escalated
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

_MAX_HEAD = 16 << 10  # bytes of an answer's headers


class AsyncClient:
    """One gate; as :class:`clawlaw.client.Client`, to be awaited."""

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
            socket: Path of its Unix socket.
            url: Or its address, as of `Client`; `ca`, `certificate` and `key` too.
            token: Bearer token for `http`.
            timeout: Seconds for one answer.
            name: Of the program that asks, for the record.
            ca: File with the authority of the gate's certificate.
            certificate: File with the agent's own.
            key: File with its key.

        Raises:
            ValueError: Neither or both of `socket` and `url`, no address, or not what
                its scheme needs.
        """
        self._place = Place.of(
            socket=socket, url=url, token=token, ca=ca, certificate=certificate, key=key
        )
        self._token = token
        self._timeout = timeout
        self._name = name
        self._lock = asyncio.Lock()
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; another question opens one again."""
        if self._stream is not None:
            writer = self._stream[1]
            if self._place.files:
                writer.transport.abort()  # else it waits for the gate's last word
            else:
                writer.close()
            self._stream = None

    @asynccontextmanager
    async def session(
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
    ) -> AsyncIterator["AsyncSession"]:
        """Open a session, and close it at the end; arguments as of `Client.session`.

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
        await self.ask("POST", "/v1/sessions", said)
        try:
            yield AsyncSession(self, session, cwd or os.getcwd())  # noqa: PTH109  # text
        finally:
            try:
                await self.ask("POST", "/v1/sessions/close", {"session": session})
            except Denied:
                self.close()  # quarantined or gone: the gate keeps it shut

    async def ask(
        self, method: str, path: str, said: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask the gate something that is no proposal.

        Raises:
            Denied: It refuses.
            GateUnavailable: There is no answer that is understood.
        """
        body = b"" if said is None else json.dumps(said).encode()
        return read_fields(*await self.exchange(method, path, body))

    async def exchange(
        self, method: str, path: str, body: bytes, *, wait: float = 0
    ) -> tuple[int, bytes]:
        """One request and its answer: status and body.

        A request is never sent twice: the first may have been decided.

        Raises:
            GateUnavailable: No answer came.
        """
        async with self._lock:
            try:
                async with asyncio.timeout(self._timeout + wait):
                    reader, writer = await self._connected()
                    writer.write(self._encode(method, path, body))
                    await writer.drain()
                    return await _answer(reader)
            except BaseException as error:
                self.close()  # a late answer must not be taken for the next one's
                if not isinstance(error, OSError | ValueError | EOFError):
                    raise
                raise self._place.failed(error) from error

    def _encode(self, method: str, path: str, body: bytes) -> bytes:
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self._place.netloc or 'localhost'}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        if self._token:
            head.append(f"Authorization: Bearer {self._token}")
        return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        stream = self._stream
        if stream is not None and (stream[0].at_eof() or stream[1].is_closing()):
            self.close()
        if self._stream is None:
            place = self._place
            if place.socket:
                opened = asyncio.open_unix_connection(place.socket, limit=_MAX_HEAD)
            else:
                opened = asyncio.open_connection(
                    place.host, place.port, limit=_MAX_HEAD, ssl=place.tls()
                )
            self._stream = await opened
        return self._stream


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer, as the gate writes them.

    Raises:
        ValueError: It is none.
        EOFError: It ended before its time.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise ValueError("no end of headers") from error
    line, *headers = head[:-4].split(b"\r\n")
    version, status, *_ = line.split(b" ", 2)
    lengths = [
        int(value)
        for name, _, value in (h.partition(b":") for h in headers)
        if name.lower() == b"content-length"
    ]
    if version != b"HTTP/1.1" or len(lengths) != 1 or not 0 <= lengths[0] <= MAX_ANSWER:
        raise ValueError("not an answer of a gate")
    return int(status), await reader.readexactly(lengths[0])


class AsyncSession:
    """An open session; as :class:`clawlaw.client.Session`, to be awaited.

    Attributes:
        id: As opened.
        cwd: Of its proposals.
    """

    def __init__(self, client: AsyncClient, session: str, cwd: str) -> None:
        """Belong to a client."""
        self.id = session
        self.cwd = cwd
        self._client = client

    async def propose(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        /,
        *,
        mediated: bool = False,
        **named: Any,  # noqa: ANN401  # any JSON
    ) -> Allowed:
        """Ask whether an action may happen; arguments as of `Session.propose`.

        Raises:
            Denied: It must not.
            Escalated: A steward was asked; awaiting `wait` waits for the answer.
            GateUnavailable: Nobody decided.
        """
        more = {"mediated": True} if mediated else {}
        given = {**(arguments or {}), **named}
        return await self._proposed(Call(self.id, tool, given, self.cwd, more))

    async def _proposed(self, call: Call) -> Allowed:
        client = self._client
        try:
            answer = await client.exchange("POST", "/v1/proposals", call.encode())
            return read_verdict(*answer)
        except Escalated as error:
            asked = error
            asked.wait = lambda seconds: self._wait(asked, call, seconds)
            raise

    async def _wait(self, escalated: Escalated, call: Call, seconds: float) -> Allowed:
        until = time.monotonic() + seconds
        name = quote(escalated.escalation, safe="")
        while (left := until - time.monotonic()) > 0:
            wait = max(min(left, POLL), 1)
            path = f"/v1/escalations/{name}?wait={int(wait)}"
            answer = await self._client.exchange("GET", path, b"", wait=wait)
            if ended(escalated.escalation, read_fields(*answer)):
                return await self._proposed(call)
        raise escalated

    async def report(
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
        await self._client.ask("POST", "/v1/outcomes", said)

    async def perform(
        self,
        tool: str,
        function: Callable[..., Awaitable[Any]],
        /,
        **arguments: Any,  # noqa: ANN401  # any JSON
    ) -> Any:  # noqa: ANN401  # of the function
        """Propose, await the function with the arguments where allowed, and report.

        Returns:
            What the function returned; of a `Result` its value.

        Raises:
            Denied: The function was not called, or its outcome was not taken.
        """
        allowed = await self.propose(tool, arguments)
        begin = time.perf_counter_ns()
        try:
            result = result_of(await function(**arguments))
        except BaseException as error:
            failed = Result(text=f"{type(error).__name__}: {error}")
            spent = (time.perf_counter_ns() - begin) // 1000
            await self.report(allowed, failed, status="failed", microseconds=spent)
            raise
        spent = (time.perf_counter_ns() - begin) // 1000
        await self.report(allowed, result, microseconds=spent)
        return result.value

    def tool[**P, R](
        self, name: str
    ) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
        """Make a coroutine function one that asks first, as a tool of the policy."""

        def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
            @functools.wraps(function)
            async def asked(*args: P.args, **kwargs: P.kwargs) -> R:
                given = bound(function, args, kwargs)
                done: R = await self.perform(name, function, **given)
                return done

            return asked

        return decorate
