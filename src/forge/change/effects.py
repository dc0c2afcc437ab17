"""The effects table: what a change of each subject does.

The table is data (``effects.yaml``); this reads it and finds the row of a change. What
has no row is unknown, and unknown is the worst case.
"""

from functools import cache
from importlib import resources
from typing import Literal

import msgspec
import yaml

from forge.change.model import Change, Effect, Kind
from forge.errors import InputError

FILE = "effects.yaml"
UNKNOWN_MINUTES = 60  # of a change that nobody can tell: as long as an installation

type Judge = Literal["", "components", "flows", "groups", "models", "taints", "version"]


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes of some subjects do.

    Attributes:
        subjects: Exact, or a beginning and ``*``.
        effects: All that such a change may do.
        where: Groups and ``component:NAME`` of the hosts it touches; empty: all hosts
            of the change.
        added: In place of ``effects`` for what is added; None: the same.
        removed: In place of ``effects`` for what is removed; None: the same.
        judge: Looks at the values and leaves out what they rule out.
        minutes: On one host, at most, roughly.
    """

    subjects: tuple[str, ...]
    effects: tuple[Effect, ...]
    why: str
    where: tuple[str, ...] = ()
    added: tuple[Effect, ...] | None = None
    removed: tuple[Effect, ...] | None = None
    services: tuple[str, ...] = ()
    judge: Judge = ""
    minutes: int = 0

    def of(self, kind: Kind) -> frozenset[Effect]:
        """Return the effects of a kind of change."""
        chosen = self.effects
        if kind is Kind.ADDED and self.added is not None:
            chosen = self.added
        if kind is Kind.REMOVED and self.removed is not None:
            chosen = self.removed
        return frozenset(chosen)


class Table:
    """Rows by subject; an exact one wins over the longest beginning."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        """Index the rows.

        Raises:
            InputError: Two rows for one subject, or a row without effects.
        """
        self.rows = rows
        self._exact: dict[str, Row] = {}
        self._begins: dict[str, Row] = {}
        for row in rows:
            if not row.effects or not row.subjects:
                raise InputError(f"{FILE}: a row without subjects or effects: {row}")
            for subject in row.subjects:
                index = self._begins if subject.endswith("*") else self._exact
                if subject in index:
                    raise InputError(f"{FILE}: two rows for {subject}")
                index[subject] = row
        self._lengths = sorted({len(s) - 1 for s in self._begins}, reverse=True)

    def row(self, subject: str) -> Row | None:
        """Return the row of a subject; None: nobody knows what it does."""
        found = self._exact.get(subject)
        for length in self._lengths if found is None else ():
            found = self._begins.get(subject[:length] + "*")
            if found is not None:
                break
        return found

    def subjects(self) -> frozenset[str]:
        """Return all exact subjects."""
        return frozenset(self._exact)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rows: tuple[Row, ...]


def read_table(text: str) -> Table:
    """Read a table.

    Raises:
        InputError: Not YAML, or not of the table's form.
    """
    # The one in C takes a tenth of the time, and is in every wheel of PyYAML.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, see above
        return Table(msgspec.convert(data, _File).rows)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise InputError(
            f"{FILE}: {error}", remedy="docs/change-effects.md shows the form of a row"
        ) from error


@cache
def table() -> Table:
    """Return the table that is part of this package."""
    return read_table(resources.files(__package__).joinpath(FILE).read_text("utf-8"))


def subject_of(change: Change) -> str:
    """Return the subject whose row a change has: that of hosts says how they change."""
    if change.subject != "host":
        return change.subject
    names = {Kind.ADDED: "added", Kind.REMOVED: "removed", Kind.CHANGED: "renamed"}
    return f"host.{names.get(change.kind, 'unknown')}"
