"""What a task changed, as text without secrets: pure."""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from clawlaw.evidence.redact import Redactor

CONTEXT: Final = 2  # lines, as [diff] context in ansible.cfg
MAX_LINES: Final = 200  # of one task on one host; what a person still reads
MAX_TEXT: Final = 16_384  # characters
PRIVATE: Final = frozenset({"0600", "0400", "0640", "0440", "0660"})
WITHHELD: Final = "content not recorded: others than the owner may not read the file"


class Hider:
    """Replaces secrets by keyed digests, so that equal secrets can be told as equal."""

    def __init__(self, key: bytes) -> None:
        """Keep the key of the digests, 32 bytes."""
        self._redactor = Redactor(key)

    def text(self, value: str) -> str:
        """Return text without what looks like a secret."""
        return str(self._redactor.redact(value)[0])

    def changes(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a task says that it changed.

        Args:
            result: Of the task on one host, as a callback gets it; the result of a task
                with ``no_log`` has only ``censored``.

        Returns:
            ``diff``, lines; ``cut``, how many more there were; or ``withheld``, why
            nothing is shown.
        """
        if "censored" in result:
            return {"withheld": "the task's result is secret"}
        lines: list[str] = []
        withheld = ""
        for part in _parts(result):
            if part.get("mode") in PRIVATE and _has_content(part.get("diff")):
                withheld = WITHHELD
                continue
            for diff in _diffs(part.get("diff")):
                lines += self._lines(diff)
        kept = _bounded(lines)
        shown: dict[str, Any] = {"diff": kept}
        if len(kept) < len(lines):
            shown["cut"] = len(lines) - len(kept)
        if withheld:
            shown["withheld"] = withheld
        return shown

    def _lines(self, diff: Mapping[str, Any]) -> list[str]:
        if "prepared" in diff:
            return self.text(str(diff["prepared"])).splitlines()
        before, after = (self._side(diff.get(side)) for side in ("before", "after"))
        old, new = (
            self.text(str(diff.get(f"{side}_header") or side))
            for side in ("before", "after")
        )
        return [
            line.rstrip("\n")
            for line in difflib.unified_diff(before, after, old, new, n=CONTEXT)
        ]

    def _side(self, value: object) -> list[str]:
        if value is None:
            return []
        if isinstance(value, str):
            return self.text(value).splitlines()
        plain = json.loads(json.dumps(value, default=str))
        hidden = self._redactor.redact(plain)[0]
        return json.dumps(hidden, indent=1, sort_keys=True).splitlines()


def _parts(result: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The results of a loop's items that changed something, or the one there is."""
    items = result.get("results")
    if not isinstance(items, list):
        return [result]
    return [item for item in items if isinstance(item, Mapping) and item.get("changed")]


def _diffs(value: object) -> list[Mapping[str, Any]]:
    rows = value if isinstance(value, list) else [value]
    return [row for row in rows if isinstance(row, Mapping)]


def _has_content(value: object) -> bool:
    """Whether a diff shows what is in a file, not only its owner and mode."""
    return any(
        isinstance(diff.get(side), str)
        for diff in _diffs(value)
        for side in ("before", "after", "prepared")
    )


def _bounded(lines: list[str]) -> list[str]:
    kept: list[str] = []
    left = MAX_TEXT
    for line in lines[:MAX_LINES]:
        left -= len(line)
        if left < 0:
            break
        kept.append(line)
    return kept
