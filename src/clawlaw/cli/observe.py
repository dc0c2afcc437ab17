"""`clawlaw observe`: what a policy would have stopped, and rules to begin from."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from clawlaw.cli.backtest import action_text
from clawlaw.cli.drafts import Draft, draft_rules
from clawlaw.cli.history import Again, decide_again, read_records
from clawlaw.cli.options import JsonOption, PolicyOption, RecordsArgument, ToolsOption
from clawlaw.cli.output import OK, UsageError, out, print_json, print_table, reported
from clawlaw.cli.policies import PolicyLoader, find_policy

Drafts = Annotated[
    Path | None,
    typer.Option(
        "--drafts", metavar="DIR", help="Write drafted rules into this folder."
    ),
]
EXAMPLES = 3  # of each rule


def observe(
    file: RecordsArgument,
    *,
    policy: PolicyOption = "",
    tools: ToolsOption = None,
    drafts: Drafts = None,
    as_json: JsonOption = False,
) -> None:
    """Report what a policy would have denied or asked about in recorded actions.

    Drafts rules for what no law speaks of: a beginning to read and to cut, not to use
    as it is.
    """
    with reported(as_json=as_json):
        loader = PolicyLoader(find_policy(policy), tuple(tools or ()))
        decided = list(decide_again(read_records(file), loader.load, same=False))
        drafted = draft_rules([a.now for a in decided if a.now is not None])
        if drafts is not None:
            _write(drafts, drafted)
    report = _report(decided)
    if as_json:
        print_json(report | {"drafts": {d.name: d.text for d in drafted}})
    else:
        _print(report, drafted, drafts)
    raise typer.Exit(OK)


def _report(decided: list[Again]) -> dict[str, Any]:
    verdicts: Counter[str] = Counter()
    rules: dict[tuple[str, str], dict[str, Any]] = {}
    for again in decided:
        if again.now is None:
            verdicts["deny"] += 1
            continue
        decision = again.now.decision
        verdicts[decision["verdict"]] += 1
        named = {
            (f["rule"], f["verdict"]): f
            for f in decision["findings"]
            if f["verdict"] in {"deny", "escalate"}
        }
        for key, finding in named.items():
            row = rules.setdefault(
                key,
                {
                    "rule": key[0],
                    "verdict": key[1],
                    "law": finding["law"],
                    "actions": 0,
                    "reason": finding["reason"],
                    "examples": [],
                },
            )
            row["actions"] += 1
            text = action_text(again.then.proposal.arguments)
            if len(row["examples"]) < EXAMPLES and text not in row["examples"]:
                row["examples"].append(text)
    ordered = sorted(rules.values(), key=lambda r: (-r["actions"], r["rule"]))
    return {
        "decisions": len(decided),
        "verdicts": dict(sorted(verdicts.items())),
        "rules": ordered,
    }


def _write(folder: Path, drafted: list[Draft]) -> None:
    """Write the drafts; a file that is there is never replaced.

    Raises:
        UsageError: A file of that name is there.
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for draft in drafted:
        place = folder / draft.name
        if place.exists():
            raise UsageError(str(place), "is there already", "name another --drafts")
    for draft in drafted:
        (folder / draft.name).write_text(draft.text, encoding="utf-8")


def _print(report: dict[str, Any], drafted: list[Draft], folder: Path | None) -> None:
    rows = [
        (r["actions"], r["verdict"], r["law"], r["rule"], "\n".join(r["examples"]))
        for r in report["rules"]
    ]
    if rows:
        columns = ("actions", "would", "law", "rule", "for example")
        print_table("what would have been stopped", columns, rows)
    said = ", ".join(f"{n} {verdict}" for verdict, n in report["verdicts"].items())
    out.print(f"{report['decisions']} decisions: {said}")
    for draft in drafted:
        if folder is not None:
            out.print(f"drafted {folder / draft.name}", markup=False)
        else:
            out.print(f"\n# {draft.name}", style="bold")
            out.print(draft.text, markup=False)
