"""What a controller said last is applied: its own newest word, across starts."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.clawlaw.gate.boundary.conftest import AGENT, Subject

from clawlaw.core.policy import Policy
from clawlaw.gate.peers import Peer, Right
from clawlaw.gate.standing import stand, standing
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load

RIGHTS: frozenset[Right] = frozenset({"propose", "outcome", "executor"})
CONTROLLER = Peer("forge-controller", RIGHTS)
RUNNER = Peer("forge-runner", RIGHTS)
NOTHING = {"run": "", "begun": "", "done": "", "entry": ""}


def digest(digit: int) -> str:
    return "sha256:" + f"{digit}" * 64


@pytest.fixture(scope="module")
def infra() -> Policy:
    return load(builtin("infra"))


@pytest.fixture
def subject(infra: Policy) -> Subject:
    return Subject(infra)


def tell(
    subject: Subject,
    run: str,
    peer: Peer = CONTROLLER,
    platform: str = "home",
    **more: Any,
) -> dict[str, Any]:
    """Say which records a run begins with and ends with."""
    record = {"platform": platform, "begun": digest(1), "done": digest(2), **more}
    given = {"run": run, "kind": "state", "digest": digest(1), "record": record}
    return subject.propose(
        "forge.record", peer, session=f"run-{run}", mediated=True, **given
    )


def ask(
    subject: Subject, peer: Peer = CONTROLLER, platform: str = "home"
) -> dict[str, Any]:
    return subject.ask(subject.gate.applied, peer, platform=platform)  # type: ignore[no-any-return]


def fields(answer: dict[str, Any]) -> dict[str, str]:
    return {name: answer[name] for name in NOTHING}


def test_nothing_was_said_yet(subject: Subject) -> None:
    assert fields(ask(subject)) == NOTHING


def test_the_newest_word_counts(subject: Subject) -> None:
    assert tell(subject, "r1")["verdict"] == "allow"
    told = tell(subject, "r2", done=digest(3))
    found = {"run": "r2", "begun": digest(1), "done": digest(3), "entry": told["id"]}
    assert fields(ask(subject)) == found


def test_each_reads_its_own(subject: Subject) -> None:
    tell(subject, "r1")
    assert fields(ask(subject, RUNNER)) == NOTHING
    assert fields(ask(subject, platform="other")) == NOTHING
    assert ask(subject)["run"] == "r1"


def test_who_may_not_say_it_changes_nothing(subject: Subject) -> None:
    stranger = Peer("nobody", RIGHTS)
    assert tell(subject, "r1", stranger)["verdict"] == "deny"
    assert fields(ask(subject, stranger)) == NOTHING


@pytest.mark.parametrize(
    "more", [{"platform": "../up"}, {"begun": "sha256:1"}, {"more": "x"}]
)
def test_what_cannot_be_read_changes_nothing(
    subject: Subject, more: dict[str, Any]
) -> None:
    tell(subject, "r1")
    tell(subject, "r2", **more)
    assert ask(subject)["run"] == "r1"


@pytest.mark.parametrize("asked", [{}, {"platform": "A"}, {"platform": "a", "x": 1}])
def test_a_question_has_one_form(subject: Subject, asked: dict[str, Any]) -> None:
    answer = subject.ask(subject.gate.applied, AGENT, **asked)
    assert answer["verdict"] == "deny"


def _replayed(subject: Subject) -> None:
    subject.start()


def _resumed(subject: Subject) -> None:
    found = standing(subject.state)
    subject.log.entries.clear()
    subject.start()
    stand(subject.state, found)


@pytest.mark.parametrize("again", [_replayed, _resumed])
def test_a_gate_that_starts_again_knows_it(
    subject: Subject, again: Callable[[Subject], None]
) -> None:
    tell(subject, "r1")
    tell(subject, "x1", platform="other")
    known = [ask(subject), ask(subject, platform="other")]
    assert [answer["run"] for answer in known] == ["r1", "x1"]
    again(subject)
    assert [ask(subject), ask(subject, platform="other")] == known
