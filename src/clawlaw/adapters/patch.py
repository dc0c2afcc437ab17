"""The patch text that some clients' edit tool takes: files added, changed, removed."""

from dataclasses import dataclass
from typing import Literal

BEGIN = "*** Begin Patch"
END = "*** End Patch"
_ACTIONS: dict[str, Literal["add", "update", "delete"]] = {
    "*** Add File: ": "add",
    "*** Update File: ": "update",
    "*** Delete File: ": "delete",
}
_MOVE = "*** Move to: "


@dataclass(frozen=True, slots=True)
class Change:
    """What a patch does to one file.

    Attributes:
        to: New path of a file that is moved, else "".
        added: Lines that it adds.
    """

    action: Literal["add", "update", "delete"]
    path: str
    to: str = ""
    added: str = ""


def read_patch(text: str) -> list[Change] | None:
    """Files that a patch touches, in order; `None` where it is not a patch."""
    lines = text.strip().split("\n")
    if len(lines) < 2 or lines[0].strip() != BEGIN or lines[-1].strip() != END:  # noqa: PLR2004  # both marks
        return None
    changes: list[Change] = []
    for line in lines[1:-1]:
        mark = next((m for m in _ACTIONS if line.startswith(m)), "")
        if mark:
            changes.append(Change(_ACTIONS[mark], line[len(mark) :].strip()))
        elif not changes:
            return None
        elif line.startswith(_MOVE):
            changes[-1] = _moved(changes[-1], line[len(_MOVE) :].strip())
        elif line.startswith("*** ") and line != "*** End of File":
            return None
        elif line.startswith("+"):
            changes[-1] = _more(changes[-1], line[1:])
    return changes if all(change.path for change in changes) else None


def _moved(change: Change, to: str) -> Change:
    return Change(change.action, change.path, to, change.added)


def _more(change: Change, line: str) -> Change:
    return Change(change.action, change.path, change.to, f"{change.added}{line}\n")
