"""Runs as tables for a person, and as JSON for a program."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from forge.runs.journal import Run

NUMBERS = ("changed", "failed", "took")
UNFINISHED = "unfinished"  # interrupted, killed, or still at work
COLOURS = {"succeeded": "green", "failed": "red", "refused": "red"}
SHORT = 9  # characters of a digest or commit


def summary(run: Run) -> dict[str, Any]:
    """Return one run as a row.

    Returns:
        ``run``, ``at`` (milliseconds since the epoch), ``user``, ``commit``,
        ``modified``, ``playbook``, ``check``, ``plan``, ``verdict``,
        ``decision`` (id in the gate's log), ``result``, ``changed`` (tasks),
        ``failed`` (tasks), ``milliseconds``, ``broken`` (lines).
    """
    first, judged, last = (run.first(kind) for kind in ("started", "judged", "ended"))
    kinds = Counter(row["kind"] for row in run.entries)
    return {
        "run": run.name,
        "at": first.get("at"),
        "user": first.get("who", {}).get("user", ""),
        "commit": first.get("commit", ""),
        "modified": first.get("modified", False),
        "playbook": first.get("playbook", ""),
        "check": first.get("arguments", {}).get("check", False),
        "plan": judged.get("plan", ""),
        "verdict": judged.get("verdict", ""),
        "decision": judged.get("decision", ""),
        "result": last.get("result", UNFINISHED),
        "changed": kinds["changed"],
        "failed": kinds["failed"] + kinds["unreachable"],
        "milliseconds": last.get("milliseconds"),
        "broken": [str(line) for line in run.broken],
    }


def history(rows: list[dict[str, Any]], console: Console) -> None:
    """Print runs, the newest first."""
    table = Table(box=None)
    for name in ("run", "when (UTC)", "who", "commit", "playbook"):
        table.add_column(name, no_wrap=name != "playbook")
    for name in ("verdict", "result", *NUMBERS):
        table.add_column(name, justify="right" if name in NUMBERS else "left")
    for row in rows:
        colour = COLOURS.get(row["result"], "yellow")
        result = "broken" if row["broken"] else row["result"]
        commit = row["commit"][:SHORT] + ("+" if row["modified"] else "")
        playbook = row["playbook"] + (" (check)" if row["check"] else "")
        table.add_row(
            row["run"][-8:], _when(row["at"]), escape(row["user"]), commit,
            escape(playbook), row["verdict"], f"[{colour}]{result}[/]",
            str(row["changed"]), str(row["failed"]), _took(row["milliseconds"]),
        )  # fmt: skip
    console.print(table)


def show(run: Run, console: Console) -> None:
    """Print everything that a run recorded."""
    row = summary(run)
    for name in ("run", "user", "commit", "playbook", "plan", "verdict", "result"):
        if row[name]:
            console.print(f"{name:9} {escape(str(row[name]))}", highlight=False)
    console.print(f"{'when':9} {_when(row['at'])} UTC, {_took(row['milliseconds'])}")
    for entry in run.entries:
        if entry["kind"] == "judged":
            _judged(entry, console)
        if entry["kind"] == "refused":
            console.print(f"[red]refused[/] {escape(entry['why'])}", highlight=False)
        if entry["kind"] == "plain_key":
            _plain_key(entry, console)
        if entry["kind"] in {"changed", "failed", "unreachable"}:
            _task(entry, console)
    for broken in row["broken"]:
        console.print(f"[red]broken[/] {escape(broken)}", highlight=False)


def as_json(run: Run) -> str:
    """Return summary and entries as JSON."""
    return json.dumps({**summary(run), "entries": run.entries}, indent=2)


def _judged(entry: dict[str, Any], console: Console) -> None:
    by = entry.get("by", "")
    console.print(f"judged by {escape(str(by))}", highlight=False)
    for reason in entry.get("reasons", []):
        console.print(f"    {escape(str(reason))}", highlight=False)


def _plain_key(entry: dict[str, Any], console: Console) -> None:
    console.print(
        f"[yellow]plain key[/]   [bold]{escape(entry['host'])}[/] "
        f"has notes of its use: {entry['uses']}",
        highlight=False,
    )
    for line in entry["last"]:
        console.print(f"    {escape(line)}", highlight=False, soft_wrap=True)


def _task(entry: dict[str, Any], console: Console) -> None:
    colour = "yellow" if entry["kind"] == "changed" else "red"
    console.print(
        f"[{colour}]{entry['kind']:11}[/] [bold]{escape(entry['host'])}[/] "
        f"{escape(entry['task'])}",
        highlight=False,
    )
    for line in (*entry.get("cause", "").splitlines(), *entry.get("diff", [])):
        console.print(f"    {escape(line)}", highlight=False, soft_wrap=True)
    if "cut" in entry:
        console.print(f"    … {entry['cut']} more lines", highlight=False)
    if "withheld" in entry:
        console.print(f"    ({escape(entry['withheld'])})", highlight=False)


def _when(at: int | None) -> str:
    if at is None:
        return ""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}"


def _took(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes}:{seconds:02d}"
