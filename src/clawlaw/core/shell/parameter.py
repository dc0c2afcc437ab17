"""Parameters: `$x`, `${x:-y}`, `"$@"`, `${a[0]}`, as far as the text tells them.

Source: GNU Bash manual 5.3, Shell Parameter Expansion.
"""

from typing import TYPE_CHECKING

from clawlaw.core.actions import EnvironmentRead
from clawlaw.core.shell import expand
from clawlaw.core.shell.parse import UnclearError, children, solid, text_of
from clawlaw.core.shell.trim import replaced, trimmed
from clawlaw.core.shell.variables import is_key, is_name
from clawlaw.core.shell.words import UNKNOWN, Word
from clawlaw.core.shell.world import (
    ANY,
    ANY_NUMBER,
    EMPTY,
    World,
    is_number,
    numbered,
    small,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from clawlaw.core.shell.walk import Walk

_NUMBERS = frozenset(
    {
        "BASHPID", "COLUMNS", "EPOCHSECONDS", "EUID", "LINENO", "LINES", "OPTIND",
        "PPID", "RANDOM", "SECONDS", "SHLVL", "SRANDOM", "UID", "?", "$", "!",
    }
)  # fmt: skip
# Told by the shell itself, and nobody's secret.
_PUBLIC = frozenset(
    {
        "BASH", "BASH_VERSION", "EDITOR", "GROUPS", "HOSTNAME", "HOSTTYPE", "LANG",
        "LOGNAME", "MACHTYPE", "OLDPWD", "OPTARG", "OSTYPE", "PATH", "REPLY", "SHELL",
        "TERM", "TZ", "USER",
    }
)  # fmt: skip
_SIGNS = frozenset("@*#?$!-_")
_DEFAULTS = frozenset({":-", "-", ":=", "=", ":?", "?", ":+", "+"})
_TRIMS = frozenset({"%", "%%", "#", "##"})
_REPLACES = frozenset({"/", "//", "/#", "/%"})
_CASES = frozenset({"^", "^^", ",", ",,"})


def named(walk: "Walk", name: str, world: World) -> Word:
    """Value of a variable by name; what the text does not set is mostly unknown."""
    word = world.variables.get(name)
    if word is not None:
        return word
    if name in world.arrays:
        found = world.arrays[name]
        return ANY if found is None else found[0] if found else EMPTY
    if name in _NUMBERS:
        return ANY_NUMBER
    known = {
        "HOME": walk.home,
        "PWD": world.cwd,
        "OLDPWD": world.previous,
        "TMPDIR": "/tmp",  # noqa: S108  what the executor sets
        "IFS": " \t\n",
    }.get(name)
    if known is None and name not in _PUBLIC:
        walk.emit(EnvironmentRead(names=(name,)))
    return Word(known) if known else ANY


def value(
    walk: "Walk", node: "Node", world: World, *, quoted: bool
) -> tuple[Word, ...]:
    """Words of an expansion; several for `"$@"` and arrays.

    Raises:
        UnclearError: Indirection, transformation, or a subscript to be evaluated.
    """
    parts = children(node, walk.source)
    if node.type == "simple_expansion":
        name = text_of(node, walk.source).lstrip()[1:]
        if len(parts) != 2 or not (is_name(name) or name in _SIGNS or name.isdigit()):  # noqa: PLR2004
            raise UnclearError("an expansion", name)
        return _plain(walk, name, world, quoted=quoted)
    if not solid(parts):
        raise UnclearError("blanks in an expansion", text_of(node, walk.source))
    parts = parts[1:-1]
    kinds = [part.type for part in parts]
    text = text_of(node, walk.source)
    if not parts:
        raise UnclearError("an expansion", text)
    if kinds[0] == "!":
        return _keys(walk, parts[1:], text)
    if kinds[0] == "#":
        return _length(walk, parts[1:], world, text)
    base = _base(walk, parts[0], world, quoted=quoted)
    if len(parts) == 1:
        return base
    if kinds[1] == ":" and base is world.arrays.get(_name_of(walk, parts[0])):
        return _slice(walk, parts[1:], base)
    if len(base) == 1:
        return (_modified(walk, parts, base[0], world),)
    raise UnclearError("an expansion of several values", text)


def _length(
    walk: "Walk", nodes: list["Node"], world: World, text: str
) -> tuple[Word, ...]:
    """`${#a}` and `${#a[@]}`."""
    kind = nodes[0].type if len(nodes) == 1 else ""
    if kind == "subscript":
        _subscript(walk, nodes[0], world)
    elif kind not in {"variable_name", "special_variable_name"}:
        raise UnclearError("an expansion", text)
    return (ANY_NUMBER,)


def _name_of(walk: "Walk", node: "Node") -> str:
    return text_of(node, walk.source).partition("[")[0]


def _keys(walk: "Walk", nodes: list["Node"], text: str) -> tuple[Word, ...]:
    """`${!a[@]}`: the subscripts of an array, any number of any words."""
    plain = len(nodes) == 1 and nodes[0].type == "subscript"
    if not plain or not text_of(nodes[0], walk.source).endswith(("[@]", "[*]")):
        raise UnclearError("indirect expansion", text)
    return (Word(UNKNOWN, many=True),)


def _slice(
    walk: "Walk", nodes: list["Node"], base: tuple[Word, ...]
) -> tuple[Word, ...]:
    """`${a[@]:1:2}`: some of the values, where numbers say which."""
    numbers = [small(text_of(n, walk.source)) for n in nodes if n.type == "number"]
    plain = all(node.type in {":", "number"} for node in nodes)
    if not plain or None in numbers or numbered(base) is None:
        return (Word(UNKNOWN, many=True),)
    start, count = (*numbers, len(base))[:2]
    return base[start : (start or 0) + (count or 0)]


def _plain(walk: "Walk", name: str, world: World, *, quoted: bool) -> tuple[Word, ...]:
    if name in {"@", "*"}:
        return _arguments(world, joined=name == "*" and quoted)
    if name == "#":
        return (ANY_NUMBER,)
    index = small(name)
    if index and world.arguments is not None:
        found = world.arguments
        return (found[index - 1] if index <= len(found) else EMPTY,)
    if name in {"-", "_"} or name.isdigit():
        return (ANY,)
    return (named(walk, name, world),)


def _arguments(world: World, *, joined: bool) -> tuple[Word, ...]:
    found = world.arguments
    if found is None:
        return (Word(UNKNOWN, many=True),)
    if not joined:
        return found
    known = all(word.known for word in found)
    return (Word(" ".join(word.text for word in found)) if known else ANY,)


def _base(
    walk: "Walk", node: "Node", world: World, *, quoted: bool
) -> tuple[Word, ...]:
    name = text_of(node, walk.source)
    if node.type in {"variable_name", "special_variable_name"} and (
        is_name(name) or name in _SIGNS or name.isdigit()
    ):
        return _plain(walk, name, world, quoted=quoted)
    if node.type == "subscript":
        return _subscript(walk, node, world)
    raise UnclearError("an expansion", text_of(node, walk.source))


def _subscript(walk: "Walk", node: "Node", world: World) -> tuple[Word, ...]:
    parts = children(node, walk.source)
    index = text_of(parts[2], walk.source) if len(parts) == 4 else ""  # noqa: PLR2004  a [ i ]
    found = world.arrays.get(text_of(parts[0], walk.source))
    if index in {"@", "*"}:
        return found if found is not None else (Word(UNKNOWN, many=True),)
    number = small(index.removeprefix("-"))
    if number is not None and index.startswith("-"):
        if not found or number > len(found) or numbered(found) is None:
            return (ANY,)
        return (found[-number] if number else ANY,)
    if number is not None:
        if found is None or numbered(found) is None:
            return (ANY,)
        return (found[number] if number < len(found) else EMPTY,)
    word = world.variables.get(index.removeprefix("$"))
    if is_number(word) or is_key(world, text_of(parts[0], walk.source), index):
        return (ANY,)
    raise UnclearError("a subscript that is evaluated", text_of(node, walk.source))


def _modified(walk: "Walk", parts: list["Node"], base: Word, world: World) -> Word:
    sign = parts[1].type
    name = text_of(parts[0], walk.source)
    at = walk.source[parts[0].start_byte : parts[-1].end_byte].decode()
    if sign in _DEFAULTS:
        other = _operand(walk, parts[2:], world)
        return _default(walk, name, sign, base, other, world)
    if sign in _TRIMS and len(parts) == 3:  # noqa: PLR2004
        return trimmed(base, sign, _operand(walk, parts[2:], world))
    if sign in _REPLACES:
        patterns = [part for part in parts[2:] if part.type not in _REPLACES]
        words = [_operand(walk, [part], world) for part in patterns]
        return replaced(base, sign, words)
    if sign in _CASES and len(parts) == 2:  # noqa: PLR2004
        if not base.known:
            return ANY
        text = base.text.upper() if sign[0] == "^" else base.text.lower()
        return Word(text) if len(sign) == 2 else ANY  # noqa: PLR2004
    if sign == ":" and all(part.type in {":", "number"} for part in parts[1:]):
        return ANY
    raise UnclearError("an expansion", at)


def _operand(walk: "Walk", nodes: list["Node"], world: World) -> Word:
    if not nodes:
        return EMPTY
    if len(nodes) > 1:
        for node in nodes:
            _operand(walk, [node], world)
        return ANY
    node = nodes[0]
    text = text_of(node, walk.source)
    if node.type == "regex":
        if node.children or not {"$", "`", "\\", "'", '"'}.isdisjoint(text):
            raise UnclearError("a pattern with an expansion", text)
        return Word(text)
    return expand.single(walk, node, world)


def _default(  # noqa: PLR0917
    walk: "Walk", name: str, sign: str, base: Word, other: Word, world: World
) -> Word:
    if sign in {":=", "="}:
        if base.known and (base.text or sign == "="):
            return base
        if name in world.variables or base.known:
            raise UnclearError("an expansion that assigns", name)
        walk.assigned.append((name, ANY))
        return ANY
    if not base.known:
        return ANY_NUMBER if is_number(base) and is_number(other) else ANY
    empty = base.text == "" and (sign[0] == ":" or name.isdigit())
    if sign in {":+", "+"}:
        return EMPTY if empty else other
    if sign in {":-", "-"}:
        return other if empty else base
    return base
