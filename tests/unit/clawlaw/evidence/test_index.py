"""Index, query, trace, retention: what they say is what the log holds."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clawlaw.cli import main
from clawlaw.core.decision import Outcome
from clawlaw.evidence.errors import EvidenceError
from clawlaw.evidence.index import Index, Query
from clawlaw.evidence.retention import retention
from clawlaw.evidence.schema import (
    Answered,
    Closed,
    Consumed,
    Escalated,
    Opened,
    Performed,
)
from clawlaw.evidence.trace import TraceError, trace
from clawlaw.record import Opening

from .conftest import SMALL, Opener, Writer, decided

type Run = Callable[..., tuple[int, list[Any], str]]
ZERO = "sha256:" + "0" * 64


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, list[Any], str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        rows = [json.loads(row) for row in out.splitlines() if row.startswith("{")]
        return code, rows, out

    return call


@pytest.fixture
def filled(folder: Path, open_log: Opener) -> Path:
    """Two sessions; decision d-1 asks, is approved, and d-4 uses that and is done."""
    with open_log(segment_bytes=SMALL) as log:
        writer = Writer(log)
        writer.write(Opened(Opening("agent", "session-1"), goal="goal-1"))
        writer.write(Opened(Opening("agent", "session-2", parent="session-1")))
        writer.write(decided(0), decided(1), decided(2))
        writer.write(Escalated("e-1", "d-1", ZERO, ZERO, ("rule",), 9))
        writer.write(Answered("a-1", "e-1", "approve", "steward-1", "fine"))
        writer.write(Consumed("e-1", "d-4"), decided(4), decided(5))
        writer.write(Performed("d-4", "session-1", Outcome(), ZERO, exit=0, duration=7))
        for number in range(10, 40):
            writer.write(decided(number))
    return folder


def _names(entries: list[Any]) -> list[str]:
    return [
        getattr(entry.body, "id", entry.body.__class__.__name__) for entry in entries
    ]


def test_a_chain_is_followed_from_every_id_in_it(filled: Path) -> None:
    index = Index.open(filled)
    for name in ("d-4", "e-1", "a-1", "d-1"):
        chain = trace(index, name)
        assert [type(entry.body).__name__ for entry in chain.intent] == ["Opened"]
        assert _names(chain.authority) == ["d-1", "e-1", "a-1", "Consumed", "d-4"]
        assert _names(chain.outcome) == ["d-4"]
    delegated = trace(index, "d-5")
    assert len(delegated.intent) == 2
    assert _names(delegated.authority) == ["d-5"]
    assert delegated.outcome == []
    with pytest.raises(TraceError, match="no decision"):
        trace(index, "nothing")
    index.close()


def test_queries_find_what_the_log_holds(filled: Path) -> None:
    index = Index.open(filled)
    everything = index.find(Query(limit=1_000))
    assert [entry.seq for entry in everything] == list(range(len(everything)))[::-1]
    assert len(index.find(Query(kind="decided", session="session-1"))) == 12
    assert _names(index.find(Query(principal="steward-1"))) == ["a-1"]
    assert len(index.find(Query(verdict="allow", limit=5))) == 5
    middle = everything[10].time
    assert len(index.find(Query(since=middle))) == 11
    assert len(index.find(Query(until=middle, limit=1_000))) == len(everything) - 11
    index.close()


def test_an_index_reads_only_what_is_new(
    filled: Path, open_log: Opener, tmp_path: Path
) -> None:
    file = tmp_path / "index.sqlite"
    Index.open(filled, file).close()
    with open_log(segment_bytes=SMALL) as log:
        Writer(log).write(Closed("session-1"))
        index = Index.open(filled, file)
        assert index.refresh() == log.size
    assert _names(index.find(Query(kind="closed"))) == ["Closed"]
    assert len(index.find(Query(kind="decided", limit=999))) == 35
    index.close()


def test_an_index_of_another_log_is_made_again(
    filled: Path, open_log: Opener, tmp_path: Path
) -> None:
    file = tmp_path / "index.sqlite"
    Index.open(filled, file).close()
    for path in filled.iterdir():
        path.unlink()
    with open_log() as log:
        Writer(log).write(*[Closed(f"s-{number}") for number in range(60)])
    index = Index.open(filled, file)
    assert index.find(Query(kind="decided")) == []
    assert len(index.find(Query(kind="closed"))) == 60
    index.close()


def test_what_is_no_index_is_refused(filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    file.write_text("no database, but some text that is long enough")
    with pytest.raises(EvidenceError, match="not an index"):
        Index.open(filled, file)


def test_commands_on_the_index(run: Run, filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    code, [said], _ = run("evidence", "rebuild", filled, file, "--json")
    assert (code, said["entries"]) == (0, 41)
    code, rows, _ = run(
        "evidence", "query", filled, "--index", file, "--tool", "Bash", "--json"
    )
    assert code == 0
    assert len(rows) == 35
    assert run("evidence", "query", filled, "--kind", "nothing")[0] == 1
    assert run("evidence", "query", filled, "--since", "yesterday")[0] == 2
    code, [chain], _ = run("trace", "d-4", "--log", filled, "--json")
    assert code == 0
    assert [row["body"]["kind"] for row in chain["authority"]] == [
        "decided", "escalated", "answered", "consumed", "decided"
    ]  # fmt: skip
    code, _, text = run("trace", "e-1", "--log", filled)
    assert code == 0
    assert "approve of e-1 by steward-1: fine" in text
    assert "d-4 in 7 us, sandbox none" in text
    assert "d-4 done, exit 0, 0 files" in text
    assert run("trace", "nothing", "--log", filled)[0] == 2


def test_days_left_follow_from_growth_and_disk(
    filled: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    found = retention(filled)
    assert found.size == sum(path.stat().st_size for path in filled.glob("*.seg"))
    assert found.rate > 0
    assert not found.warns
    assert run("evidence", "retention", filled, "--json")[0] == 0
    full = os.statvfs(filled)
    usage = (full.f_blocks, 0, found.rate * 13)
    monkeypatch.setattr(
        "shutil.disk_usage",
        lambda _: type("Usage", (), {"free": usage[2]}),
    )
    assert retention(filled).warns
    code, [said], _ = run("evidence", "retention", filled, "--json")
    assert (code, said["days_left"], said["warns"]) == (1, 13, True)
    _, _, text = run("evidence", "retention", filled)
    assert "less than 14 days are left" in text
