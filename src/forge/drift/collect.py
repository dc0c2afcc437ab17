"""From the events of a run in check mode to a drift report: pure.

A task that hides its output (``no_log``) tells neither a diff nor, in its result, that
it changed something; the line that Ansible prints for it does. What the events tell is
therefore compared with Ansible's own count per host at the end, and a host whose count
is higher is drifted, never in sync.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from forge.drift.model import Change, Host, Report, State, verdict_of
from forge.runs.hide import Hider
from forge.testbed.failures import Failure, diagnose

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CHANGED = re.compile(r"^changed: \[", re.MULTILINE)


class Collector:
    """Takes the events of one run, in order."""

    def __init__(self, checkout: PurePath, hider: Hider) -> None:
        """Name tasks by their files below the checkout, and hide secrets."""
        self._checkout = checkout
        self._hider = hider
        self._changes: list[Change] = []
        self._failures: dict[str, Failure] = {}
        self._handlers: set[str] = set()
        self._stats: Mapping[str, Mapping[str, int]] | None = None

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take one event of the runner's stream."""
        data = event.get("event_data", {})
        match event.get("event"):
            # How the runner marks a handler, as Ansible 1 did.
            case "playbook_on_task_start" if data.get("is_conditional"):
                self._handlers.add(str(data.get("task_uuid")))
            case "runner_on_ok" if _is_change(event):
                self._changes.append(self._change(data))
            case "playbook_on_stats":
                self._stats = {
                    kind: counts
                    for kind, counts in data.items()
                    if isinstance(counts, Mapping)
                }
        failure = diagnose(event)
        if failure:
            self._failures[failure.host] = failure

    @property
    def is_finished(self) -> bool:
        """Whether the run came to the count that ends every playbook."""
        return self._stats is not None

    def report(
        self,
        hosts: Iterable[str],
        *,
        commit: str,
        playbook: str,
        scope: str,
        started: str,
        seconds: int,
    ) -> Report:
        """Return what was seen.

        Args:
            hosts: Every host that was to be checked; one that no play reached is
                unchecked.
            commit: Of the checkout, or empty.
            playbook: Path below the checkout.
            scope: What the check was limited to, or empty.
            started: UTC, RFC 3339.
            seconds: How long the run took.
        """
        seen = self._stats.get("processed", {}) if self._stats else {}
        rows = tuple(self._host(name) for name in sorted({*hosts, *seen}))
        return Report(
            verdict=verdict_of(rows),
            commit=commit,
            playbook=playbook,
            scope=scope,
            started=started,
            seconds=seconds,
            hosts=rows,
            changes=tuple(sorted(self._changes, key=lambda change: change.host)),
        )

    def _host(self, name: str) -> Host:
        counts = {
            kind: self._stats.get(kind, {}).get(name, 0) if self._stats else 0
            for kind in ("ok", "changed", "failures", "dark", "processed")
        }
        listed = sum(change.host == name for change in self._changes)
        changes = max(counts["changed"], listed)
        state, why = State.IN_SYNC, ""
        if counts["dark"]:
            state, why = State.UNREACHABLE, self._why(name)
        elif counts["failures"]:
            state, why = State.FAILED, self._why(name)
        elif not counts["processed"]:
            state, why = State.UNCHECKED, self._why(name) or "no play came to it"
        elif changes:
            state = State.DRIFTED
        return Host(
            name=name, state=state, checked=counts["ok"], changes=changes, why=why
        )

    def _why(self, name: str) -> str:
        failure = self._failures.get(name)
        if failure is None:
            return ""
        return self._hider.text(f"{failure.task}: {failure.cause}")

    def _change(self, data: Mapping[str, Any]) -> Change:
        seen = self._hider.changes(data.get("res", {}))
        diff = [*seen.get("diff", ())]
        if seen.get("cut"):
            diff.append(f"... {seen['cut']} more lines")
        return Change(
            host=str(data.get("host", "?")),
            play=str(data.get("play", "")).strip(),
            role=str(data.get("role", "")),
            task=str(data.get("task", "?")),
            action=str(data.get("resolved_action") or data.get("task_action", "?")),
            where=self._below(str(data.get("task_path", ""))),
            diff="\n".join(diff),
            withheld=seen.get("withheld", ""),
            is_handler=str(data.get("task_uuid")) in self._handlers,
        )

    def _below(self, path: str) -> str:
        if PurePath(path).is_relative_to(self._checkout):
            return str(PurePath(path).relative_to(self._checkout))
        return PurePath(path).name


def _is_change(event: Mapping[str, Any]) -> bool:
    result = event.get("event_data", {}).get("res", {})
    if "censored" not in result:
        return bool(result.get("changed"))
    printed = _COLOUR.sub("", str(event.get("stdout", "")))
    return _CHANGED.search(printed) is not None
