"""Rules drafted from what was stopped, for a person to read, cut and adopt.

Only what no law speaks of is drafted as a rule. What a rule stops on purpose is listed
in a comment with the name of the rule: whoever adopts it changes that rule, knowingly.
"""

import posixpath
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from clawlaw.core.actions import (
    AnyEffect,
    FileDelete,
    FileRead,
    FileWrite,
    NetRequest,
    ProcessExec,
)
from clawlaw.record import DecisionRecord

UNCLAIMED = "authority.unclaimed"
MAX_ENTRIES = 100  # of one set


@dataclass(frozen=True, slots=True)
class Draft:
    """One document.

    Attributes:
        name: Of its file.
        text: YAML.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class _Seen:
    kind: str  # paths, hosts or programs
    on: str
    value: str


def draft_rules(records: Iterable[DecisionRecord]) -> list[Draft]:
    """Documents that would allow what no law speaks of; none where there is nothing."""
    unclaimed: Counter[_Seen] = Counter()
    stopped: Counter[tuple[str, str]] = Counter()
    for record in records:
        for finding in record.decision["findings"]:
            at = finding["effect"]
            if finding["verdict"] not in {"deny", "escalate"} or at < 0:
                continue
            seen = _seen(record.effects[at])
            if seen is None:
                continue
            if finding["rule"] == UNCLAIMED:
                unclaimed[seen] += 1
            elif finding["verdict"] == "escalate":
                stopped[finding["rule"], seen.value] += 1
    drafts = []
    if unclaimed:
        drafts = [_sets(unclaimed), _laws(unclaimed)]
    if stopped:
        drafts.append(_notes(stopped))
    return drafts


def _seen(effect: AnyEffect) -> _Seen | None:
    """What of an effect a set would name."""
    if isinstance(effect, NetRequest) and effect.host:
        return _Seen("hosts", "net.request", effect.host)
    if isinstance(effect, ProcessExec):
        name = posixpath.basename(effect.program)
        return _Seen("programs", "process.exec", name) if name else None
    if isinstance(effect, FileRead | FileWrite | FileDelete) and not effect.glob:
        kind = {FileRead: "read", FileWrite: "write", FileDelete: "delete"}
        place = posixpath.dirname(posixpath.normpath(effect.path)).rstrip("/")
        if any(mark in place for mark in "*?[]!@$\n"):  # means more in a set
            return None
        return _Seen("paths", f"file.{kind[type(effect)]}", f"{place}/*")
    return None


def _set_name(seen: _Seen) -> str:
    return f"observed.{seen.on.replace('.', '-')}"


def _sets(unclaimed: Counter[_Seen]) -> Draft:
    sets: dict[str, dict[str, list[str]]] = {}
    for seen, _ in unclaimed.most_common():
        entries = sets.setdefault(seen.kind, {}).setdefault(_set_name(seen), [])
        if len(entries) < MAX_ENTRIES:
            entries.append(seen.value)
    text = yaml.safe_dump({"document": "sets", **sets}, sort_keys=True)
    return Draft("observed-sets.yaml", f"# Drafted: read every entry.\n{text}")


def _laws(unclaimed: Counter[_Seen]) -> Draft:
    rules = []
    first = {seen.on: seen for seen, _ in reversed(unclaimed.most_common())}
    for on, seen in sorted(first.items()):
        rules.append(
            {
                "id": f"observed.{on.replace('.', '-')}",
                "on": [on],
                "when": _when(seen),
                "then": "allow",
                "because": f"{on} was observed here and no law speaks of it",
                "match": [{"effect": _example(seen)}],
                "not_match": [{"effect": {**_example(seen), **_OTHER[on]}}],
            }
        )
    document = {
        "document": "law",
        "law": 0,
        "title": "Observed, not yet decided",
        "rules": rules,
    }
    text = yaml.safe_dump(document, sort_keys=False)
    return Draft("observed-rules.yaml", f"# Drafted: read every rule.\n{text}")


def _when(seen: _Seen) -> dict[str, object]:
    inside = {"in": [_set_name(seen)]}
    if seen.kind == "hosts":
        return {"host": inside, "method": ["GET", "HEAD"], "carries": "nothing"}
    if seen.kind == "programs":
        return {"program": inside, "code": "none"}
    return {"path": inside}


def _example(seen: _Seen) -> dict[str, object]:
    field = {"hosts": "host", "programs": "program", "paths": "path"}[seen.kind]
    value = seen.value.replace("*", "x") if seen.kind == "paths" else seen.value
    return {"kind": seen.on, field: value}


_OTHER: dict[str, dict[str, object]] = {
    "net.request": {"host": "elsewhere.invalid"},
    "process.exec": {"program": "something-else"},
    "file.read": {"path": "/nowhere/x"},
    "file.write": {"path": "/nowhere/x"},
    "file.delete": {"path": "/nowhere/x"},
}


def _notes(stopped: Counter[tuple[str, str]]) -> Draft:
    lines = [
        "# Rules that asked, and for what. To allow one of these, change the rule or",
        "# the set that it names: an allow beside it does not win.",
    ]
    lines += [
        f"#   {count:5d}  {rule}  {value.encode('unicode_escape').decode('ascii')}"
        for (rule, value), count in stopped.most_common(MAX_ENTRIES)
    ]
    return Draft("observed-questions.txt", "\n".join(lines) + "\n")
