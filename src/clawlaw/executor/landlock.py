"""The second wall, put up from inside, and the last steps before the command.

bubblewrap decides what is there; Landlock decides again, in the kernel's own access
checks, what of it may be used, so that a fault in either still leaves the other. It
cannot be put up earlier: a process under Landlock may not mount.

This file runs alone inside the sandbox (`python -I -S`), before any of the agent's
code, with nothing but the standard library: `landlock.py SPECIFICATION PROGRAM
[ARGUMENT...]`. It ends with `WALL_FAILED` where a wall does not stand.

Source: landlock(7) and Documentation/userspace-api/landlock.rst of Linux 6.18.
"""

import ctypes
import json
import os
import resource
import stat
import struct
import sys
from typing import Any, Final

WALL_FAILED: Final = 122  # exit status; docs/executor.md
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every processor
_VERSION_FLAG = 1
_BENEATH, _NET_PORT = 1, 2
_SET_NO_NEW_PRIVS = 38
_O_PATH = 0x200000

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
BIND_TCP, CONNECT_TCP = 1, 2
_SCOPES = 0b11  # abstract Unix sockets and signals stay in the sandbox
# Rights on a file system by the first version (ABI) that knows them.
_FS_BY_ABI: Final = {1: (1 << 13) - 1, 2: REFER, 3: TRUNCATE, 5: IOCTL_DEV}
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ: Final = EXECUTE | READ_FILE | READ_DIR
_NET_ABI, _SCOPE_ABI = 4, 6


class WallError(OSError):
    """A wall could not be put up."""


def _call(number: int, *arguments: Any) -> int:  # noqa: ANN401  # ctypes values
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    answer = int(libc.syscall(ctypes.c_long(number), *arguments))
    if answer < 0:
        code = ctypes.get_errno()
        raise WallError(code, f"Landlock (system call {number}): {os.strerror(code)}")
    return answer


def abi() -> int:
    """Version of Landlock in this kernel; 0 where it is missing or turned off."""
    try:
        return _call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except WallError:
        return 0


def handled(version: int) -> tuple[int, int, int]:
    """Rights that a version can take away: file system, network, scopes."""
    files = 0
    for since, rights in _FS_BY_ABI.items():
        files |= rights if version >= since else 0
    net = BIND_TCP | CONNECT_TCP if version >= _NET_ABI else 0
    return files, net, _SCOPES if version >= _SCOPE_ABI else 0


def restrict(
    read: list[str], write: list[str], listen: list[int] | None, version: int
) -> None:
    """Take every right from this process but those that are named, for ever.

    Args:
        read: Paths to read and execute, with everything below.
        write: Paths with every right.
        listen: TCP ports that may be connected to, and none may be bound; `None`
            leaves TCP to the network namespace.
        version: From `abi`.

    Raises:
        WallError: The kernel refuses; nothing can be said of what holds.
    """
    files, net, scopes = handled(version)
    net = 0 if listen is None else net
    attributes = struct.pack("=QQQ", files, net, scopes)
    size = 24 if scopes else 16 if version >= _NET_ABI else 8
    rules = _call(_CREATE, attributes[:size], ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        _allow(rules, "/", READ_DIR)  # names of what is there; nothing else is
        for path in read:
            _allow(rules, path, READ & files)
        for path in write:
            _allow(rules, path, files)
        for port in listen or [] if net else []:
            rule = struct.pack("=QQ", CONNECT_TCP, port)
            _call(_ADD, rules, _NET_PORT, rule, ctypes.c_uint32(0))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise WallError(ctypes.get_errno(), "no_new_privs")
        _call(_RESTRICT, rules, ctypes.c_uint32(0))
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    """Grant rights below a path; one that is not there needs none."""
    try:
        place = os.open(path, _O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, place)
        _call(_ADD, rules, _BENEATH, rule, ctypes.c_uint32(0))
    finally:
        os.close(place)


def limit(limits: dict[str, int]) -> None:
    """Set the limits of this process and its children, soft and hard."""
    kinds = {
        # 1 and not 0: a core_pattern that is a pipe is started for 0 as well.
        resource.RLIMIT_CORE: 1,
        resource.RLIMIT_NPROC: limits["processes"],
        resource.RLIMIT_FSIZE: limits["file_bytes"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_MEMLOCK: 1 << 20,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, wanted in kinds.items():
        hard = resource.getrlimit(kind)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (value, value))


def check_network() -> None:
    """Find only the loopback of a network namespace of its own.

    Raises:
        WallError: There is a way out.
    """
    with open("/proc/net/dev", encoding="ascii") as file:  # noqa: PTH123  # starts fast
        names = {line.partition(":")[0].strip() for line in file.readlines()[2:]}
    if names - {"lo"}:
        raise WallError(1, f"interfaces of the host are visible: {sorted(names)}")


def hand_out(channel: int, ports: list[int]) -> None:
    """Listen on ports of the private loopback, and give the listeners away.

    Whoever holds the other end of the channel answers there; in the sandbox nobody
    can.
    """
    import socket  # noqa: PLC0415  # slow to load, and seldom wanted

    with socket.socket(fileno=channel) as out:
        listeners = [socket.create_server(("127.0.0.1", port)) for port in ports]
        socket.send_fds(out, [b"listening"], [one.fileno() for one in listeners])
        for one in listeners:
            one.close()


def wait(signal: int) -> None:
    """Say that everything is mounted, and wait for the word to go on.

    Raises:
        WallError: The word did not come.
    """
    os.write(signal, b"m")
    if os.read(signal, 1) != b"g":
        raise WallError(1, "what is mounted is not what was looked at")


def main(arguments: list[str]) -> int:
    """Put the walls up and become the command; returns only where that failed."""
    specification = json.loads(arguments[0])
    try:
        check_network()
        if specification["channel"] >= 0:
            hand_out(specification["channel"], specification["listen"])
        if specification["signal"] >= 0:
            wait(specification["signal"])
        os.closerange(3, 1 << 16)
        limit(specification["limits"])
        version = abi()
        if version < 1:
            raise WallError(1, "Landlock is not in this kernel, or not turned on")
        restrict(
            specification["read"],
            specification["write"],
            specification["listen"],
            version,
        )
    except (OSError, ValueError) as error:
        sys.stderr.write(f"clawlaw: the sandbox does not stand: {error}\n")
        return WALL_FAILED
    command = arguments[1:]
    try:
        os.execvp(command[0], command)  # noqa: S606  # the judged command itself
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 126 if isinstance(error, PermissionError) else 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
