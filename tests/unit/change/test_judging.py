"""The filters of proposal and verdict, with data as plays have it."""

import json
from typing import Any

import pytest
from tests.unit.change.plans import impact, plan

from forge.change.judging import proposal, verdict
from forge.change.model import Effect, Plan, encode_plan
from forge.change.proposal import propose, session_of
from forge.errors import ForgeError, InputError


def data(made: Plan) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode_plan(made))
    return found


def test_proposal_is_that_of_the_plan() -> None:
    made = plan(impact(Effect.FLOW_OPENED))
    assert proposal(data(made)) == propose(made)


def test_window_and_commit_are_said() -> None:
    arguments = proposal(data(plan()), commit="c0ffee", opens=1, closes=2)["arguments"]
    assert (arguments["commit"], arguments["opens"], arguments["closes"]) == (
        "c0ffee",
        1,
        2,
    )


@pytest.mark.parametrize("function", [proposal, lambda made: verdict(made, now=1)])
def test_plan_that_was_edited_is_refused(function: Any) -> None:
    edited = {**data(plan(impact(Effect.TRUST_CHANGE))), "impacts": []}
    with pytest.raises(InputError, match="it was changed"):
        function(edited)


def test_preview_is_marked_as_one() -> None:
    found = verdict(data(plan(impact(Effect.TRUST_CHANGE))), now=1)
    assert (found["verdict"], found["exit_status"]) == ("escalate", 4)
    assert (found["path"], found["gates"]) == ("preview", ["infra.trust"])


def test_answer_of_the_gate_is_read() -> None:
    made = plan()
    answer = {
        "id": "d1",
        "verdict": "deny",
        "reason": "no",
        "session": session_of(made),
    }
    found = verdict(data(made), answer)
    assert (found["path"], found["verdict"], found["exit_status"]) == (
        "gate",
        "deny",
        3,
    )


def test_gate_that_only_observes_allows_nothing() -> None:
    made = plan()
    answer = {"id": "d1", "verdict": "allow", "observed": "deny", "reason": "no"}
    found = verdict(data(made), {**answer, "session": session_of(made)})
    assert found["verdict"] == "deny"


def test_answer_to_another_plan_is_refused() -> None:
    answer = {"id": "d1", "verdict": "allow", "session": session_of(plan())}
    with pytest.raises(ForgeError, match="another plan"):
        verdict(data(plan(impact(Effect.NOTHING))), answer)


def test_neither_answer_nor_time_is_refused() -> None:
    with pytest.raises(InputError, match="neither"):
        verdict(data(plan()))
