"""`clawlaw replay`: decide recorded decisions again and compare every byte."""

import json
from typing import Any

import typer

from clawlaw.cli.history import Again, decide_again, read_records
from clawlaw.cli.options import JsonOption, PolicyOption, RecordsArgument, ToolsOption
from clawlaw.cli.output import DIFFERENT, OK, UsageError, out, print_json, reported
from clawlaw.cli.policies import PolicyLoader, find_policy
from clawlaw.record import encode


def replay(
    file: RecordsArgument,
    *,
    policy: PolicyOption = "",
    tools: ToolsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide every recorded decision again. Ends with 0 where all are identical.

    Says the first difference otherwise, and ends with 1.
    """
    with reported(as_json=as_json):
        loader = PolicyLoader(find_policy(policy), tuple(tools or ()))
        records = read_records(file)
        count = 0
        for again in decide_again(records, loader.load, same=True):
            _check_policy(again, str(file))
            difference = _difference(again)
            if difference is not None:
                _print(count, difference, again.line, as_json=as_json)
                raise typer.Exit(DIFFERENT)
            count += 1
    if as_json:
        print_json({"identical": True, "decisions": count})
    else:
        out.print(f"{count} decisions, identical")
    raise typer.Exit(OK)


def _check_policy(again: Again, file: str) -> None:
    """A decision under another policy is a question for `backtest`."""
    if again.now is None:
        return
    then, now = again.then.decision["policy"], again.now.decision["policy"]
    if then != now:
        raise UsageError(
            f"{file}:{again.line}",
            f"was decided under policy {then}, this is {now}",
            "give the policy of then with --policy, or compare with clawlaw backtest",
        )


def _difference(again: Again) -> tuple[str, Any, Any] | None:
    """(where, then, now) of the first difference in reading order."""
    if again.now is None:
        return ("", again.problem, None)
    then, now = encode(again.then), encode(again.now)
    if then == now:
        return None
    return first_difference(json.loads(then), json.loads(now), "")


def first_difference(then: Any, now: Any, at: str) -> tuple[str, Any, Any]:  # noqa: ANN401  # any JSON value
    """Where two unequal values first differ, as a path with both sides."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted({*then, *now}):
            if then.get(key) != now.get(key) or (key in then) != (key in now):
                return first_difference(then.get(key), now.get(key), f"{at}.{key}")
    if isinstance(then, list) and isinstance(now, list):
        for index, (left, right) in enumerate(zip(then, now, strict=False)):
            if left != right:
                return first_difference(left, right, f"{at}[{index}]")
        return (f"{at} (length)", len(then), len(now))
    return (at.removeprefix("."), then, now)


def _print(
    count: int, difference: tuple[str, Any, Any], line: int, *, as_json: bool
) -> None:
    where, then, now = difference
    if as_json:
        print_json(
            {
                "identical": False,
                "decisions": count,
                "line": line,
                "where": where,
                "then": then,
                "now": now,
            }
        )
        return
    out.print(f"{count} decisions identical, line {line} is not", style="bold red")
    if not where:
        out.print(f"  {then}", markup=False)
        return
    out.print(f"  {where}", markup=False)
    out.print(f"  then {json.dumps(then)[:400]}", markup=False)
    out.print(f"  now  {json.dumps(now)[:400]}", markup=False)
