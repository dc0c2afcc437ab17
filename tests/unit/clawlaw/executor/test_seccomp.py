"""The filter, run by a small interpreter of classic BPF."""

import errno
import struct

import pytest

from clawlaw.executor import seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
X86, ARM = seccomp.ARCHITECTURES["x86_64"], seccomp.ARCHITECTURES["aarch64"]


def judge(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """What the kernel would answer to one call."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, arch, 0, *padded)
    lines = list(struct.iter_unpack("=HBBI", program))
    at, accumulator = 0, 0
    while True:
        code, true, false, operand = lines[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif code == 0x54:
            accumulator &= operand
        elif code == 0x06:
            return int(operand)
        else:
            holds = {
                0x15: accumulator == operand,
                0x35: accumulator >= operand,
                0x45: bool(accumulator & operand),
            }[code]
            at += true if holds else false


def refused(error: int) -> int:
    return 0x00050000 | error


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_refused_call_is_refused(machine: str) -> None:
    program = seccomp.program(machine)
    column = list(seccomp.ARCHITECTURES).index(machine)
    for name, numbers in seccomp.REFUSED.items():
        if numbers[column] >= 0:
            found = judge(program, seccomp.ARCHITECTURES[machine], numbers[column])
            assert found == refused(errno.EPERM), name
    for numbers in seccomp.UNKNOWN.values():
        found = judge(program, seccomp.ARCHITECTURES[machine], numbers[column])
        assert found == refused(errno.ENOSYS)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_program_fits_the_kernel(machine: str) -> None:
    assert len(seccomp.program(machine)) // 8 < 4096


def test_another_architecture_is_killed() -> None:
    program = seccomp.program("x86_64")
    assert judge(program, 0x40000003, 1) == KILL  # i386 by int 0x80
    assert judge(program, X86, 0x40000000 | 101) == KILL  # x32


@pytest.mark.parametrize(
    ("number", "arguments", "wanted"),
    [
        (0, (0, 0, 0), ALLOW),  # read
        (59, (0, 0, 0), ALLOW),  # execve
        (56, (0x01200011,), ALLOW),  # clone as fork does it
        (56, (0x10000011,), refused(errno.EPERM)),  # CLONE_NEWUSER
        (56, (0x40000011,), refused(errno.EPERM)),  # CLONE_NEWNET
        (16, (0, 0x5401), ALLOW),  # TCGETS
        (16, (0, 0x5412), refused(errno.EPERM)),  # TIOCSTI
        (16, (0, 0x100000000 | 0x5412), refused(errno.EPERM)),  # high bits are cut
        (41, (1, 1, 0), ALLOW),  # Unix
        (41, (2, 1 | 0o2000000, 6), ALLOW),  # TCP, close on exec
        (41, (2, 3, 1), refused(errno.EPERM)),  # raw ICMP
        (41, (10, 3 | 0o4000, 58), refused(errno.EPERM)),  # raw ICMPv6
        (41, (16, 3, 0), ALLOW),  # routes
        (41, (16, 3, 9), refused(errno.EPROTONOSUPPORT)),  # audit
        (41, (17, 3, 3), refused(errno.EAFNOSUPPORT)),  # packet
        (41, (40, 1, 0), refused(errno.EAFNOSUPPORT)),  # vsock
        (135, (0xFFFFFFFF,), ALLOW),
        (135, (0x0400000,), refused(errno.EPERM)),  # READ_IMPLIES_EXEC
        (90, (0, 0o755), ALLOW),
        (90, (0, 0o4755), refused(errno.EPERM)),
        (268, (0, 0, 0o2755), refused(errno.EPERM)),
        (257, (0, 0, 0o100, 0o644), ALLOW),
        (257, (0, 0, 0o100, 0o4755), refused(errno.EPERM)),
        (257, (0, 0, 0, 0o4755), ALLOW),  # no mode without O_CREAT: left over
        (2, (0, 0o101, 0o6755), refused(errno.EPERM)),
        (435, (0, 88), refused(errno.ENOSYS)),
    ],
)
def test_a_call_is_judged_by_its_arguments(
    number: int, arguments: tuple[int, ...], wanted: int
) -> None:
    assert judge(seccomp.program("x86_64"), X86, number, *arguments) == wanted


def test_arm_has_its_own_numbers() -> None:
    program = seccomp.program("aarch64")
    assert judge(program, ARM, 117) == refused(errno.EPERM)  # ptrace
    assert judge(program, ARM, 220, 0x11) == ALLOW  # clone as fork does it
    assert judge(program, ARM, 63) == ALLOW  # read
    assert judge(program, ARM, 101) == ALLOW  # nanosleep, ptrace elsewhere


def test_an_unknown_processor_has_no_filter() -> None:
    with pytest.raises(seccomp.UnknownMachineError, match="riscv64"):
        seccomp.program("riscv64")
