"""What the shell knows at one point of a text: directory, variables, functions.

A text is followed along every path that it may take: `cd a; b` runs `b` in `a` or,
where `cd` fails, in the old directory. Each path has a world of its own; worlds never
change, and equal ones become one again.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct, field, structs

from clawlaw.core.shell.words import UNKNOWN, Word

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_DIGITS = 6
MAX_WORLDS = 8  # paths followed apart; beyond it what differs becomes unknown


class Name(Word, frozen=True):
    """A word that is not known, except that it could be a file's name.

    It is not empty and holds no slash, no blank and no pattern; it is not `.` or `..`
    and does not begin with `-`.
    """


class Number(Name, frozen=True):
    """A word that is not known, except that it is made of decimal digits."""


ANY = Word(UNKNOWN)
ANY_NAME = Name(UNKNOWN)
ANY_NUMBER = Number(UNKNOWN)
EMPTY = Word("")


class Function(Struct, frozen=True):
    """A function of the text: its body and the bytes that the body indexes."""

    body: "Node"
    source: bytes


class World(Struct, frozen=True):
    """State of a shell; `None` as directory means not known.

    Attributes:
        cwd: Absolute, "" where not known.
        previous: Directory before the last `cd`; "" where not known.
        stack: Directories of `pushd`, the latest last.
        variables: Set by the text.
        arrays: Likewise.
        maps: Arrays whose subscripts are plain text (`declare -A`).
        functions: Likewise.
        arguments: `$1` and so on.
        exported: Variables that programs see.
        fixed: Variables that cannot be assigned again.
        stops: A command that fails ends the text (`set -e`).
    """

    cwd: str
    previous: str = ""
    stack: tuple[str, ...] = ()
    variables: Mapping[str, Word] = field(default_factory=dict)
    arrays: Mapping[str, tuple[Word, ...] | None] = field(default_factory=dict)
    maps: frozenset[str] = frozenset()
    functions: Mapping[str, Function] = field(default_factory=dict)
    arguments: tuple[Word, ...] | None = ()
    exported: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()
    stops: bool = False

    def but(self, **changes: Any) -> Self:  # noqa: ANN401  fields of several types
        """A world that differs in these fields."""
        return structs.replace(self, **changes)

    def bind(self, name: str, value: Word) -> Self:
        """A world where a variable has a value."""
        return self.but(variables={**self.variables, name: value})


def below(directory: str, *, many: bool = False) -> Word:
    """A path at or below a directory; any path where that is ""."""
    if not directory:
        return Word(UNKNOWN, many=many)
    return Word(f"{directory.rstrip('/')}/{UNKNOWN}", many=many, within=directory)


def numbered(words: Iterable[Word]) -> tuple[Word, ...] | None:
    """Words as `$1`, `$2` ...; `None` where one may become several."""
    found = tuple(words)
    return None if any(word.many or word.glob for word in found) else found


def merged(worlds: Iterable[World]) -> list[World]:
    """Different worlds among the given ones, at most `MAX_WORLDS`."""
    found: list[World] = []
    for world in worlds:
        if not any(world is other or world == other for other in found):
            found.append(world)
    return found if len(found) <= MAX_WORLDS else [widened(found)]


def widened(worlds: list[World]) -> World:
    """One world that knows only what all the given ones agree on."""
    first, *rest = worlds
    for other in rest:
        first = first.but(
            cwd=first.cwd if first.cwd == other.cwd else "",
            previous=first.previous if first.previous == other.previous else "",
            stack=first.stack if first.stack == other.stack else (),
            variables=_joined(first.variables, other.variables),
            arrays={
                name: first.arrays.get(name)
                if first.arrays.get(name, ()) == other.arrays.get(name, ())
                else None
                for name in {**first.arrays, **other.arrays}
            },
            maps=first.maps & other.maps,
            functions={
                name: function
                for name, function in first.functions.items()
                if other.functions.get(name) == function
            },
            arguments=first.arguments if first.arguments == other.arguments else None,
            exported=first.exported | other.exported,
            fixed=first.fixed | other.fixed,
            stops=first.stops and other.stops,
        )
    return first


def _joined(one: Mapping[str, Word], two: Mapping[str, Word]) -> dict[str, Word]:
    return {name: _join(one.get(name), two.get(name)) for name in {**one, **two}}


def _join(one: Word | None, two: Word | None) -> Word:
    if one == two and one is not None:
        return one
    if is_number(one) and is_number(two):
        return ANY_NUMBER
    if one and two and one.within and one.within == two.within:
        return below(one.within)
    return ANY


def is_number(word: Word | None) -> bool:
    """Whether a word is a plain decimal number, known or not."""
    if word is None:
        return False
    return isinstance(word, Number) or (
        word.text.isascii() and word.text.isdigit() and word.known
    )


def small(text: str) -> int | None:
    """A plain number of few digits, in a text that is nothing else."""
    plain = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if plain else None
