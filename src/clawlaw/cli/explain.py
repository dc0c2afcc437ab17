"""A decision told to a person: the verdict, the law, and what would make it pass."""

from collections.abc import Mapping
from typing import Any

import msgspec

from clawlaw.cli.output import out, print_json, styled
from clawlaw.record import DecisionRecord, RefusalRecord

# The Codex; 7 judges bodies that move and does not apply.
LAWS = {
    0: "Boundary",
    1: "Context",
    2: "Delegation",
    3: "Observation",
    4: "Resource",
    5: "Sovereignty",
    6: "Persistence",
    8: "Authority",
    9: "Lifecycle",
    10: "Protocol",
}
RANK = {"deny": 3, "escalate": 2, "allow": 1, "abstain": 0}
MILLIONTHS_OF_A_PERCENT = 10_000


def summary(record: DecisionRecord) -> dict[str, Any]:
    """What a person needs of a record, as data."""
    decision = record.decision
    against = [
        {
            "law": f["law"],
            "title": LAWS.get(f["law"], ""),
            "rule": f["rule"],
            "verdict": f["verdict"],
            "reason": f["reason"],
            "remedy": f["remedy"],
            "effect": _effect_at(record, f["effect"]),
            "because": list(f["because"]),
        }
        for f in decision["findings"]
        if RANK[f["verdict"]] > 1 and not f["waived"]
    ]
    against.sort(key=lambda f: -RANK[f["verdict"]])
    return {
        "verdict": decision["verdict"],
        "reason": decision["reason"],
        "remedy": decision["remedy"],
        "tool": record.proposal.tool,
        "arguments": record.proposal.arguments,
        "effects": [msgspec.to_builtins(effect) for effect in record.effects],
        "against": against,
        "risk": decision["risk"],
        "contributions": list(decision["contributions"]),
        "policy": decision["policy"],
    }


def _effect_at(record: DecisionRecord, index: int) -> dict[str, Any] | None:
    if 0 <= index < len(record.effects):
        found: dict[str, Any] = msgspec.to_builtins(record.effects[index])
        return found
    return None


def explain_record(record: DecisionRecord, *, as_json: bool) -> None:
    """Print why a decision is what it is."""
    told = summary(record)
    if as_json:
        print_json(told)
        return
    out.print(f"{styled(told['verdict'])}", end=" ")
    out.print(f"{told['tool']} {_arguments(told['arguments'])}", markup=False)
    out.print("\nWhat it would do", style="bold")
    verdicts = _verdict_of_effects(record)
    for index, effect in enumerate(told["effects"]):
        out.print(f"  {styled(verdicts[index])}", end=" ")
        out.print(_effect(effect), markup=False)
    for path, fact in sorted(record.facts.paths.items()):
        if fact.linked or fact.kind == "unknown":
            leads = fact.resolved or "unknown"
            out.print(f"  {path} leads to {leads}", style="dim", markup=False)
    _print_against(told)
    if told["verdict"] == "allow":
        return
    out.print("\nWhat would make it pass", style="bold")
    remedies = dict.fromkeys(f["remedy"] for f in told["against"] if f["remedy"])
    for remedy in remedies or {"nothing: the law is unconditional": None}:
        out.print(f"  {remedy}", markup=False)


def _print_against(told: Mapping[str, Any]) -> None:
    if told["against"]:
        out.print("\nWhat speaks against it", style="bold")
    for found in told["against"]:
        out.print(f"  {styled(found['verdict'])}", end=" ")
        out.print(
            f"Law {found['law']} {found['title']}, {found['rule']}: {found['reason']}",
            markup=False,
        )
        if found["because"]:
            earlier = ", ".join(found["because"])
            out.print(f"       after action {earlier}", style="dim", markup=False)
    if told["risk"]:
        parts = ", ".join(
            f"{c['name']} {c['risk'] // MILLIONTHS_OF_A_PERCENT}%"
            for c in told["contributions"]
        )
        percent = told["risk"] // MILLIONTHS_OF_A_PERCENT
        out.print(f"  risk {percent}%: {parts}", style="dim", markup=False)


def _verdict_of_effects(record: DecisionRecord) -> list[str]:
    """The strictest word of any rule on each effect."""
    found = ["abstain"] * len(record.effects)
    for f in record.decision["findings"]:
        at = f["effect"]
        verdict = "allow" if f["waived"] else f["verdict"]
        if 0 <= at < len(found) and RANK[verdict] > RANK[found[at]]:
            found[at] = verdict
    return ["deny" if verdict == "abstain" else verdict for verdict in found]


def _effect(effect: Mapping[str, Any]) -> str:
    said = {
        k: v
        for k, v in effect.items()
        if k != "kind" and v not in ("", (), [], 0, False, None)
    }
    return f"{effect['kind']} " + " ".join(f"{k}={_short(v)}" for k, v in said.items())


def _arguments(arguments: Mapping[str, Any]) -> str:
    return " ".join(f"{k}={_short(v)}" for k, v in arguments.items())


def _short(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    plain = text.encode("unicode_escape").decode("ascii")
    return plain if len(plain) <= 120 else plain[:117] + "..."  # noqa: PLR2004  # a line


def explain_refusal(record: RefusalRecord, *, as_json: bool) -> None:
    """Print what was wrong with bytes that are no proposal."""
    if as_json:
        print_json(msgspec.to_builtins(record))
        return
    out.print(f"{styled('deny')} not a proposal")
    out.print("\nWhat speaks against it", style="bold")
    place = f"{record.field}: " if record.field else ""
    out.print(f"  {place}{record.reason}", markup=False)
    out.print("\nWhat would make it pass", style="bold")
    out.print("  send a proposal as docs/cli.md describes it", markup=False)
