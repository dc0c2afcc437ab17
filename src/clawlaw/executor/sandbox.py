"""Bounds to a bubblewrap command line: a file system built from nothing. Pure.

The new root is empty. Into it go the system's programs, read only; what the bounds
name; a `/proc`, `/dev` and `/tmp` of its own; and masks over what must not be read.
Processes, network, users, IPC and host name are of namespaces of its own, so that
nothing outside has a name inside.
"""

import json
from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

from clawlaw.executor.bounds import Bounds, environment, within

INSIDE: Final = "/run/clawlaw"
GATE_SOCKET: Final = f"{INSIDE}/gate.sock"
EXECUTOR_SOCKET: Final = f"{INSIDE}/executor.sock"
LAST_STEPS: Final = f"{INSIDE}/landlock.py"
SCRATCH: Final = ("/tmp", "/var/tmp", "/run", "/dev/shm")  # noqa: S108  # its own
_DEVICES: Final = "/dev"

type Kind = Literal["file", "directory"]


class Host(Struct, frozen=True):
    """What stands on this machine, as far as a view of it needs.

    Attributes:
        roots: Directories of the system that exist.
        links: System paths that are links, with their text.
        kinds: What each path of the bounds is; one that is not there is left out.
        python: Interpreter that runs the last steps, absolute, links resolved.
        library: Directories that it needs.
    """

    roots: tuple[str, ...]
    links: Mapping[str, str]
    kinds: Mapping[str, Kind]
    python: str
    library: tuple[str, ...] = ()


class Descriptors(Struct, frozen=True):
    """Open files that bubblewrap reads.

    Attributes:
        filter: Of system calls.
        steps: Text of `landlock.py`.
        places: Held directory or file by path; such a path is bound by what is held.
    """

    filter: int
    steps: int
    places: Mapping[str, int] = {}


def options(bounds: Bounds, host: Host, fds: Descriptors) -> list[str]:
    """Options of bubblewrap, to be read by it from `--args`.

    Args:
        bounds: What may be touched.
        host: What stands on this machine.
        fds: Inherited by bubblewrap.
    """
    made = [
        "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net",
        "--unshare-uts", "--unshare-cgroup-try", "--disable-userns",
        "--die-with-parent", "--hostname", "sandbox", "--clearenv",
        "--cap-drop", "ALL",  # root would otherwise keep them inside
    ]  # fmt: skip
    made += [] if bounds.terminal else ["--new-session"]
    for name, value in environment(bounds).items():
        made += ["--setenv", name, value]
    made += _system(bounds, host)
    made += _own(bounds)
    for path in host.library:  # after the private home, which it may be in
        made += [] if within(path, bounds.write) else ["--ro-bind", path, path]
    made += _places(bounds, host, fds)
    made += _masks(bounds, host)
    made += _helpers(bounds, fds)
    made += ["--remount-ro", "/", "--seccomp", str(fds.filter), "--chdir", bounds.cwd]
    return made


def _system(bounds: Bounds, host: Host) -> list[str]:
    made: list[str] = []
    for path, target in sorted(host.links.items()):
        made += ["--symlink", target, path]
    for path in host.roots:
        if not within(path, bounds.write):
            made += ["--ro-bind", path, path]
    return made


def _own(bounds: Bounds) -> list[str]:
    size = str(bounds.limits.scratch_bytes)
    made = ["--proc", "/proc", "--dev", _DEVICES]
    for path in (*SCRATCH, bounds.home):
        mode = "0700" if path == bounds.home else "1777"
        made += ["--perms", mode, "--size", size, "--tmpfs", path]
    return [*made, "--remount-ro", _DEVICES]


def _places(bounds: Bounds, host: Host, fds: Descriptors) -> list[str]:
    """What the bounds name: outer paths first, so that inner ones lie over them."""
    made: list[str] = []
    modes = dict.fromkeys(bounds.read, "--ro-bind")
    modes |= dict.fromkeys(bounds.write, "--bind")
    modes |= dict.fromkeys(bounds.keep, "--ro-bind")
    for path, mode in sorted(modes.items()):
        if path in fds.places:
            made += [f"{mode}-fd", str(fds.places[path]), path]
        elif path in host.kinds:
            made += [mode, path, path]
    return made


def _masks(bounds: Bounds, host: Host) -> list[str]:
    """Cover what is hidden by something that cannot be read."""
    made: list[str] = []
    for path in sorted(bounds.hide):
        kind = host.kinds.get(path)
        if kind == "directory":
            made += ["--perms", "0000", "--tmpfs", path, "--remount-ro", path]
        elif kind == "file":  # a device without the right to be one: EACCES
            made += ["--ro-bind", "/dev/null", path]
    return made


def _helpers(bounds: Bounds, fds: Descriptors) -> list[str]:
    made = ["--perms", "0755", "--dir", INSIDE]
    made += ["--perms", "0444", "--ro-bind-data", str(fds.steps), LAST_STEPS]
    if bounds.network == "gate":
        made += ["--ro-bind", bounds.socket, GATE_SOCKET]
    if bounds.broker:
        made += ["--ro-bind", bounds.broker, EXECUTOR_SOCKET]
    return made


def specification(
    bounds: Bounds, host: Host, channel: int = -1, signal: int = -1
) -> str:
    """What the last steps allow, as JSON for `landlock.py`.

    Args:
        bounds: What may be touched.
        host: What stands on this machine.
        channel: Inherited socket over which listeners on the ports of the bounds are
            handed out; -1: there are none.
        signal: Inherited socket over which they say that they run and wait for a
            word; -1: they do not wait.
    """
    read = [*host.roots, *bounds.read, "/proc", INSIDE]
    write = [*bounds.write, *SCRATCH, bounds.home, *_device_files()]
    return json.dumps(
        {
            "read": sorted(set(read)),
            "write": sorted(set(write)),
            "listen": None if bounds.listen is None else list(bounds.listen),
            "channel": channel,
            "signal": signal,
            "limits": msgspec.to_builtins(bounds.limits),
        },
        sort_keys=True,
    )


def _device_files() -> list[str]:
    names = ("null", "zero", "full", "random", "urandom", "tty", "pts", "ptmx")
    return [f"{_DEVICES}/{name}" for name in names]


def inside(
    bounds: Bounds,
    host: Host,
    command: list[str],
    channel: int = -1,
    signal: int = -1,
) -> list[str]:
    """Command line inside: the last steps, which become the command."""
    said = specification(bounds, host, channel, signal)
    steps = [host.python, "-I", "-S", LAST_STEPS, said]
    return [*steps, *command]


def shell(command: str) -> list[str]:
    """The shell that command text is judged for."""
    return ["/bin/bash", "--noprofile", "--norc", "-c", command]
