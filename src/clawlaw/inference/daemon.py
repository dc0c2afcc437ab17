"""The process: sockets, signals, and an end that loses no outcome."""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Final

import uvloop
from aiohttp import web

from clawlaw.gate.systemd import Notifier
from clawlaw.inference.backends import Backends
from clawlaw.inference.config import Config, ListenPart, read_config
from clawlaw.inference.gatekeeper import Gatekeeper
from clawlaw.inference.journal import Journal
from clawlaw.inference.metrics import Metrics
from clawlaw.inference.service import Service

GRACE: Final = 20.0  # seconds that answers may take to end, once it stops
LAST: Final = 10.0  # seconds for the outcomes that are left then


def event(name: str, **said: object) -> None:
    """One line for the log of the service; never of a prompt or an answer."""
    line = {"time": int(time.time() * 1000), "event": name, **said}
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


class Daemon:
    """One proxy.

    Attributes:
        config: As read.
    """

    def __init__(self, path: Path) -> None:
        """Read the configuration.

        Raises:
            PolicyError: It cannot be used.
            PrivateFileError: Others could read or change it.
        """
        self.config: Config = read_config(path)

    def run(self) -> None:
        """Serve until a signal asks to stop.

        Raises:
            PrivateFileError: The journal cannot be used.
        """
        journal = Journal(self.config.journal)
        for why in journal.unread:
            event("journal-unread", why=why)
        if journal:
            event("outcomes-owed", count=len(journal))
        uvloop.run(self._serve(journal))

    async def _serve(self, journal: Journal) -> None:
        config, metrics = self.config, Metrics()
        gate = Gatekeeper(config.gate.url, config.gate.seconds)
        backends = Backends(config, metrics)
        await backends.start()
        service = Service(config, backends, gate, metrics, journal=journal)
        runner = web.AppRunner(
            service.application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=GRACE,
            keepalive_timeout=75,
        )
        told = await _metrics(metrics, config.metrics)
        try:
            await _listen(runner, config.listen)
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop.set)
            up = [backend.part.name for backend in backends if backend.up]
            event("ready", listen=f"{config.listen.host}:{config.listen.port}", up=up)
            notifier = Notifier()
            notifier.tell("READY=1")
            await _until(stop, notifier)
            event("stopping")
            notifier.tell("STOPPING=1")
        finally:
            await runner.cleanup()
            if service.pending:
                _, left = await asyncio.wait(service.pending, timeout=LAST)
                if left:
                    event("outcomes-lost", count=len(left))
            gate.close()
            await backends.close()
            if told is not None:
                await told.cleanup()
        event("stopped")


async def _until(stop: asyncio.Event, notifier: Notifier) -> None:
    """Wait for the signal, with signs of life for the service manager."""
    while not stop.is_set():
        try:
            async with asyncio.timeout(notifier.watchdog or None):
                await stop.wait()
        except TimeoutError:
            notifier.tell("WATCHDOG=1")


async def _listen(runner: web.AppRunner, at: ListenPart) -> None:
    await runner.setup()
    await web.TCPSite(runner, at.host, at.port).start()


async def _metrics(metrics: Metrics, at: ListenPart | None) -> web.AppRunner | None:
    """Numbers at an address of their own, which agents need not reach."""
    if at is None:
        return None

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(
            body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    app = web.Application()
    app.router.add_get("/metrics", serve)
    runner = web.AppRunner(app, access_log=None)
    await _listen(runner, at)
    return runner
