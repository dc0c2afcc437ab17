"""Cases of the specification that are statements about every action."""

import copy
import dataclasses
from collections.abc import Callable

import msgspec
import pytest

from clawlaw.core.decision import Verdict
from clawlaw.core.decode import decode_proposal
from clawlaw.core.errors import StateError
from clawlaw.core.snapshot import (
    decode_session,
    encode_room,
    encode_session,
)
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load
from clawlaw.policy.errors import PolicyError

from .log_properties import LOG_PROPERTIES
from .reference import Case, Fixture

ENCODE = msgspec.json.Encoder(order="deterministic").encode


def action_of(fixture: Fixture) -> Fixture:
    given: Fixture = fixture["input"]
    action: Fixture = (
        given.get("action")
        or given.get("steps", [None])[0]
        or {
            "kind": "writeFile",
            "path": "/workspace/a",
        }
    )
    return action


def digest_of(case: Case) -> bytes:
    return encode_session(case.session) + encode_room(case.state.room)


def deterministic(fixture: Fixture) -> None:
    first, second = (Case(fixture).decide(action_of(fixture)) for _ in range(2))
    assert first is not None
    assert ENCODE(first) == ENCODE(second)


def decide_never_mutates(fixture: Fixture) -> None:
    case = Case(fixture)
    before = digest_of(case)
    assert case.decide(action_of(fixture)) is not None
    assert digest_of(case) == before


def state_digest_stable(fixture: Fixture) -> None:
    first, second = Case(fixture), Case(fixture)
    first.act(action_of(fixture))
    second.act(action_of(fixture))
    assert digest_of(first) == digest_of(second)
    second.act({"kind": "writeFile", "path": "/workspace/b"})
    assert digest_of(first) != digest_of(second)


def state_digest_order(fixture: Fixture) -> None:
    case = Case(fixture)
    for name in "cab":
        case.act({"kind": "writeFile", "path": f"/workspace/{name}"})
    turned = copy.deepcopy(case.session)
    for table in turned.tables.values():
        table.entries = dict(reversed(table.entries.items()))
    assert encode_session(turned) == encode_session(case.session)


def round_trip(fixture: Fixture) -> None:
    case = Case(fixture)
    case.act(action_of(fixture))
    again = decode_session(encode_session(case.session), case.policy)
    assert encode_session(again) == encode_session(case.session)
    assert again.spend == case.session.spend


def round_trip_actions(fixture: Fixture) -> None:
    case = Case(fixture)
    for action in (
        {"kind": "writeFile", "path": "/workspace/a"},
        {"kind": "deleteFile", "path": "/workspace/a"},
        {"kind": "executeShellCommand", "command": "ls"},
        {"kind": "sendEmail", "recipient": "ops@forge.internal"},
    ):
        proposal, _, _ = case.read(action)
        assert decode_proposal(msgspec.json.encode(proposal)) == proposal


def replay(fixture: Fixture, times: int = 1) -> None:
    def run() -> tuple[list[bytes], bytes]:
        case = Case(fixture)
        steps = fixture["input"].get("steps") or [
            {"kind": "research", "estimatedTokens": 700},
            {"kind": "writeFile", "path": "/workspace/a"},
            {"kind": "deleteFile", "path": "/workspace/a", "approved": True},
            {"kind": "executeShellCommand", "command": "ls"},
            {"kind": "sendEmail", "recipient": "ops@forge.internal", "approved": True},
        ]
        decisions = [case.act(step) for _ in range(times) for step in steps]
        return [ENCODE(decision) for decision in decisions], digest_of(case)

    first = run()
    assert first == run()
    assert times == 1 or {"normal", "degraded", "gated", "halted"} <= {
        msgspec.json.decode(line)["level"] for line in first[0]
    }


def raising_law_denies(fixture: Fixture) -> None:
    case = Case(fixture)

    def fail(*_: object) -> bool:
        raise RuntimeError

    rules = {
        kind: tuple(dataclasses.replace(rule, test=fail) for rule in found)
        for kind, found in case.policy.rules.items()
    }
    case.policy = dataclasses.replace(case.policy, rules=rules)
    decision = case.decide(action_of(fixture))
    assert decision is not None
    assert decision.verdict is Verdict.DENY


def bad_policy_refused(_: Fixture) -> None:
    with pytest.raises(PolicyError, match="no such folder"):
        load(builtin("reference") / "nothing")


def corrupt_state_refused(fixture: Fixture) -> None:
    case = Case(fixture)
    whole = encode_session(case.session)
    for broken in (b"", whole[:-1], whole.replace(b"0", b"x", 1), b"\xff" + whole):
        with pytest.raises(StateError):
            decode_session(broken, case.policy)


PROPERTIES: dict[str, Callable[[Fixture], None]] = {
    **LOG_PROPERTIES,
    "bad_policy_refused": bad_policy_refused,
    "corrupt_state_refused": corrupt_state_refused,
    "decide_never_mutates": decide_never_mutates,
    "deterministic": deterministic,
    "raising_law_denies": raising_law_denies,
    "replay_100": lambda fixture: replay(fixture, 20),
    "replay_identical": replay,
    "round_trip_actions": round_trip_actions,
    "round_trip_budget": round_trip,
    "round_trip_state": round_trip,
    "state_digest_order": state_digest_order,
    "state_digest_stable": state_digest_stable,
}
