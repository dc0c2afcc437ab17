"""The kernel's own word: the record is synced before the answer leaves."""

import re
import shutil
import time
from collections.abc import Callable

import pytest
from tests.integration.gate.house import House

CALLS = "trace=fdatasync,fsync,pwrite64,pwritev,write,writev,sendto,sendmsg"
STRACE = shutil.which("strace")


@pytest.mark.skipif(STRACE is None, reason="traces system calls with strace")
def test_every_answer_with_a_verdict_follows_a_sync_of_its_entry(
    make_house: Callable[..., House],
) -> None:
    house = make_house()
    trace = house.folder / "trace.txt"
    prefix = (
        str(STRACE),
        "-D",
        "-f",
        "-q",
        "-s",
        "4000",
        "-e",
        CALLS,
        "-o",
        str(trace),
    )
    house.start(prefix=prefix)
    ids = [house.propose(path=f"f{number}")["id"] for number in range(5)]
    house.stop()
    until = time.monotonic() + 20  # the tracer ends after the traced
    while "+++ exited" not in trace.read_text(errors="replace"):
        assert time.monotonic() < until
        time.sleep(0.05)
    lines = trace.read_text(errors="replace").splitlines()
    for name in ids:
        written = _find(lines, rf'pwrite(64|v)\(.*\\"id\\":\\"{name}\\"', 0)
        synced = _find(
            lines, r"f(data)?sync\(\d+\)\s+= 0|f(data)?sync resumed.*= 0", written
        )
        answered = _find(
            lines,
            rf'(write|writev|sendto|sendmsg)\(.*\\"id\\":\\"{name}\\",\\"verdict',
            0,
        )
        assert written < synced < answered


def _find(lines: list[str], pattern: str, start: int) -> int:
    """Index of the first line that has a pattern."""
    for index in range(start, len(lines)):
        if re.search(pattern, lines[index]):
            return index
    pytest.fail(f"no call like {pattern}")
