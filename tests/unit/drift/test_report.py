"""What the events of a run become: counts, diffs without secrets, the page."""

from pathlib import PurePath
from typing import Any

import msgspec
import pytest

from forge.drift.collect import Collector
from forge.drift.model import Host, Report, State, Verdict, decode, encode, verdict_of
from forge.drift.page import html
from forge.runs.hide import MAX_LINES, Hider

ROOT = PurePath("/srv/checkout")
FACTS: dict[str, Any] = {
    "commit": "c" * 40,
    "playbook": "playbooks/site.yml",
    "scope": "",
    "started": "2026-11-23T00:00:00+00:00",
    "seconds": 7,
}


@pytest.fixture
def collector() -> Collector:
    return Collector(ROOT, Hider(bytes(32)))


def ok(
    host: str, task: str, result: dict[str, Any], stdout: str = ""
) -> dict[str, Any]:
    return {
        "event": "runner_on_ok",
        "stdout": stdout,
        "event_data": {
            "host": host,
            "play": "Tier I",
            "role": "k3s",
            "task": task,
            "task_action": "copy",
            "task_path": f"{ROOT}/roles/k3s/tasks/main.yml:3",
            "res": result,
        },
    }


def stats(**counts: dict[str, int]) -> dict[str, Any]:
    return {"event": "playbook_on_stats", "event_data": counts}


def host(state: State) -> Host:
    return Host(name=state, state=state, checked=1, changes=0)


@pytest.mark.parametrize(
    ("states", "verdict", "status"),
    [
        ([State.IN_SYNC, State.IN_SYNC], Verdict.NONE, 0),
        ([State.IN_SYNC, State.DRIFTED], Verdict.DRIFT, 1),
        ([State.DRIFTED, State.FAILED], Verdict.INCOMPLETE, 2),
        ([State.IN_SYNC, State.UNREACHABLE], Verdict.INCOMPLETE, 2),
        ([State.IN_SYNC, State.UNCHECKED], Verdict.INCOMPLETE, 2),
        ([], Verdict.INCOMPLETE, 2),
    ],
)
def test_doubt_is_worse_than_drift(
    states: list[State], verdict: Verdict, status: int
) -> None:
    found = verdict_of(tuple(host(state) for state in states))
    assert (found, found.status) == (verdict, status)


def test_a_host_that_no_play_reached_is_unchecked(collector: Collector) -> None:
    collector(stats(ok={"a": 1}, processed={"a": 1}))
    report = collector.report(["a", "b"], **FACTS)
    assert [row.state for row in report.hosts] == [State.IN_SYNC, State.UNCHECKED]
    assert report.verdict is Verdict.INCOMPLETE


def test_a_run_without_its_final_count_is_not_finished(collector: Collector) -> None:
    collector(ok("a", "Write", {"changed": True}))
    assert not collector.is_finished
    report = collector.report(["a"], **FACTS)
    assert report.hosts[0].state is State.UNCHECKED


def test_a_change_that_no_event_told_counts(collector: Collector) -> None:
    collector(ok("a", "Write", {"censored": "hidden"}))
    collector(stats(ok={"a": 1}, changed={"a": 1}, processed={"a": 1}))
    report = collector.report(["a"], **FACTS)
    assert report.changes == ()
    assert (report.hosts[0].state, report.hosts[0].changes) == (State.DRIFTED, 1)


@pytest.mark.parametrize("word", ["changed", "ok"])
def test_what_is_censored_is_read_from_what_was_printed(
    collector: Collector, word: str
) -> None:
    collector(ok("a", "Write", {"censored": "hidden"}, f"\x1b[0;33m{word}: [a]\x1b[0m"))
    assert len(collector.report([], **FACTS).changes) == (word == "changed")


def test_tasks_are_named_below_the_checkout(collector: Collector) -> None:
    collector(ok("a", "Write", {"changed": True}))
    (change,) = collector.report([], **FACTS).changes
    assert change.where == "roles/k3s/tasks/main.yml:3"
    assert (change.role, change.play) == ("k3s", "Tier I")


def test_a_cause_is_shown_without_its_secret(collector: Collector) -> None:
    collector(
        {
            "event": "runner_on_failed",
            "event_data": {
                "host": "a",
                "task": "Join",
                "res": {"msg": "refused --token=abcdef0123456789"},
            },
        }
    )
    collector(stats(failures={"a": 1}, processed={"a": 1}))
    (row,) = collector.report(["a"], **FACTS).hosts
    assert row.state is State.FAILED
    assert row.why.startswith("Join: refused --token=secret:")
    assert "abcdef" not in row.why


def test_a_diff_that_was_cut_says_so(collector: Collector) -> None:
    lines = "\n".join(str(number) for number in range(MAX_LINES + 5))
    collector(ok("a", "Write", {"changed": True, "diff": {"prepared": lines}}))
    (change,) = collector.report([], **FACTS).changes
    shown = change.diff.splitlines()
    assert (len(shown), shown[-1]) == (MAX_LINES + 1, "... 5 more lines")


def test_a_report_is_read_back_and_another_form_is_refused() -> None:
    report = Report(
        verdict=Verdict.NONE, hosts=(host(State.IN_SYNC),), changes=(), **FACTS
    )
    assert decode(encode(report)) == report
    with pytest.raises(msgspec.ValidationError, match="form 2"):
        decode(encode(msgspec.structs.replace(report, form=2)))


def test_the_page_needs_nothing_and_takes_no_markup(collector: Collector) -> None:
    collector(ok("<b>", "<script>", {"changed": True, "diff": {"prepared": "+<img>"}}))
    collector(stats(ok={"<b>": 4}, changed={"<b>": 1}, processed={"<b>": 1}))
    page = html(collector.report([], **FACTS))
    assert "default-src 'none'" in page
    assert "&lt;script&gt;" in page
    assert '<span class="added">+&lt;img&gt;</span>' in page
    for mark in ("<b>", "<script", "<img", "http://", "https://", "url("):
        assert mark not in page
    assert 'class="drift" style="width:25.00%"' in page
