# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One LaunchDaemon of this host: what is asked of launchctl, and told to it.

Never used: ``load`` and ``unload``, which guess the domain; ``setenv``, which is lost
at reboot; ``bootout --wait``, which many releases refuse.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils import (
    launchd,
    launchd_plist,
)
from ansible_collections.forge.platform.plugins.module_utils.launchd import (
    LaunchctlError,
    Observed,
    Step,
)

DAEMONS = "/Library/LaunchDaemons"
ROOT = 0  # also the number of the group wheel
PAUSE = 0.25  # seconds between two looks
TRIES = 4  # of a bootstrap that is refused for no reason that lasts


class StuckError(Exception):
    """A daemon was told to leave and has not."""


class Daemon:
    """One daemon on this host."""

    def __init__(
        self,
        launchctl: str,
        label: str,
        plist: dict[str, Any],
        *,
        path: str | None,
        seconds: float,
        call_seconds: float,
    ) -> None:
        """Take what is wanted; nothing is asked yet.

        Args:
            launchctl: Path of the program.
            label: The daemon's.
            plist: Its plist, with the label.
            path: Of the file; None for the folder that is loaded at boot.
            seconds: How long a process may take to appear, or to leave.
            call_seconds: How long one call of launchctl may take.
        """
        self.launchctl = launchctl
        self.label = label
        self.target = f"system/{label}"
        self.plist = plist
        self.path = path or f"{DAEMONS}/{label}.plist"
        self.seconds = seconds
        self.call_seconds = call_seconds

    def call(self, *words: str) -> tuple[int, str, str]:
        """Run launchctl; return its code, output and error output."""
        try:
            done = subprocess.run(
                [self.launchctl, *words],
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=self.call_seconds,
            )
        except subprocess.TimeoutExpired:
            return launchd.TIMED_OUT, "", ""
        return done.returncode, done.stdout, done.stderr

    def tell(self, *words: str, fine: tuple[int, ...] = ()) -> int:
        """Run launchctl; fail on a code that is neither 0 nor fine."""
        code, out, error = self.call(*words)
        if code not in (0, *fine):
            raise LaunchctlError(self.label, words[0], code, error or out)
        return code

    def look(self) -> Observed:
        """Return the daemon as launchd has it."""
        code, out, error = self.call("print", self.target)
        if code not in (0, *launchd.NO_SERVICE):
            raise LaunchctlError(self.label, "print", code, error or out)
        now = launchd.read_print(out) if code == 0 else Observed()
        code, out, error = self.call("print-disabled", "system")
        if code != 0:
            raise LaunchctlError(self.label, "print-disabled", code, error or out)
        disabled = launchd.read_disabled(out, self.label)
        return Observed(**{**vars(now), "disabled": disabled})

    def until(self, is_done: Callable[[Observed], bool]) -> Observed | None:
        """Look until something is so; None if it does not become so in time."""
        end = time.monotonic() + self.seconds
        while True:
            now = self.look()
            if is_done(now):
                return now
            if time.monotonic() > end:
                return None
            time.sleep(PAUSE)

    def bootout(self) -> None:
        """Take the daemon out; bootout itself only asks for it and returns."""
        fine = launchd.NO_SERVICE + launchd.IN_PROGRESS
        self.tell("bootout", self.target, fine=fine)
        if self.until(lambda now: not now.loaded) is None:
            raise StuckError(
                f"it was told to leave and has not within {self.seconds} s, so its "
                "plist was not touched. Remedy: see why its process ignores SIGTERM, "
                "or set ExitTimeOut"
            )

    def bootstrap(self) -> None:
        """Load the plist; free a label that is taken, outlast a passing error."""
        for left in reversed(range(TRIES)):
            code, out, error = self.call("bootstrap", "system", self.path)
            if code == 0:
                return
            if code not in launchd.TAKEN or not left:
                raise LaunchctlError(self.label, "bootstrap", code, error or out)
            if self.look().loaded:
                self.bootout()
            else:
                time.sleep(PAUSE)

    def restart(self) -> None:
        """End the process and have it started again."""
        code = self.tell(
            "kickstart", "-k", self.target,
            fine=(launchd.TIMED_OUT, *launchd.IN_PROGRESS),
        )  # fmt: skip
        if code == launchd.TIMED_OUT:
            self.bootout()
            self.bootstrap()
            self.start()

    def start(self) -> None:
        """Have it started, unless its own keys did so by now."""
        now = self.look()
        if not now.running and not now.scheduled:
            self.tell("kickstart", self.target, fine=launchd.IN_PROGRESS)

    def write(self) -> None:
        """Put the plist in its place at once, root's and writable by nobody else."""
        folder = os.path.dirname(self.path)  # noqa: PTH120 - Ansible's style
        descriptor, scratch = tempfile.mkstemp(dir=folder, prefix=".launchd-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(launchd_plist.text(self.plist))
            os.chown(scratch, ROOT, ROOT)
            os.chmod(scratch, 0o644)  # noqa: PTH101
            os.replace(scratch, self.path)  # noqa: PTH105
        except OSError:
            os.unlink(scratch)  # noqa: PTH108
            raise

    def perform(self, step: Step) -> None:
        """Do one thing."""
        if step is Step.REMOVE:
            os.unlink(self.path)  # noqa: PTH108
        elif step in (Step.ENABLE, Step.DISABLE):
            self.tell(step.name.lower(), self.target)
        else:
            actions: dict[Step, Callable[[], None]] = {
                Step.BOOTOUT: self.bootout,
                Step.WRITE: self.write,
                Step.BOOTSTRAP: self.bootstrap,
                Step.START: self.start,
                Step.RESTART: self.restart,
            }
            actions[step]()
