"""One run's entries as lines that hold on to each other: pure.

A line is canonical JSON (RFC 8785, integers only) with the digest of the line before.
Whoever changes, removes or inserts a line in the middle breaks what follows; the first
line names the run before it and the head that this run had then. The chain has no key:
it shows accidents and careless hands; its copy in the gate's log is what proves.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from clawlaw.core.canonical import Json, canonical_json

VERSION: Final = 1
START: Final = "0" * 64  # before the first line
TAG: Final = b"forge run\x00"


class Broken(msgspec.Struct, frozen=True):
    """A line that is not what was written.

    Attributes:
        line: Counted from 1.
        why: For a person.
    """

    line: int
    why: str

    def __str__(self) -> str:
        """Return it as one line of text."""
        return f"line {self.line}: {self.why}"


def link(previous: str, entry: dict[str, Json]) -> tuple[bytes, str]:
    """Bind one entry to the line before it.

    Args:
        previous: Digest of the line before, 64 hex digits; ``START`` for the first.
        entry: JSON values, without the key ``previous``.

    Returns:
        The line without its end, and its digest.

    Raises:
        CanonicalError: The entry has no canonical form.
    """
    line = canonical_json({**entry, "previous": previous})
    return line, digest(line)


def digest(line: bytes) -> str:
    """Return the digest that the next line holds, 64 hex digits."""
    return sha256(TAG + line).hexdigest()


def read(lines: Iterable[bytes]) -> tuple[list[dict[str, Any]], str, list[Broken]]:
    """Read a chain.

    Args:
        lines: Without their ends.

    Returns:
        The entries up to the first line that is broken, the head after them, and what
        is wrong, empty for a chain that holds.
    """
    entries: list[dict[str, Any]] = []
    head = START
    for number, line in enumerate(lines, start=1):
        why = ""
        entry: Any = None
        try:
            entry = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            why = f"no JSON ({error})"
        if not why:
            why = _wrong(entry, line, head)
        if why:
            return entries, head, [Broken(number, why)]
        entries.append(entry)
        head = digest(line)
    return entries, head, []


def _wrong(entry: object, line: bytes, head: str) -> str:
    if not isinstance(entry, dict):
        return "no object"
    if entry.get("previous") != head:
        return "does not follow the line before it"
    try:
        same = canonical_json(entry) == line
    except ValueError as error:
        return str(error)
    return "" if same else "was written by something else"


def succession(runs: Sequence[tuple[str, dict[str, Any], set[str]]]) -> list[str]:
    """Return what is wrong with how runs name the runs before them.

    Args:
        runs: Name, first entry, and the digests of all lines, of each run in order.
    """
    known = {name: digests for name, _, digests in runs}
    wrong: list[str] = []
    for place, (name, first, _) in enumerate(runs):
        after = first.get("after")
        if not after:
            if place:
                wrong.append(f"{name}: names no run before it, though {runs[0][0]} was")
        elif after["run"] not in known:
            wrong.append(f"{name}: the run before it, {after['run']}, is gone")
        elif after["head"] not in known[after["run"]]:
            wrong.append(f"{after['run']}: is not what {name} found")
    return wrong
