"""A writer killed at any instant: what it promised is there, and the log goes on."""

import os
import random
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from clawlaw.evidence.reader import root_at
from clawlaw.evidence.segment import segment_paths

from .conftest import start_writer
from .writer import entry, open_log

KILLS = int(os.environ.get("LOG_KILLS", "50"))
_SYNCED = re.compile(r"(f(data)?sync\(\d+|<\.\.\. f(data)?sync resumed>)\)\s+= 0")
LONGEST = 0.06  # seconds that a writer lives after its first promise


def test_nothing_promised_is_lost_by_kill(tmp_path: Path) -> None:
    """The same log, killed again and again: every restart is a recovery."""
    folder = tmp_path / "log"
    draw = random.Random(20_260_917)  # noqa: S311  # instants
    torn = promises = 0
    for round_ in range(KILLS):
        writer = start_writer(folder, round_)
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(draw.random() * LONGEST)
        writer.kill()
        said = (first + writer.stdout.read()).decode().splitlines()
        writer.wait()
        writer.stdout.close()
        whole = [line.split() for line in said if len(line.split()) == 2]
        promises += len(whole) - 1
        size, root = int(whole[-1][0]), whole[-1][1]
        with open_log(folder) as log:
            assert not log.clean
            assert log.size >= size, f"round {round_}: promised entries are gone"
            torn += log.set_aside is not None
            found = log.size
        assert root_at(folder, size).hex() == root
        if round_ % 10 == 9:
            with open_log(folder) as log:
                assert [data for _, data in log.read()] == list(
                    map(entry, range(found))
                )
                assert log.size == found
    assert promises > KILLS, "the writers were killed before they wrote"
    assert len(segment_paths(folder)) > KILLS


def test_a_sync_comes_between_every_write_and_its_answer(tmp_path: Path) -> None:
    """System calls, as the kernel saw them: pwrite, fdatasync, then the answer."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    calls = "trace=pwrite64,fdatasync,fsync,write"
    before = ("strace", "-f", "-o", str(trace), "-e", calls)
    writer = start_writer(tmp_path / "log", 1, 40, before=before)
    assert writer.stdout is not None
    answers = writer.stdout.read().count(b"\n")
    assert writer.wait() == 0
    writer.stdout.close()
    events = _events(trace.read_text())
    assert events.count("answer") == answers == 41
    waiting = False
    synced = 0
    for event in events:
        if event == "write":
            waiting = True
        elif event == "sync":
            synced += waiting
            waiting = False
        else:
            assert not waiting, "an answer went out before its sync"
    assert synced >= 40


def _events(trace: str) -> list[str]:
    """What the writer's own thread did; the one that writes zeros ahead is another."""
    main = trace.split(maxsplit=1)[0]
    events = []
    for line in trace.splitlines():
        thread, _, call = line.partition(" ")
        call = call.strip()
        if thread != main:
            continue
        if call.startswith("write(1,"):
            events.append("answer")
        elif call.startswith("pwrite64("):
            events.append("write")
        elif _SYNCED.match(call):
            events.append("sync")
    return events


def test_a_second_writer_in_another_process_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    with open_log(folder) as log:
        log.append([entry(0)])
        second = start_writer(folder, 0, 1)
        assert second.stdout is not None
        assert second.stdout.read() == b""
        assert second.wait() != 0
        second.stdout.close()
        log.append([entry(1)])
    with open_log(folder) as log:
        assert log.size == 2


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    writer = start_writer(tmp_path / "log")
    assert writer.stdout is not None
    writer.stdout.readline()
    writer.send_signal(subprocess.signal.SIGKILL)  # type: ignore[attr-defined]  # re-exported
    writer.wait()
    writer.stdout.close()
    open_log(tmp_path / "log").close()
