"""The use of an approval is on the disk before anything is allowed, or nothing is."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.integration.change_gate.steward import Steward

from forge.change.approvals import USED
from forge.runs import journal

if TYPE_CHECKING:
    from tests.integration.change_gate.conftest import Room

REACH = {
    "name": "Reach one host",
    "hosts": "worker-01",
    "gather_facts": False,
    "tasks": [{"name": "Reach it", "ansible.builtin.ping": None}],
}
# The run's own way to use an approval up, in a process that dies right after it.
KILLED = """
import os, pathlib, signal, sys
from forge.change import approvals
path, file = map(pathlib.Path, sys.argv[1:])
approvals._use(path, file.read_bytes())
os.kill(os.getpid(), signal.SIGKILL)
"""


def on(forge: "Room", disk: Path, folder: Path) -> Steward:
    """Converge a room whose applied state is on a disk, and lose its gate."""
    forge.state.mkdir(mode=0o700)
    (forge.state / "testbed").symlink_to(disk)
    assert forge.run(forge.installing()).returncode == 0
    return Steward(forge, folder)


def why(forge: "Room") -> str:
    run = journal.load(forge.state, journal.names(forge.state)[-1])
    return str(run.first("refused")["why"])


def used(forge: "Room") -> list[Path]:
    return list((forge.state / "testbed").glob(f"{USED}*"))


def test_a_disk_that_fails_allows_nothing(
    forge: "Room",
    failing_disk: tuple[Path, Callable[[str], None]],
    tmp_path: Path,
) -> None:
    disk, command = failing_disk
    approval = str(on(forge, disk, tmp_path).approved())
    book = forge.gated(REACH)
    command("fail fsync EIO 1")
    done = forge.run(book, FORGE_APPROVAL=approval)
    assert done.returncode == 1, done.stdout
    assert "that the approval is used cannot be recorded" in why(forge)
    assert forge.touched() == set()

    command("heal")
    assert used(forge) == []
    done = forge.run(book, FORGE_APPROVAL=approval)
    assert "ALLOW by repair" in done.stdout, done.stderr
    assert forge.touched() == {"worker-01"}
    assert len(used(forge)) == 1


def test_a_disk_that_is_full_allows_nothing(
    forge: "Room", small_disk: Path, tmp_path: Path
) -> None:
    approval = str(on(forge, small_disk, tmp_path).approved())
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            try:
                filler.write(bytes(4096))
            except OSError:
                break
    done = forge.run(forge.gated(REACH), FORGE_APPROVAL=approval)
    assert done.returncode == 1, done.stdout
    assert "No space left" in why(forge)
    assert (forge.touched(), used(forge)) == (set(), [])


def test_a_crash_after_the_use_has_used_it_up(forge: "Room", tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o700)
    steward = on(forge, tmp_path / "disk", tmp_path)
    approval = steward.approved()
    book = forge.gated(REACH)
    # A run to learn the name of the note, before the gate's own state is put back.
    state = {p.name: p.read_bytes() for p in (tmp_path / "disk").iterdir()}
    forge.run(book, FORGE_APPROVAL=str(approval))
    (forge.state / "runs" / f"{journal.names(forge.state)[-1]}.jsonl").unlink()
    (note,) = used(forge)
    note.unlink()
    for name, data in state.items():
        (tmp_path / "disk" / name).write_bytes(data)
    (forge.folder / "calls").unlink()
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(note), str(approval)],
        check=False, env=os.environ,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    done = forge.run(book, FORGE_APPROVAL=str(approval))
    assert done.returncode == 3, done.stdout
    assert "was used before" in why(forge)
    assert forge.touched() == set()


def test_a_clock_before_the_signature_is_behind(
    forge: "Room", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "disk").mkdir(mode=0o700)
    steward = on(forge, tmp_path / "disk", tmp_path)
    # The steward's clock is an hour ahead, as seen from a controller that went back.
    ahead = tmp_path / "ahead"
    ahead.mkdir()
    (ahead / "sitecustomize.py").write_text(
        "import time\nreal = time.time\ntime.time = lambda: real() + 3600\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{ahead}:{os.environ.get('PYTHONPATH', '')}")
    approval = str(steward.approved())
    monkeypatch.undo()
    done = forge.run(forge.gated(REACH), FORGE_APPROVAL=approval)
    assert done.returncode == 3, done.stdout
    assert "the clock is behind" in why(forge)
    assert (forge.touched(), used(forge)) == (set(), [])
