"""`clawlaw trace`: one action, from what was asked to what came of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from clawlaw.cli.options import JsonOption
from clawlaw.cli.output import OK, either, out, reported, styled

if TYPE_CHECKING:
    from clawlaw.evidence.schema import Entry
    from clawlaw.evidence.trace import Trace

FolderOption = Annotated[
    Path, typer.Option("--log", metavar="DIR", help="Folder of the log.")
]
IndexOption = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="FILE",
        help="Keep the index here; default: make one in memory, by reading the log.",
    ),
]
type Sayings = dict[str, Callable[[dict[str, Any]], str]]
LOG = Path("/var/lib/clawlaw/log")


def trace(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Of a decision, escalation or answer.")
    ],
    *,
    folder: FolderOption = LOG,
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the whole chain of an action: intent, authority, execution, outcome."""
    with reported(as_json=as_json):
        from clawlaw.evidence.index import Index  # noqa: PLC0415  # slow to load
        from clawlaw.evidence.trace import trace as follow  # noqa: PLC0415  # as above

        opened = Index.open(folder, index)
        try:
            chain = follow(opened, name)
        finally:
            opened.close()
    fields = {
        part: [msgspec.to_builtins(entry) for entry in getattr(chain, part)]
        for part in ("intent", "authority", "outcome")
    }
    either(fields, as_json=as_json, text=lambda: _print(chain))
    raise typer.Exit(OK)


def _print(chain: "Trace") -> None:
    parts: tuple[tuple[str, list[Entry], Sayings], ...] = (
        ("intent", chain.intent, _SAID),
        ("authority", chain.authority, _SAID),
        ("execution", chain.outcome, {"performed": _executed}),
        ("outcome", chain.outcome, {"performed": _ended}),
    )
    for title, found, said in parts:
        out.print(title, style="bold")
        for entry in found:
            out.print(line(entry, said))
        if not found:
            out.print("  none recorded", style="dim")


def line(entry: "Entry", said: Sayings | None = None) -> str:
    """One entry for a person, as markup."""
    from rich.markup import escape  # noqa: PLC0415  # only for people

    words = _SAID if said is None else said
    body = msgspec.to_builtins(entry.body)
    kind = str(body["kind"])
    text = words[kind](body) if kind in words else str(body.get("reason", ""))
    when = datetime.fromtimestamp(entry.time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    verdict = _verdict(body)
    shown = f"{styled(verdict)} " if verdict else ""
    return f"  {entry.seq:>7} {when} {kind:<12} {shown}{escape(text)}"


def _verdict(body: dict[str, Any]) -> str:
    if body["kind"] == "refused":
        return "deny"
    return str(body["record"]["decision"]["verdict"]) if "record" in body else ""


def _opened(body: dict[str, Any]) -> str:
    opening, goal = body["opening"], body["goal"]
    return f"{opening['session']} of {opening['principal']}" + (
        f", goal {goal}" if goal else ""
    )


def _decided(body: dict[str, Any]) -> str:
    decision, proposal = body["record"]["decision"], body["record"]["proposal"]
    how = body["enforcement"] + (", observe" if body["observe"] else "")
    rules = sorted({found["rule"] for found in decision.get("findings", ())})
    what = f"{body['id']} {proposal['tool']} in {proposal['session']} ({how})"
    return f"{what}: {decision.get('reason', '')} [{', '.join(rules)}]"


def _answered(body: dict[str, Any]) -> str:
    by = body["steward"] or "the deadline"
    return f"{body['answer']} of {body['escalation']} by {by}: {body['reason']}"


def _executed(body: dict[str, Any]) -> str:
    what = f"{body['id']} in {body['duration']} us"
    exchange = body["exchange"]
    if exchange is None:
        return f"{what}, sandbox {body['sandbox'] or 'none'}"
    where = exchange["backend"] or "no engine"
    return f"{what} by {where}, first piece after {exchange['first']} us"


def _ended(body: dict[str, Any]) -> str:
    what = f"{body['id']} {body['status']}"
    exchange = body["exchange"]
    if exchange is None:
        return f"{what}, exit {body['exit']}, {len(body['files'])} files"
    told = "usage not reported"
    if exchange["reported"]:
        told = f"{exchange['prompt_tokens']}+{exchange['completion_tokens']} tokens"
        back = body["outcome"]["released"].get("tokens", 0)
        told += f", {back} given back"
    return (
        f"{what}, {told}, prompt {exchange['prompt'] or 'not sent'}, "
        f"response {exchange['response'] or 'none'}"
    )


def _performed(body: dict[str, Any]) -> str:
    return f"{_executed(body)}; {_ended(body)}"


_SAID: Final[Sayings] = {
    "opened": _opened,
    "decided": _decided,
    "refused": lambda b: f"{b['id']} {b['record']['field']}: {b['record']['reason']}",
    "escalated": lambda b: (
        f"{b['id']} of {b['decision']}, asked by {', '.join(b['gates'])}"
    ),
    "answered": _answered,
    "consumed": lambda b: f"approval of {b['escalation']} used by {b['decision']}",
    "performed": _performed,
    "certified": lambda b: (
        f"{b['decision']}: serial {b['serial']} for {', '.join(b['hosts'])}, "
        f"{(b['ends'] - b['begins']) // 60_000} minutes"
    ),
}
