# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What launchctl says, and what is to be done about it: pure.

launchctl(1) states that the output of ``print`` is no API. So little of it is read:
the fields of one service and two of its blocks, wherever they stand; what is not found
is unknown and decides nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

NO_SERVICE = (3, 113)  # ESRCH of bootout; "Could not find service" of the others
IN_PROGRESS = (36, 37)  # EINPROGRESS, EALREADY
# What bootstrap answers where the label is taken, by release: EIO, EEXIST, EALREADY,
# "Domain does not support specified action".
TAKEN = (5, 17, 37, 125)
TIMED_OUT = -1

# Code, its meaning and what to do. Codes to 106 are errno(2)'s; those above are
# launchd's own, as `launchctl error` explains them.
CODES: Mapping[int, tuple[str, str]] = {
    TIMED_OUT: (
        "no answer in time; the job is wedged in launchd",
        "boot the service out by hand, then run this again",
    ),
    1: ("operation not permitted", "become root: the system domain is root's"),
    3: ("no such process: the service is not loaded", "bootstrap it first"),
    5: (
        "input/output error: launchd's word for most refusals of a plist",
        "see what launchd logged: log show --last 5m --predicate 'processID == 1'",
    ),
    17: ("the label is taken", "boot the service out first"),
    36: ("operation now in progress", "wait until launchctl print finds it no more"),
    37: ("operation already in progress", "wait until the service has left"),
    64: ("launchctl does not know these words", "compare launchctl(1) of this release"),
    78: (
        "EX_CONFIG: the job could not be set up",
        "see that user, working directory and the folders of its logs exist",
    ),
    112: ("the domain does not exist", "daemons live in the domain system"),
    113: ("the service is not loaded", "bootstrap it first"),
    119: ("the service is disabled", "set enabled, or run launchctl enable"),
    122: (
        "the plist has bad ownership or permissions",
        "give it to root and wheel, writable by nobody else",
    ),
    125: (
        "the domain does not support the action, or the label is taken",
        "see launchctl print system, and boot the service out first",
    ),
    150: ("System Integrity Protection forbids it", "leave Apple's services alone"),
}


class LaunchctlError(Exception):
    """launchctl refused; the message names label, code, meaning and remedy."""

    def __init__(self, label: str, words: str, code: int, output: str) -> None:
        """Make an error from what launchctl answered."""
        self.code = code
        meaning, remedy = CODES.get(
            code, ("an error that is not known here", f"see launchctl error {code}")
        )
        said = " ".join(output.split()) or "nothing"
        super().__init__(
            f"{label}: launchctl {words} failed with {code} ({meaning}); it says: "
            f"{said}. Remedy: {remedy}"
        )


@dataclass(frozen=True)
class Observed:
    """One service as launchd has it.

    Attributes:
        loaded: Whether launchd knows the label, also while it is leaving.
        state: launchd's word, such as ``running`` or ``spawn scheduled``.
        pid: Of its process; None without one.
        runs: How often it was started since it was loaded.
        last_exit: Its last exit code or signal, as launchd words it.
        path: The plist it was loaded from.
        arguments: Its command; None if that was not found.
        environment: Its variables; None if they were not found.
        disabled: Whether the override that outlives reboots keeps it from loading.
    """

    loaded: bool = False
    state: str = ""
    pid: int | None = None
    runs: int | None = None
    last_exit: str = ""
    path: str = ""
    arguments: tuple[str, ...] | None = None
    environment: Mapping[str, str] | None = field(default=None, hash=False)
    disabled: bool = False

    @property
    def running(self) -> bool:
        """Say whether it has a process that is not being ended."""
        return self.state == "running" and self.pid is not None

    @property
    def leaving(self) -> bool:
        """Say whether it was told to end and its label is still taken."""
        return self.loaded and self.state.startswith(("SIGTERM", "SIGKILL"))

    @property
    def failed(self) -> bool:
        """Say whether its last process ended otherwise than by success."""
        return self.last_exit not in {"", "0", "(never exited)"}

    @property
    def scheduled(self) -> bool:
        """Say whether launchd will start it by itself."""
        return self.state == "spawn scheduled"

    @property
    def throttled(self) -> bool:
        """Say whether launchd holds its next start back after a failure."""
        return self.scheduled and self.failed

    def facts(self) -> dict[str, Any]:
        """Return what a module answers."""
        return {
            "loaded": self.loaded,
            "running": self.running,
            "state": self.state,
            "pid": self.pid,
            "runs": self.runs,
            "last_exit": self.last_exit,
            "throttled": self.throttled,
            "enabled": not self.disabled,
        }


def read_print(text: str) -> Observed:
    """Return a service from the output of ``launchctl print system/LABEL``."""
    fields: dict[str, str] = {}
    blocks: dict[str, list[str]] = {}
    inside: list[str] = []
    for line in (raw.strip() for raw in text.splitlines()):
        if line.endswith("= {"):
            inside.append(line[:-3].strip())
            if len(inside) == 2:  # noqa: PLR2004 - a block of the service itself
                blocks.setdefault(inside[1], [])
        elif line == "}":
            del inside[-1:]
        elif len(inside) == 1 and " = " in line:
            key, _, value = line.partition(" = ")
            fields.setdefault(key, value)
        elif len(inside) == 2 and line:  # noqa: PLR2004
            blocks[inside[1]].append(line)
    arguments = blocks.get("arguments")
    environment = blocks.get("environment")
    signal = fields.get("last terminating signal", "")
    return Observed(
        loaded=True,
        state=fields.get("state", ""),
        pid=_number(fields.get("pid")),
        runs=_number(fields.get("runs")),
        last_exit=signal or fields.get("last exit code", ""),
        path=fields.get("path", ""),
        arguments=None if arguments is None else tuple(arguments),
        environment=None if environment is None else _pairs(environment),
    )


def read_disabled(text: str, label: str) -> bool:
    """Say whether ``launchctl print-disabled system`` lists a label as disabled.

    macOS 13 and newer write ``disabled``, older ones ``true``. A label that is not
    listed is enabled.
    """
    row = re.search(rf'"{re.escape(label)}" => (\w+)', text)
    return row is not None and row[1] in {"disabled", "true"}


def is_stale(plist: Mapping[str, Any], path: str, now: Observed) -> bool:
    """Say whether launchd holds another definition than the plist describes.

    A changed file alone changes nothing: launchd reads it at bootstrap only. What
    launchd does not print cannot be compared.
    """
    if not now.loaded:
        return False
    if now.path and now.path != path:
        return True
    words = tuple(plist.get("ProgramArguments", (plist.get("Program"),)))
    if now.arguments is not None and tuple(map(_shown, words)) != now.arguments:
        return True
    wanted = plist.get("EnvironmentVariables", {})
    if now.environment is None:
        return False
    return any(now.environment.get(k) != _shown(v) for k, v in wanted.items())


class Step(Enum):
    """One thing to do; the value is what a reader is told."""

    BOOTOUT = "boot it out and wait until it has left"
    WRITE = "write the plist"
    REMOVE = "remove the plist"
    ENABLE = "clear the override that disables it"
    DISABLE = "disable it beyond reboots"
    BOOTSTRAP = "bootstrap it"
    START = "start it"
    RESTART = "end its process and start it again"


@dataclass(frozen=True)
class Wanted:
    """What a task asks for.

    Attributes:
        state: present, absent, started, stopped or restarted.
        enabled: Whether it may be loaded at boot.
        differs: Whether the file is another than described, or is not there.
        exists: Whether there is a file.
        stale: Whether launchd holds another definition.
        outdated: Whether it runs since before something that it reads was changed.
    """

    state: str
    enabled: bool = True
    differs: bool = False
    exists: bool = True
    stale: bool = False
    outdated: bool = False


def plan(wanted: Wanted, now: Observed) -> list[Step]:
    """Return the steps from what is to what is wanted; none if nothing is to do.

    The old definition leaves before the new file is written: a run that ends between
    the two leaves a service that is not loaded, which the next run sees.
    """
    if wanted.state == "absent":
        out = [Step.BOOTOUT] if now.loaded else []
        return [*out, Step.REMOVE] if wanted.exists else out
    steps = _files(wanted, now)
    if wanted.state == "stopped":
        return [Step.BOOTOUT, *steps] if now.loaded else steps
    # A restart of a job whose start is held back never returns: it is loaded anew.
    anew = wanted.differs or wanted.stale or now.leaving
    again = wanted.state == "restarted" or wanted.outdated
    anew = anew or (again and not now.running and now.scheduled)
    if now.loaded and anew:
        steps = [Step.BOOTOUT, *steps]
    if anew or not now.loaded:
        steps.append(Step.BOOTSTRAP)
        return steps if wanted.state == "present" else [*steps, Step.START]
    if again and now.running:
        steps.append(Step.RESTART)
    elif wanted.state != "present" and not now.running and not now.scheduled:
        steps.append(Step.START)
    return steps


def _files(wanted: Wanted, now: Observed) -> list[Step]:
    steps = [Step.WRITE] if wanted.differs else []
    if wanted.enabled and now.disabled:
        steps.append(Step.ENABLE)
    if not wanted.enabled and not now.disabled:
        steps.append(Step.DISABLE)
    return steps


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _pairs(lines: list[str]) -> dict[str, str]:
    rows = (line.partition(" => ") for line in lines)
    return {key: value for key, arrow, value in rows if arrow}


def _shown(value: object) -> str:
    """Return a word as ``print`` shows it, without the white space around it."""
    return str(value).strip()
