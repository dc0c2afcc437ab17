"""The daemon's sockets and clock around a boundary.

One thread. Whatever can be read in one turn of the event loop is decided in that turn;
at its end everything is written and synced at once, and only then do the answers leave.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from clawlaw.core.errors import ClawLawError
from clawlaw.gate import replies
from clawlaw.gate.boundary import Boundary
from clawlaw.gate.config import Config, ListenerPart
from clawlaw.gate.http import Connection, Request, Slot
from clawlaw.gate.journal import note
from clawlaw.gate.listeners import BACKLOG, Door, Identities, bound, tls_context
from clawlaw.gate.peers import Peer
from clawlaw.gate.replies import Reply
from clawlaw.gate.router import Router
from clawlaw.gate.systemd import Notifier

TICK: Final = 1.0  # seconds
DRAIN: Final = 5.0  # seconds that a stop waits for answers to leave

type Deferred = Callable[[Request], "asyncio.Future[Reply] | None"]


class Server:
    """All listeners of one gate."""

    def __init__(
        self,
        config: Config,
        boundary: Boundary,
        router: Router,
        *,
        deferred: Deferred = lambda _request: None,
        ticked: Callable[[], None] = lambda: None,
        reload: Callable[[Callable[[], None]], None] = lambda _flush: None,
    ) -> None:
        """Serve a boundary as the configuration says.

        Args:
            config: Listeners and limits.
            boundary: Decides and records.
            router: Leads to it.
            deferred: Answers later what cannot be answered at once.
            ticked: Called every second, before the flush.
            reload: Called on SIGHUP.
        """
        self._config = config
        self._boundary = boundary
        self._router = router
        self._deferred = deferred
        self._ticked = ticked
        self._reload = reload
        self._connections: set[Connection] = set()
        self._by_door: dict[Door, int] = {}
        self._unsent: list[tuple[Connection, Slot, Reply]] = []
        self._watchers: dict[str, list[tuple[Connection, Slot, Peer, float]]] = {}
        self._flushing = False
        self._stopping = asyncio.Event()
        self._empty = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._notifier = Notifier()
        self._latched = False

    @property
    def connections(self) -> int:
        """Open ones."""
        return len(self._connections)

    async def run(self) -> None:
        """Serve until a signal asks to stop, then drain.

        Raises:
            ListenError: A place cannot be listened at.
        """
        identities = Identities(self._config)
        loop = asyncio.get_running_loop()
        for part in self._config.listeners:
            await self._listen(part, Door(part, identities))
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload, self.flush)
        self._notifier.tell("READY=1", "STATUS=serving")
        note("serving", listeners=[p.place for p in self._config.listeners])
        await self._tick()
        self._notifier.tell("STOPPING=1")
        await self._drain()

    def stop(self) -> None:
        """Begin to drain."""
        self._stopping.set()

    async def _listen(self, part: ListenerPart, door: Door) -> None:
        loop = asyncio.get_running_loop()
        context, listening = tls_context(part), bound(part)
        self._by_door[door] = 0

        def connection() -> Connection:
            return Connection(
                lambda c, request, slot: self._serve(door, c, request, slot),
                lambda c, transport: self._admit(door, c, transport),
                lambda c: self._gone(door, c),
                self._malformed,
                self._config.limits.body,
            )

        more: dict[str, Any] = {"ssl_handshake_timeout": 5} if context else {}
        serve = loop.create_unix_server if part.unix else loop.create_server
        self._servers.append(
            await serve(
                connection, sock=listening, ssl=context, backlog=BACKLOG, **more
            )
        )

    def _admit(
        self, door: Door, connection: Connection, transport: asyncio.Transport
    ) -> bool:
        if self._by_door[door] >= self._config.limits.connections:
            return False
        peer = door.admit(transport)
        if peer is None:
            note("turned away", listener=door.part.place)
            return False
        connection.peer = peer
        self._by_door[door] += 1
        self._connections.add(connection)
        return True

    def _gone(self, door: Door, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            self._by_door[door] -= 1
            if not self._connections:
                self._empty.set()

    def _malformed(self) -> None:
        ledger = self._boundary.state.ledger
        ledger.uncounted("malformed", ledger.now())

    def _serve(
        self, door: Door, connection: Connection, request: Request, slot: Slot
    ) -> None:
        self._boundary.hooks.timed(("http",), (connection.begun, perf_counter()))
        try:
            peer = door.identify(connection.peer, request)
            if peer is None:
                remedy = "ask the gate by its own name"
                reply = replies.problem(403, "another host is asked", "Host", remedy)
            elif (later := self._later(peer, request)) is not None:
                later.add_done_callback(lambda f: self._came(f, connection, slot))
                return
            elif self._watch(peer, request, connection, slot):
                return
            else:
                reply = self._router.serve(peer, request)
        except Exception as error:  # noqa: BLE001  # the edge: whatever it is, it denies
            note("failed", error=type(error).__name__, path=request.path[:200])
            reply = replies.failed()
        self._send(connection, slot, reply)
        connection.begun = perf_counter()  # of a request that came with it

    def _later(self, peer: Peer, request: Request) -> asyncio.Future[Reply] | None:
        return self._deferred(request) if "steward" in peer.rights else None

    def _came(
        self, future: asyncio.Future[Reply], connection: Connection, slot: Slot
    ) -> None:
        self._send(
            connection,
            slot,
            replies.failed()
            if future.cancelled() or future.exception()
            else future.result(),
        )

    def _send(self, connection: Connection, slot: Slot, reply: Reply) -> None:
        if reply.durable:
            connection.answer(slot, reply)
            return
        self._unsent.append((connection, slot, reply))
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Make everything durable, then let the answers leave."""
        self._flushing = False
        unsent, self._unsent = self._unsent, []
        if not self._boundary.flush() and not self._latched:
            self._latched = True
            note("latched", reason=self._boundary.state.ledger.latched)
            self._notifier.tell("STATUS=latched: evidence cannot be written")
        begun = perf_counter()
        for connection, slot, reply in unsent:
            connection.answer(slot, reply)
        if unsent:
            self._boundary.hooks.timed(("answer",), (begun, perf_counter()))
        self._boundary.rest()
        if self._watchers:
            self._look(asyncio.get_running_loop().time())

    def _watch(
        self, peer: Peer, request: Request, connection: Connection, slot: Slot
    ) -> bool:
        """Whether the request waits for an escalation that is pending."""
        wait = self._router.wait_of(request)
        if wait is None or not self._pending(wait.escalation):
            return False
        if "propose" not in peer.rights or not self._owns(peer, wait.escalation):
            return False
        until = asyncio.get_running_loop().time() + wait.seconds
        waiting = self._watchers.setdefault(wait.escalation, [])
        waiting.append((connection, slot, peer, until))
        return True

    def _pending(self, name: str) -> bool:
        try:
            case = self._boundary.state.escalations.case(name)
        except ClawLawError:
            return False
        return case.status == "pending"

    def _owns(self, peer: Peer, name: str) -> bool:
        case = self._boundary.state.escalations.case(name)
        return case.asked.principal == peer.principal

    def _look(self, now: float, *, all_of_them: bool = False) -> None:
        """Answer those whose escalation ended, or whose time is over."""
        for name, waiting in list(self._watchers.items()):
            over = all_of_them or not self._pending(name)
            kept = []
            for watcher in waiting:
                connection, slot, peer, until = watcher
                if over or now >= until or connection not in self._connections:
                    connection.answer(slot, self._boundary.escalation(peer, name))
                else:
                    kept.append(watcher)
            if kept:
                self._watchers[name] = kept
            else:
                del self._watchers[name]

    async def _tick(self) -> None:
        """Every second: deadlines of everything, and a sign of life."""
        loop = asyncio.get_running_loop()
        limits = self._config.limits
        alive = loop.time()
        while not self._stopping.is_set():
            now = loop.time()
            self._boundary.state.tick()
            self._ticked()
            self.flush()
            self._look(now)
            for connection in list(self._connections):
                connection.expire(now, limits.read, limits.idle)
            watchdog = self._notifier.watchdog
            if watchdog and now - alive >= watchdog - TICK:
                self._notifier.tell("WATCHDOG=1")
                alive = now
            try:
                await asyncio.wait_for(self._stopping.wait(), TICK)
            except TimeoutError:
                continue

    def _unlink(self) -> None:
        for part in self._config.listeners:
            if part.unix:
                Path(part.unix).unlink(missing_ok=True)

    async def _drain(self) -> None:
        """Take nothing new, answer what came, then close."""
        for server in self._servers:
            server.close()
        self._unlink()
        self.flush()
        self._look(asyncio.get_running_loop().time(), all_of_them=True)
        for connection in list(self._connections):
            connection.end()
        self._empty.clear()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), DRAIN)
        note("drained", left=len(self._connections))
