"""The system calls that code inside has no use for, as a filter of classic BPF.

Namespaces take away what can be named; this takes away the ways to the kernel that no
namespace covers: keys, other address families, terminals, tracing, io_uring, new
namespaces, set-id bits. Pure: numbers in, bytes out.

Source: seccomp(2); linux/filter.h; syscall_64.tbl and unistd.h of Linux 6.18.
"""

import errno
import struct
from typing import Final

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000  # numbers of the x32 ABI begin here

ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Refused with EPERM: number on x86_64, on aarch64 (-1: there is none).
REFUSED: Final[dict[str, tuple[int, int]]] = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438), "kcmp": (312, 272), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "open_tree_attr": (467, 467),
    "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "iopl": (172, -1), "ioperm": (173, -1),
    "modify_ldt": (154, -1), "uselib": (134, -1), "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "syslog": (103, 116), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161),
    "setdomainname": (171, 162), "vhangup": (153, 58), "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42), "move_pages": (279, 239), "migrate_pages": (256, 238),
    "fanotify_init": (300, 262),
}  # fmt: skip
# Refused as if the kernel did not have them, so that libraries fall back: their
# arguments stand in memory, where no filter can read them.
UNKNOWN: Final = {"clone3": (435, 435), "openat2": (437, 437)}

_NEW_NAMESPACE = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
_SET_ID = 0o6000  # S_ISUID | S_ISGID
_CREATE = 0o20000100  # O_CREAT | __O_TMPFILE
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_SOCK_RAW = 3
_PERSONALITIES = (0, 0x0040000, 0xFFFFFFFF)  # default, no randomising, ask
# Call: number on x86_64 and aarch64, index of the argument with the mode.
_MODES: Final = {
    "chmod": (90, -1, 1), "fchmod": (91, 52, 1), "fchmodat": (268, 53, 2),
    "fchmodat2": (452, 452, 2), "creat": (85, -1, 1), "mknod": (133, -1, 1),
    "mknodat": (259, 33, 2),
}  # fmt: skip
_OPENS: Final = {"open": (2, -1, 1, 2), "openat": (257, 56, 2, 3)}  # flags, mode

type Instruction = tuple[int, int, int, int]  # code, jump if true, if false, operand


class UnknownMachineError(ValueError):
    """No filter can be made for this processor."""


def program(machine: str) -> bytes:
    """The filter for one processor, as `struct sock_filter`s.

    Args:
        machine: As `uname -m` says it.

    Raises:
        UnknownMachineError: Its system call numbers are not in this file.
    """
    if machine not in ARCHITECTURES:
        raise UnknownMachineError(f"no system call numbers for {machine}")
    column = list(ARCHITECTURES).index(machine)
    made: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        made += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for table, error in ((REFUSED, errno.EPERM), (UNKNOWN, errno.ENOSYS)):
        for numbers in table.values():
            made += _call(numbers[column], [_refuse(error)])
    made += _arguments(column)
    made.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *one) for one in made)


def _arguments(column: int) -> list[Instruction]:
    """Calls that are refused for what they are given."""
    made = _call((56, 220)[column], _if_any_bit(0, _NEW_NAMESPACE))
    made += _call((16, 29)[column], _if_equal(1, _TIOCSTI) + _if_equal(1, _TIOCLINUX))
    made += _call((41, 198)[column], _sockets())
    made += _call((135, 92)[column], _unless_in(0, _PERSONALITIES, errno.EPERM))
    for *numbers, mode in _MODES.values():
        made += _call(numbers[column], _if_any_bit(mode, _SET_ID))
    for x86, arm, flags, mode in _OPENS.values():
        # A mode is given only where a file may be made; else it is left over.
        inner = _if_any_bit(mode, _SET_ID)
        made += _call(
            (x86, arm)[column],
            [_load(flags), (_ANY_BIT, 0, len(inner), _CREATE), *inner],
        )
    return made


def _sockets() -> list[Instruction]:
    """Only families that a network namespace confines, and none of them raw."""
    families = (_UNIX, _INET, _INET6, _NETLINK)
    made = _unless_in(0, families, errno.EAFNOSUPPORT)
    netlink = _unless_in(2, (0,), errno.EPROTONOSUPPORT)  # routes only
    # A kind of socket is the low bits; the rest are flags. Netlink's kind is raw.
    raw = [_load(1), (_AND, 0, 0, 0xF), (_EQUAL, 0, 1, _SOCK_RAW), _refuse(errno.EPERM)]
    made += [_load(0), (_EQUAL, 0, len(netlink) + 1, _NETLINK), *netlink]
    return [*made, (_RETURN, 0, 0, _ALLOW), *raw]


def _load(argument: int) -> Instruction:
    """The low half of an argument, on a little-endian machine."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)


def _refuse(error: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | error)


def _call(number: int, inner: list[Instruction]) -> list[Instruction]:
    """Instructions for one call; where they go on, the number is loaded again."""
    if number < 0:
        return []
    after = [] if len(inner) == 1 else [(_LOAD, 0, 0, _NUMBER)]
    made = [*inner, *after]
    return [(_EQUAL, 0, len(made), number), *made]


def _if_any_bit(argument: int, bits: int) -> list[Instruction]:
    return [_load(argument), (_ANY_BIT, 0, 1, bits), _refuse(errno.EPERM)]


def _if_equal(argument: int, value: int) -> list[Instruction]:
    return [_load(argument), (_EQUAL, 0, 1, value), _refuse(errno.EPERM)]


def _unless_in(argument: int, values: tuple[int, ...], error: int) -> list[Instruction]:
    tests = [(_EQUAL, len(values) - i, 0, v) for i, v in enumerate(values)]
    return [_load(argument), *tests, _refuse(error)]
