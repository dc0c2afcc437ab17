"""What each law says that no rule of a policy can: positive and negative cases."""

from collections.abc import Callable
from typing import Any

import pytest

from clawlaw.core.actions import (
    AgentDelegate,
    AnyEffect,
    EnvironmentRead,
    FileRead,
    FileWrite,
    InfraApply,
    KubeApply,
    KubeRead,
    MemoryWrite,
    MessageSend,
    ModelPromote,
    NetRequest,
    PolicyChange,
    ProcessExec,
    ServiceChange,
)
from clawlaw.core.decision import Verdict
from clawlaw.core.laws import LAWS, law10_protocol
from clawlaw.core.policy import Purpose
from clawlaw.core.prepared import LAWS as NUMBERS
from clawlaw.core.state import Label, Scope

type Make = Callable[..., Any]

ESCALATE, DENY = Verdict.ESCALATE, Verdict.DENY
IN = "/workspace/a"
DIGEST = "sha256:" + "a" * 64
WIDE = Scope("develop", ("/",), ("*",))


def test_the_laws_are_those_of_the_codex_but_the_seventh() -> None:
    assert tuple(law.NUMBER for law in LAWS) == NUMBERS
    assert {law.NAME for law in LAWS} == {
        "boundary", "context", "delegation", "observation", "resource",
        "sovereignty", "persistence", "authority", "lifecycle", "protocol",
    }  # fmt: skip


def says(world: Any, effect: AnyEffect, **facts: Any) -> dict[str, Verdict]:
    return {name: f.verdict for name, f in world.say(effect, **facts).items()}


# --- Law 1


def test_a_search_from_above_the_scope_is_told_so(gate: Make) -> None:
    said = gate().say(FileRead("/", recursive=True, what="list"))
    assert set(said) == {"context.too-wide"}
    assert "begins above" in said["context.too-wide"].reason


def test_the_whole_environment(gate: Make) -> None:
    assert says(gate(), EnvironmentRead()) == {"context.whole-environment": ESCALATE}
    assert says(gate(), EnvironmentRead(("HOME",))) == {}
    assert says(gate(), EnvironmentRead(), sandbox=True) == {}


@pytest.mark.parametrize(
    ("resource", "asked"),
    [
        ("secrets", True),
        ("Secret", True),
        ("pods,secrets", True),
        ("secrets.v1", True),
        ("*", True),
        ("pods", False),
        ("secretstores", False),
    ],
)
def test_secrets_of_a_cluster(gate: Make, resource: str, asked: bool) -> None:  # noqa: FBT001  # a column of the table
    said = says(gate(), KubeRead(resource))
    assert said == ({"context.cluster-secrets": ESCALATE} if asked else {})


# --- Law 2


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({}, None),
        ({"paths": ("/workspace/a",), "hosts": ("example.org",)}, None),
        ({"hosts": ("api.example.net",)}, None),
        ({"purpose": "review"}, None),
        ({"depth": 2}, "delegation.too-deep"),
        ({"paths": ("/etc",)}, "delegation.amplified"),
        ({"paths": ("/",)}, "delegation.amplified"),
        ({"paths": ("/workspace-evil",)}, "delegation.amplified"),
        ({"paths": ("/workspace/../etc",)}, "delegation.amplified"),
        ({"hosts": ("evil.test",)}, "delegation.amplified"),
        ({"hosts": ("*",)}, "delegation.amplified"),
        ({"hosts": (".example.org",)}, "delegation.amplified"),
        ({"purpose": "conquer"}, "delegation.unknown-purpose"),
    ],
)
def test_a_child_has_at_most_what_its_parent_has(
    gate: Make, changed: Any, rule: str | None
) -> None:
    said = says(gate(), AgentDelegate("helper", **changed))
    assert said == ({rule: DENY} if rule else {})


def test_a_child_may_not_do_what_the_purpose_does_not(gate: Make) -> None:
    kinds = frozenset({"agent.delegate"})
    world = gate(scope=Scope("review"), purposes={"review": Purpose("review", kinds)})
    said = says(world, AgentDelegate("helper", "develop"))
    assert said == {"delegation.amplified": DENY}


# --- Law 3


def test_what_goes_on_after_its_record(gate: Make) -> None:
    run = ProcessExec("server", background=True)
    assert says(gate(), run) == {"observation.background": ESCALATE}
    assert says(gate(), run, sandbox=True) == {}


# --- Law 5


@pytest.mark.parametrize(
    ("label", "effect", "expected"),
    [
        (Label.SECRET, NetRequest("example.org", carries="text"), ESCALATE),
        (Label.SECRET, NetRequest("evil.test", carries="text"), DENY),
        (Label.SECRET, NetRequest("evil.test", bytes_out=1), DENY),
        (Label.SECRET, NetRequest("evil.test"), None),
        (Label.SECRET, MessageSend("email"), ESCALATE),
        (Label.PERSONAL, NetRequest("example.org", carries="file"), None),
        (Label.PERSONAL, NetRequest("evil.test", carries="file"), ESCALATE),
        (Label.INTERNAL, ServiceChange("shop", "order"), ESCALATE),
        (Label.UNTRUSTED, NetRequest("evil.test", carries="file"), None),
        (Label(0), NetRequest("evil.test", carries="file"), None),
    ],
)
def test_labelled_data_stays(
    gate: Make, label: Label, effect: AnyEffect, expected: Verdict | None
) -> None:
    world = gate()
    world.state.session.labels = int(label)
    found = world.say(effect).values()
    said = [f.verdict for f in found if f.rule.startswith("sovereignty.")]
    assert said == ([expected] if expected else [])


# --- Law 6


def test_what_a_memory_may_keep(gate: Make) -> None:
    world = gate()
    note = MemoryWrite("notes", "k", 100)
    assert says(world, note) == {}
    assert says(world, MemoryWrite("notes", "k", 65_537)) == {
        "persistence.size": ESCALATE
    }
    world.state.session.labels = int(Label.UNTRUSTED)
    assert says(world, note)["persistence.untrusted"] is ESCALATE
    world.state.session.labels = int(Label.SECRET)
    assert says(world, note)["persistence.secret"] is DENY


# --- Law 8


@pytest.mark.parametrize("what", ["policy", "budget", "approval", "tier", "gate"])
def test_only_a_steward_changes_the_gate(gate: Make, what: str) -> None:
    assert says(gate(), PolicyChange(what)) == {"authority.steward-only": DENY}


@pytest.mark.parametrize(
    ("tier", "effect", "expected"),
    [
        (1, FileRead(IN), None),
        (1, ProcessExec("cat"), None),
        (1, ProcessExec("sh", code="inline"), DENY),
        (1, FileWrite(IN), DENY),
        (2, FileRead(IN), None),
        (2, FileWrite(IN), ESCALATE),
        (3, FileWrite(IN), None),
        (3, KubeApply("deployments"), ESCALATE),
        (4, KubeApply("deployments"), None),
        (0, FileWrite(IN), DENY),
    ],
)
def test_tiers(
    gate: Make, tier: int, effect: AnyEffect, expected: Verdict | None
) -> None:
    said = says(gate(principal={"tier": tier}), effect)
    assert said.get("authority.tier") is expected


def test_off_purpose_says_what_it_missed(gate: Make) -> None:
    world = gate(scope=Scope("review"))
    finding = world.say(FileWrite(IN))["authority.off-purpose"]
    assert finding.verdict is ESCALATE
    assert finding.reason == "file.write is no part of review"
    assert says(world, FileRead(IN)) == {}


def test_a_proposal_cannot_widen_the_purpose_of_its_session(gate: Make) -> None:
    world = gate(scope=Scope("review"))
    decision = world.decide(FileWrite(IN), proposal={"purpose": "develop"})
    assert decision.verdict is ESCALATE
    narrowed = gate().decide(FileWrite(IN), proposal={"purpose": "review"})
    assert narrowed.verdict is ESCALATE


# --- Law 9


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({}, None),
        ({"evaluation": ""}, "evaluation"),
        ({"evaluation": "sha256:short"}, "evaluation"),
        ({"evaluation": DIGEST.upper()}, "evaluation"),
        ({"review": ""}, "review"),
        ({"review": "agent"}, "review"),
        ({"provenance": "x" + DIGEST}, "provenance"),
    ],
)
def test_a_model_is_promoted_with_proof(
    gate: Make, changed: Any, missing: str | None
) -> None:
    made = {"evaluation": DIGEST, "review": "record-7", "provenance": DIGEST}
    world = gate(principal={"tier": 4})
    said = world.say(ModelPromote("m", **{**made, **changed}))
    if missing is None:
        assert said == {}
    else:
        assert said["lifecycle.unproven-model"].verdict is DENY
        assert missing in said["lifecycle.unproven-model"].reason


def test_what_is_destroyed_is_named(gate: Make) -> None:
    world = gate(principal={"tier": 4})
    assert says(world, InfraApply("tofu", destructive=True)) == {
        "lifecycle.unnamed-target": DENY
    }
    assert says(world, InfraApply("tofu", "vm-1", destructive=True)) == {}
    assert says(world, InfraApply("tofu")) == {}


# --- Law 10


class _Entry:
    def __init__(self, name: str, match: list[object], not_match: list[object]) -> None:
        self.id = name
        self.match = match
        self.not_match = not_match


def test_a_rule_without_examples_is_no_law() -> None:
    rules = [
        _Entry("b.none", [], []),
        _Entry("a.half", [1], []),
        _Entry("c.half", [], [1]),
        _Entry("d.whole", [1], [2]),
    ]
    assert law10_protocol.untested(rules) == ["a.half", "b.none", "c.half"]
    assert law10_protocol.untested([]) == []
