"""Uses of the plain key, from a host's notes to the gate's log."""

import base64
import io
from pathlib import Path

import pytest
from rich.console import Console
from tests.unit.runs.test_journal import ROOT

from forge.runs import delivery, journal, show
from forge.runs.plain_key import LAST, notes
from forge.runs.recorder import Recorder

LINE = "2026-11-24T02:00:{:02}Z root SHA256:" + "A" * 43


def noted(*lines: str) -> str:
    return base64.b64encode("".join(f"{line}\n" for line in lines).encode()).decode()


def test_uses_are_counted_and_the_last_are_kept() -> None:
    lines = [LINE.format(n) for n in range(LAST + 3)]
    found = notes(noted(*lines))
    assert (found["uses"], found["unreadable"]) == (LAST + 3, 0)
    assert found["last"] == lines[3:]
    assert found["digest"] != notes(noted(*lines[1:]))["digest"]


def test_what_is_no_note_is_counted_and_not_shown() -> None:
    found = notes(noted(LINE.format(1), "root\x1b[2J", "password"))
    assert (found["uses"], found["unreadable"]) == (1, 2)
    assert found["last"] == [LINE.format(1)]


@pytest.mark.parametrize("content", [None, "", "no base64!"])
def test_nothing_is_no_use(content: object) -> None:
    assert notes(content) == {}


def test_it_goes_into_the_record_and_from_there_to_the_gate(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, ROOT)
    recorder.started("x.yml", {})
    recorder.plain_key("mac-studio", {"content": noted(LINE.format(1))})
    recorder.plain_key("worker-01", {"stat": {"exists": False}})
    recorder.ended({})
    run, sent = delivery.records(tmp_path, recorder.name)
    assert (run["kind"], sent["kind"]) == ("run", "plain_key")
    assert sent["record"] == {
        "host": "mac-studio", "uses": 1, "last": [LINE.format(1)], "unreadable": 0,
    }  # fmt: skip
    out = io.StringIO()
    show.show(journal.load(tmp_path, recorder.name), Console(file=out, width=200))
    assert "mac-studio has notes of its use: 1" in out.getvalue()
    assert LINE.format(1) in out.getvalue()
