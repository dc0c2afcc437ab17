"""Memory and swap of the host, in bytes."""

import ctypes
import ctypes.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEMINFO: Final = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Memory:
    """How much there is; 0 where it cannot be told."""

    total: int = 0
    available: int = 0
    swap_total: int = 0
    swap_used: int = 0


def memory(source: Path = MEMINFO) -> Memory:
    """As the kernel says: `/proc/meminfo`, on macOS `sysctl`.

    Source: proc_meminfo(5); sysctl(3) of macOS, hw.memsize and vm.swapusage.
    """
    if sys.platform == "darwin":
        total = int.from_bytes(_sysctl(b"hw.memsize", 8), sys.byteorder)
        swap = _sysctl(b"vm.swapusage", 32)
        numbers = [
            int.from_bytes(swap[at : at + 8], sys.byteorder) for at in (0, 8, 16)
        ]
        return Memory(total, 0, numbers[0], numbers[2])
    try:
        lines = source.read_text().splitlines()
    except OSError:
        return Memory()
    found = {}
    for line in lines:
        name, _, value = line.partition(":")
        number = value.split()[0] if value.split() else "0"
        found[name] = int(number) * 1024 if number.isdigit() else 0
    swap_total = found.get("SwapTotal", 0)
    return Memory(
        found.get("MemTotal", 0),
        found.get("MemAvailable", 0),
        swap_total,
        max(swap_total - found.get("SwapFree", 0), 0),
    )


def _sysctl(name: bytes, size: int) -> bytes:
    library = ctypes.CDLL(ctypes.util.find_library("c"))
    value = ctypes.create_string_buffer(size)
    length = ctypes.c_size_t(size)
    library.sysctlbyname(name, value, ctypes.byref(length), None, 0)
    return value.raw
