"""What the sets of paths say of an effect, one row a path."""

from msgspec import Struct


class Row(Struct, frozen=True, gc=False):
    """One path by the bits of the sets, in each of its forms.

    Attributes:
        known: Where it leads is certain.
        written: Sets that it is in as written; of a tree, that hold all of it.
        real: As resolved; every set where that is not known.
        plain: As resolved, letter case and all.
        touched: Sets that one of its forms is in or, of a tree, may reach.
        root_written: As `written`, of the path itself alone.
        root_real: As `real`, of the path itself alone.
        root_plain: As `plain`, of the path itself alone.
        root_touched: As `touched`, of the path itself alone.
    """

    known: bool
    written: int
    real: int
    plain: int
    touched: int
    root_written: int
    root_real: int
    root_plain: int
    root_touched: int


class Looked(Struct, frozen=True):
    """All paths of one effect.

    Attributes:
        rows: One a path.
        expanded: False: a pattern of which nobody knows what it matches.
        within: Of a pattern without matches: sets that hold its directory.
        could: Of a pattern without matches: sets that it could lead into later.
        root_could: Likewise, without what may be beneath.
        touched: Sets that a condition on any of these paths can be about; -1: not
            known, since it is a pattern.
    """

    rows: tuple[Row, ...]
    expanded: bool = True
    within: int = 0
    could: int = 0
    root_could: int = 0
    touched: int = -1
