"""`clawlaw backtest`: what a candidate policy would change in recorded decisions."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from clawlaw.cli.history import Again, decide_again, read_records
from clawlaw.cli.options import JsonOption, RecordsArgument, ToolsOption
from clawlaw.cli.output import DIFFERENT, OK, out, print_json, print_table, reported
from clawlaw.cli.policies import PolicyLoader, find_policy
from clawlaw.record import VERDICTS

Candidate = Annotated[
    str,
    typer.Option("--policy", metavar="DIR|NAME", help="The candidate."),
]
SHOWN = 200  # rows of the table


def backtest(
    file: RecordsArgument,
    *,
    policy: Candidate,
    tools: ToolsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide recorded decisions under a candidate policy, with the facts of then.

    Ends with 0 where no verdict changes, with 1 where one does.
    """
    with reported(as_json=as_json):
        loader = PolicyLoader(find_policy(policy), tuple(tools or ()))
        records = read_records(Path(file))
        decided = list(decide_again(records, loader.load, same=False))
    changed = [row for row in map(_row, decided) if row["then"] != row["now"]]
    moves = Counter(f"{row['then']} to {row['now']}" for row in changed)
    result = {
        "decisions": len(decided),
        "changed": changed,
        "looser": sum(row["change"] == "looser" for row in changed),
        "stricter": sum(row["change"] == "stricter" for row in changed),
        "moves": dict(sorted(moves.items())),
    }
    if as_json:
        print_json(result)
    else:
        _print(result)
    raise typer.Exit(DIFFERENT if changed else OK)


def _row(again: Again) -> dict[str, Any]:
    then = again.then.decision
    now = again.now.decision if again.now else None
    verdict = now["verdict"] if now else "deny"
    looser = VERDICTS[verdict] < VERDICTS[then["verdict"]]
    return {
        "line": again.line,
        "tool": again.then.proposal.tool,
        "action": action_text(again.then.proposal.arguments),
        "then": then["verdict"],
        "now": verdict,
        "change": "looser" if looser else "stricter",
        "reason": now["reason"] if now else again.problem,
    }


def action_text(arguments: dict[str, Any]) -> str:
    """The argument that says most of an action, in one line."""
    names = ("command", "path", "url", "pattern", "to")
    said = next((arguments[n] for n in names if n in arguments), arguments)
    return str(said).encode("unicode_escape").decode("ascii")[:120]


def _print(result: dict[str, Any]) -> None:
    changed = result["changed"]
    rows = [
        (r["line"], r["then"], r["now"], r["tool"], r["action"], r["reason"])
        for r in changed[:SHOWN]
    ]
    if rows:
        columns = ("line", "then", "now", "tool", "action", "reason now")
        print_table("changed verdicts", columns, rows)
    if len(changed) > SHOWN:
        out.print(f"and {len(changed) - SHOWN} more; --json prints all")
    out.print(
        f"{result['decisions']} decisions, {len(changed)} changed: "
        f"{result['looser']} looser, {result['stricter']} stricter"
    )
