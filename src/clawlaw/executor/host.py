"""What stands on this machine, and whether a sandbox can stand on it."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from msgspec import Struct

from clawlaw.core.errors import ClawLawError
from clawlaw.executor import landlock
from clawlaw.executor.bounds import (
    SYSTEM_ROOTS,
    SYSTEM_SECRETS,
    Bounds,
    within,
)
from clawlaw.executor.sandbox import Host, Kind


class SandboxError(ClawLawError):
    """The action cannot be confined, and so is not performed; says what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        """Say what is missing, and the remedy."""
        super().__init__(f"{problem}\n  {remedy}")
        self.problem = problem
        self.remedy = remedy


class Availability(Struct, frozen=True):
    """Whether actions can be confined here.

    Attributes:
        name: Of what confines them; "" where nothing does.
        problem: Why not, else "".
        remedy: What to do about it.
    """

    name: str = ""
    problem: str = ""
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Whether they can."""
        return bool(self.name)


def look(bounds: Bounds, python: str = "") -> Host:
    """Find out what a view of this machine needs.

    Args:
        bounds: What may be touched.
        python: Interpreter of the last steps; by default the one that runs this.
    """
    roots, links = [], {}
    for path in map(Path, SYSTEM_ROOTS):
        if path.is_symlink():
            links[str(path)] = str(path.readlink())
        elif path.is_dir():
            roots.append(str(path))
    named = (*bounds.write, *bounds.read, *bounds.hide, *bounds.keep)
    chosen = Path(python or sys.executable).resolve()
    library = () if within(str(chosen), tuple(roots)) else (_prefix(chosen),)
    return Host(tuple(roots), links, _kinds(named), str(chosen), library)


def _prefix(python: Path) -> str:
    """Directory that an interpreter is installed in."""
    return str(python.parent.parent)


def _kinds(paths: Iterable[str]) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for path in paths:
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue
        if not stat.S_ISLNK(mode):
            found[path] = "directory" if stat.S_ISDIR(mode) else "file"
    return found


def system_secrets() -> tuple[str, ...]:
    """What of the system's own secrets exists here."""
    return tuple(_kinds(SYSTEM_SECRETS))


def bubblewrap() -> str:
    """The program that makes the namespaces.

    Raises:
        SandboxError: It is not installed where an agent cannot write.
    """
    found = shutil.which("bwrap", path="/usr/bin:/usr/local/bin:/bin")
    if found is None:
        raise SandboxError(
            "bubblewrap is not installed: nothing confines what is run",
            "install it (Debian, Ubuntu: apt-get install bubblewrap), then try again",
        )
    return found


@cache
def available() -> Availability:
    """Whether actions can be confined here: tried, not guessed.

    The daemon asks it for the fact `sandbox`. What is tried is a whole sandbox, with
    every wall; the answer is kept for the life of the process.
    """
    from clawlaw.executor.process import Job, perform  # noqa: PLC0415  # needs this file

    if sys.platform != "linux":
        return Availability(
            problem=f"no sandbox is built for {sys.platform} that was tried on it",
            remedy="run the executor on Linux; docs/executor.md says what is open",
        )
    try:
        with tempfile.TemporaryDirectory() as scratch:
            write = (str(Path(scratch).resolve()),)
            bounds = Bounds(cwd="/", home="/home/agent", write=write)
            ended = perform(Job(bounds, ("/bin/bash", "-c", "exit 42")))
    except (SandboxError, OSError) as error:
        remedy = getattr(error, "remedy", "run `clawlaw run --check`")
        return Availability(
            problem=getattr(error, "problem", str(error)), remedy=remedy
        )
    if ended.exit == 42:  # noqa: PLR2004  # what the trial ends with
        return Availability(name=f"bubblewrap+landlock{landlock.abi()}")
    said = ended.head.decode("utf-8", "replace").strip()
    return Availability(problem=said or f"exit {ended.exit}", remedy=_remedy(said))


def _remedy(said: str) -> str:
    if "Landlock" in said:
        return "boot a kernel from 5.13 on with lsm=landlock,... on its command line"
    if "Unknown option" in said or "unknown option" in said:
        return "install bubblewrap 0.8 or later"
    if "namespace" in said or "uid map" in said or "Permission denied" in said:
        return (
            "let the account make user namespaces: sysctl user.max_user_namespaces, "
            "kernel.apparmor_restrict_unprivileged_userns (docs/executor.md)"
        )
    return "docs/executor.md lists what a sandbox needs"
