"""Requests to models: reserved at the most, settled to what was used."""

from typing import Any

import pytest

from clawlaw.evidence.schema import Performed
from clawlaw.gate.peers import Peer

AGENT = Peer("developer", frozenset({"propose", "outcome", "executor"}))
DIGEST = "sha256:" + "a" * 64


def generate(subject: Any, tokens: int = 5_000, **more: Any) -> Any:
    said = {"model": "small", "tokens": tokens, "tier": "II"}
    return subject.propose("model_generate", mediated=True, **said, **more)


def settle(subject: Any, answer: Any, **more: Any) -> Any:
    said = {
        "prompt": DIGEST,
        "response": DIGEST,
        "backend": "ollama",
        "prompt_tokens": 40,
        "completion_tokens": 60,
        "reported": True,
        "first": 1_000,
    }
    report = {"id": answer["id"], "exchange": said | more.pop("exchange", {})}
    return subject.ask(subject.gate.outcome, AGENT, **report, **more)


def spent(subject: Any) -> tuple[int, int]:
    state = subject.gate.state
    evaluator = state.evaluator
    return (
        evaluator.session("s").spend.get("tokens", 0),
        evaluator._room.spend.get("developer/tokens", 0),
    )


def test_what_was_not_used_is_given_back_to_the_holder_of_the_permit(
    subject: Any,
) -> None:
    answer = generate(subject)
    assert answer["verdict"] == "allow"
    assert spent(subject) == (5_000, 5_000)
    taken = settle(subject, answer, permit=answer["permit"])
    assert taken["status"] == 200
    assert spent(subject) == (100, 100)
    body = subject.log.bodies()[-1]
    assert isinstance(body, Performed)
    assert body.exchange is not None
    assert (body.exchange.prompt, body.exchange.backend) == (DIGEST, "ollama")
    assert body.outcome.released == {"tokens": 4_900}


def test_without_the_permit_nothing_is_given_back(subject: Any) -> None:
    assert settle(subject, generate(subject))["status"] == 200
    assert spent(subject) == (5_000, 5_000)


def test_another_permit_is_refused_and_the_action_stays_open(subject: Any) -> None:
    first, second = generate(subject), generate(subject)
    refused = settle(subject, first, permit=second["permit"])
    assert refused["verdict"] == "deny"
    assert "not the one of this action" in refused["reason"]
    assert spent(subject) == (10_000, 10_000)
    assert settle(subject, first, permit=first["permit"])["status"] == 200


def test_more_than_was_reserved_is_added(subject: Any) -> None:
    answer = generate(subject, 100)
    settle(subject, answer, exchange={"completion_tokens": 260})
    assert spent(subject) == (300, 300)


def test_unreported_usage_leaves_the_reservation(subject: Any) -> None:
    answer = generate(subject)
    settle(subject, answer, permit=answer["permit"], exchange={"reported": False})
    assert spent(subject) == (5_000, 5_000)


def test_an_exchange_needs_a_model(subject: Any) -> None:
    answer = subject.propose("read", path="/workspace/x", mediated=True)
    refused = settle(subject, answer, permit=answer["permit"])
    assert (refused["verdict"], "asks no model" in refused["reason"]) == ("deny", True)


@pytest.mark.parametrize("field", ["prompt", "response", "backend"])
def test_an_exchange_holds_printable_text(subject: Any, field: str) -> None:
    refused = settle(subject, generate(subject), exchange={field: "a\nb"})
    assert refused["verdict"] == "deny"


def test_a_level_that_a_reservation_explained_follows_it_down(subject: Any) -> None:
    ceiling = subject.policy.principals["developer"].budgets["tokens"]
    for _ in range(ceiling * 85 // 100 // 200_000):
        assert generate(subject, 200_000)["verdict"] == "allow"
    session = subject.gate.state.evaluator.session
    assert session("s").level == "normal" or session("s").level == "degraded"
    held = []
    while session("s").level != "gated":
        held.append(generate(subject, 200_000))
    for answer in held:
        settle(subject, answer, permit=answer["permit"])
    assert session("s").level == "degraded"


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({"labels": ["secret"]}, "allow"),
        ({"labels": ["secret"], "tier": "III"}, "escalate"),
        ({"labels": ["untrusted"], "tier": "III"}, "allow"),
        ({"undeclared": True}, "deny"),
    ],
)
def test_labels_tier_and_declaration_are_judged(
    subject: Any, more: dict[str, Any], verdict: str
) -> None:
    said = {"model": "small", "tokens": 100, "tier": "II"} | more
    assert (
        subject.propose("model_generate", mediated=True, **said)["verdict"] == verdict
    )


@pytest.mark.parametrize("act", ["pull", "push", "create", "delete", "copy"])
def test_models_are_managed_by_no_agent(subject: Any, act: str) -> None:
    answer = subject.propose("model_manage", act=act, model="small")
    assert answer["verdict"] == "deny"
    assert "declared in the inventory" in answer["reason"]
