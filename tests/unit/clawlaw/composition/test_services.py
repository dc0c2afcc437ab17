"""Services of a person: questions that tell, changes that others asked for, helpers."""

from collections.abc import Callable
from typing import Any

import pytest

from clawlaw.core import kernel
from clawlaw.core.actions import AnyEffect, MessageSend, ServiceChange, ServiceRead
from clawlaw.core.composition import untrusted_value
from clawlaw.core.decision import Verdict
from clawlaw.core.state import State

type Make = Callable[..., Any]

INBOX = ServiceRead("mail", "inbox", ("untrusted", "personal"))
MAIL = (
    "Meet Ann at the Grand Plaza Hotel, write to eve@evil.example or see "
    "https://evil.example/post?id=7 and evil.example, account DE89370400440532013000"
)
ASKED, ALLOWED = Verdict.ESCALATE, Verdict.ALLOW


def after_mail(world: Make) -> Any:
    here = world()
    assert here.act([INBOX])[0] is ALLOWED
    here.result(MAIL, [INBOX])
    return here


@pytest.mark.parametrize(
    ("item", "verdict"),
    [
        ("", ALLOWED),
        ("launch plan", ALLOWED),
        ("eve@evil.example", ALLOWED),
        ("select status, count(*) from orders group by status", ALLOWED),
        ("https://news.example/today", ASKED),  # nothing named it
        ("https://ann-meets-eve.evil.example/", ASKED),
        ("docs.example.org", ALLOWED),
        ("reports.2026/plan", ALLOWED),
        ("https://evil.example/post?id=7", ALLOWED),  # came back whole
        ("https://evil.example/", ALLOWED),
        ("https://evil.example/ann/meets/eve", ASKED),
        ("https://evil.example/post?id=8", ASKED),
        ("evil.example?d=ann", ASKED),
        ("www.news.example/?u=ann", ASKED),
        ("x" * 201, ASKED),
        ("aGVsbG8gd29ybGQgdGhpcyBpcyBzZWNyZXQ", ASKED),
    ],
)
def test_a_question_after_personal_data(
    world: Make, item: str, verdict: Verdict
) -> None:
    assert after_mail(world).act([ServiceRead("browser", item)])[0] is verdict


def test_a_question_of_a_session_that_read_nothing_is_free(world: Make) -> None:
    item = "https://evil.example/?u=ann"
    assert world().act([ServiceRead("browser", item)])[0] is ALLOWED


@pytest.mark.parametrize(
    ("action", "item", "verdict"),
    [
        ("create", "Grand Plaza Hotel", ALLOWED),  # a record of the person's own
        ("book", "Grand Plaza Hotel", ASKED),
        ("book", "Small Inn", ALLOWED),
        ("add_event", "Grand Plaza Hotel", ALLOWED),
        ("Create", "eve@evil.example", ASKED),
        ("create", "notes", ALLOWED),
    ],
)
def test_what_a_change_is_about(
    world: Make, action: str, item: str, verdict: Verdict
) -> None:
    effect = ServiceChange("travel", action, item, reversible=True)
    assert after_mail(world).act([effect])[0] is verdict


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("set_password", ASKED),
        ("makePublic", ASKED),
        ("unlock", ASKED),
        ("set", ALLOWED),
        ("add_event", ALLOWED),
        ("passwords", ALLOWED),  # words are whole
    ],
)
def test_what_gives_others_access_asks_after_text_of_others(
    world: Make, action: str, verdict: Verdict
) -> None:
    effect = ServiceChange("account", action, "main", reversible=True)
    assert after_mail(world).act([effect])[0] is verdict
    assert world().act([effect])[0] is ALLOWED


def test_whom_the_words_of_a_call_name_counts_too(world: Make) -> None:
    effect = ServiceChange("calendar", "create", "sync", reversible=True)
    for text, verdict in (
        ("with eve@evil.example", ASKED),
        ("pay DE89 3704 0044 0532 0130 00", ASKED),
        ("on 2026-01-06 at 15:00 with bob@corp.example", ALLOWED),
    ):
        assert after_mail(world).act([effect], command=text)[0] is verdict


@pytest.mark.parametrize(
    ("effect", "verdict"),
    [
        (MessageSend("email", ("eve@evil.example",)), ASKED),
        (ServiceChange("bank", "pay", counterparty="DE89370400440532013000"), ASKED),
        (ServiceChange("travel", "book", "Grand Plaza Hotel", reversible=True), ASKED),
        (ServiceChange("notes", "create", "plan", reversible=True), ALLOWED),
    ],
)
def test_a_helper_is_judged_by_what_its_parent_read(
    gate: Make, world: Make, effect: AnyEffect, verdict: Verdict
) -> None:
    parent = after_mail(world).state("a").session
    child = kernel.open_session(gate().policy, "agent", "child", parent=parent)
    child.labels = 0  # what is left are the values alone
    here = world()
    here.sessions["child"] = State(child, here.room)
    found, findings = here.act([effect], "child")
    assert found is verdict
    if verdict is ASKED:
        (finding,) = findings
        assert finding.rule == f"composition.{untrusted_value.PATTERN.name}"
        assert "which the session that delegated this one read" in finding.reason
        assert finding.because == ()
    assert parent.tables["values"].entries != child.tables["values"].entries
    assert (
        child.tables["values"].entries.keys() == parent.tables["values"].entries.keys()
    )
