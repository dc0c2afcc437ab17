"""Decides a fixed row of made-up proposals and prints what came out.

    python corpus.py COUNT

One line a verdict with its number, one with the number of cases that hold text beyond
ASCII, one with the digest of all decisions in order. The same on every machine, in
every process, for every hash seed: `test_determinism` compares.
"""

import hashlib
import random
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from clawlaw.core import kernel
from clawlaw.core.actions import KINDS, AnyEffect, Json, Proposal
from clawlaw.core.actions import FileRead as Read
from clawlaw.core.actions import FileWrite as Write
from clawlaw.core.actions import ModelGenerate as Generate
from clawlaw.core.actions import NetRequest as Request
from clawlaw.core.actions import ProcessExec as Exec
from clawlaw.core.decision import Decision, Verdict
from clawlaw.core.facts import Approval, Facts, PathFact, ProgramFact
from clawlaw.core.policy import Policy, Principal, Purpose, Rule, Test
from clawlaw.core.state import Room, Scope, State
from clawlaw.core.view import View

NAMES = ("a", "b.py", ".env", "Straße", "é", "e\u0301", "ﬁ", "日本", "a\u200bb", "😀")
ROOTS = ("/workspace", "/workspace/src", "/tmp", "/etc", "/home/agent", "/WORKSPACE")  # noqa: S108  # data
HOSTS = ("example.org", "EXAMPLE.org", "evil.test", "", "ex\u0430mple.org")
CARRIES: tuple[Literal["nothing", "text", "file"], ...] = ("nothing", "text", "file")
CODES: tuple[Literal["none", "inline"], ...] = ("none", "inline")
KIND: tuple[Literal["file", "absent", "unknown"], ...] = ("file", "absent", "unknown")
ENCODER = msgspec.json.Encoder(order="deterministic")


def inside(effect: AnyEffect, view: View) -> bool:
    targets = view.targets(effect)
    return targets is not None and all(t.real.startswith("/workspace") for t in targets)


def dotted(effect: AnyEffect, view: View) -> bool:
    return any("/." in t.written for t in view.targets(effect) or ())


def shell(effect: AnyEffect, _: View) -> bool:
    return isinstance(effect, Exec) and effect.code != "none"


def far(effect: AnyEffect, _: View) -> bool:
    return isinstance(effect, Request) and not effect.host.lower().endswith(".org")


def always(_: AnyEffect, __: View) -> bool:
    return True


FILES = ("file.read", "file.write")


def rule(
    name: str, kinds: Sequence[str], test: Test, asks: Verdict, *, risk: int = 0
) -> Rule:
    law = {"boundary": 0, "resource": 4, "authority": 8}[name.partition(".")[0]]
    waivable = asks is Verdict.ESCALATE
    reason = f"It is {name}."
    return Rule(
        name, law, frozenset(kinds), test, asks, reason, "", risk, waivable=waivable
    )


RULES = (
    rule("boundary.inside", FILES, inside, Verdict.ALLOW),
    rule("boundary.dotted", FILES, dotted, Verdict.ESCALATE, risk=90_000),
    rule("boundary.far", ("net.request",), far, Verdict.DENY),
    rule("boundary.near", ("net.request",), always, Verdict.ALLOW),
    rule("resource.model", ("model.generate",), always, Verdict.ALLOW),
    rule("authority.run", ("process.exec",), always, Verdict.ALLOW),
    rule("authority.code", ("process.exec",), shell, Verdict.ESCALATE, risk=300_000),
)
POLICY = Policy(
    name="corpus",
    version="1.0.0",
    digest="sha256:corpus",
    workspace=("/workspace",),
    home="/home/agent",
    rules={k: tuple(r for r in RULES if k in r.kinds) for k in sorted(KINDS)},
    purposes={"develop": Purpose("develop", KINDS)},
    principals={
        "agent": Principal(
            "agent",
            Scope("develop", ("/workspace",), ("example.org",)),
            ("develop",),
            {"actions": 100_000, "tokens": 50_000},
        )
    },
    settings={},
    laws=frozenset({0, 4, 8}),
)


def path(chance: random.Random) -> str:
    depth = chance.randrange(1, 3)
    return "/".join([chance.choice(ROOTS), *chance.choices(NAMES, k=depth)])


def effect(chance: random.Random) -> AnyEffect:
    kind = chance.randrange(6)
    if kind < 2:
        return Read(path(chance), recursive=chance.random() < 0.2)
    if kind < 4:
        return Write(path(chance), inert=chance.random() < 0.5)
    if kind == 4:
        host, size = chance.choice(HOSTS), chance.randrange(9)
        return Request(host, carries=chance.choice(CARRIES), bytes_out=size)
    if chance.random() < 0.5:
        return Generate("m", chance.randrange(200))
    return Exec("git", ("status",), chance.choice(CODES), family="git")


def facts(chance: random.Random, effects: tuple[AnyEffect, ...]) -> Facts:
    paths: dict[str, PathFact] = {}
    for one in effects:
        name = getattr(one, "path", "")
        if name and not isinstance(one, Request) and chance.random() < 0.95:
            kind = chance.choices(KIND, (8, 3, 1))[0]
            paths[name] = PathFact(name, kind, 1, chance.randrange(9))
    programs = {"git": ProgramFact("/usr/bin/git")}
    return Facts(1000, paths, {}, programs, (), chance.random() < 0.5)


def step(chance: random.Random, state: State, number: int) -> Decision:
    effects = tuple(effect(chance) for _ in range(chance.choice((1, 1, 1, 2, 3))))
    text = chance.choice(NAMES)
    arguments: dict[str, Json] = {
        "command": text,
        "n": number,
        "nested": [{"b": 1, "a": text}],
    }
    proposal = Proposal("agent", "s", "exec", arguments, "/workspace")
    known = facts(chance, effects)
    decision = kernel.decide(proposal, effects, known, state, POLICY)
    if decision.verdict is Verdict.ESCALATE and chance.random() < 0.3:
        gates = tuple(
            f.rule for f in decision.findings if f.verdict is Verdict.ESCALATE
        )
        yes = Approval(decision.action, POLICY.digest, gates, "steward", 2000)
        known = msgspec.structs.replace(known, approvals=(yes,))
        decision = kernel.decide(proposal, effects, known, state, POLICY)
    return decision


def run(count: int) -> tuple[Counter[str], str]:
    """Verdicts (and "unicode") counted, and the digest of all decisions and states."""
    chance = random.Random(20_260_301)  # noqa: S311  # a fixed row, not a secret
    seen: Counter[str] = Counter()
    whole = hashlib.sha256()
    for number in range(count):
        if number % 40 == 0:
            state = State(kernel.open_session(POLICY, "agent", "s"), Room())
        decision = step(chance, state, number)
        record = ENCODER.encode(decision)
        whole.update(record)
        kernel.apply(state, decision.delta)
        seen[decision.verdict.name] += 1
        seen["unicode"] += not record.isascii()
    whole.update(ENCODER.encode(state))
    return seen, whole.hexdigest()


if __name__ == "__main__":
    counted, digest = run(int(sys.argv[1]))
    for name in sorted(counted):
        print(name, counted[name])  # noqa: T201  # its output is its purpose
    print("digest", digest)  # noqa: T201  # likewise
