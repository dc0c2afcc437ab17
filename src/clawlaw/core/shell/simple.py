"""Simple commands: assignments, words, and what their program is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clawlaw.core.shell import expand, flow, programs, redirect
from clawlaw.core.shell.parse import UnclearError, children, solid, text_of
from clawlaw.core.shell.variables import assign, export, is_key, is_name
from clawlaw.core.shell.words import Input, Word
from clawlaw.core.shell.world import ANY, World, is_number

if TYPE_CHECKING:
    from tree_sitter import Node

    from clawlaw.core.shell.flow import Flow
    from clawlaw.core.shell.walk import Walk

# Words that the shell reads as grammar where the tree shows a program.
_RESERVED = frozenset(
    [
        "!",
        "{",
        "}",
        "[[",
        "]]",
        "case",
        "coproc",
        "do",
        "done",
        "elif",
        "else",
        "esac",
        "fi",
        "for",
        "function",
        "if",
        "in",
        "select",
        "then",
        "until",
        "while",
    ]
)

_LETTERS = frozenset("aArgxp")  # of declarations; others change how values are read


def command(
    walk: "Walk", node: "Node", world: World, more: tuple["Node", ...] = ()
) -> "Flow":
    """A program with its words; `more` stood behind a redirection."""
    words: list[Word] = []
    given: list[tuple[str, Word]] = []
    redirects: list[Node] = []
    parts = children(node, walk.source)
    if len(parts) == 2 and parts[1].type == "subshell" and not more:  # noqa: PLR2004
        if text_of(parts[0], walk.source) != "time":
            raise UnclearError("a subshell as a word", text_of(node, walk.source))
        return flow.statement(walk, parts[1], world)
    if more:
        parts += more
    for part in parts:
        kind = part.type
        if kind == "command_name":
            words += _name(walk, part, world)
        elif kind == "variable_assignment":
            given.append(_given(walk, part, world))
        elif kind.endswith("_redirect"):
            redirects.append(part)
        else:
            words += expand.words(walk, part, world)
    if walk.assigned:
        world = _take(walk, world)
    if redirects:
        return redirect.enclosed(
            walk, world, redirects, lambda nodes: _run(walk, world, words, given, nodes)
        )
    return programs.start(walk, words, world, given)


def _run(
    walk: "Walk",
    world: World,
    words: list[Word],
    given: list[tuple[str, Word]],
    more: Sequence["Node"],
) -> "Flow":
    for node in more:
        words = words + expand.words(walk, node, world)
    return programs.start(walk, words, world, given)


def _name(walk: "Walk", node: "Node", world: World) -> list[Word]:
    inner = node.children
    if len(inner) != 1:
        raise UnclearError("a program's name", text_of(node, walk.source))
    text = text_of(node, walk.source)
    if text in _RESERVED:
        raise UnclearError("a word of the shell's grammar", text)
    return expand.words(walk, inner[0], world)


def _take(walk: "Walk", world: World) -> World:
    """The world with what expansions assigned on their way."""
    for name, value in walk.assigned:
        world = assign(walk, world, name, value)
    walk.assigned = []
    return world


def _given(walk: "Walk", node: "Node", world: World) -> tuple[str, Word]:
    """`NAME=value` in front of a program."""
    parts = children(node, walk.source)
    if parts[0].type != "variable_name" or parts[1].type != "=" or not solid(parts):
        raise UnclearError("an assignment", text_of(node, walk.source))
    if len(parts) == 2:  # noqa: PLR2004
        return text_of(parts[0], walk.source), Word("")
    if parts[2].type == "array":
        raise UnclearError("an assignment", text_of(node, walk.source))
    return text_of(parts[0], walk.source), expand.single(walk, parts[2], world)


def assignment(walk: "Walk", node: "Node", world: World) -> "Flow":
    """Assignments that stand alone; each sees those before it."""
    single = node.type == "variable_assignment"
    for part in [node] if single else children(node, walk.source):
        world = _assigned(walk, part, world)
    walk.said = Input("none", "")
    return [world], [world]


def _assigned(walk: "Walk", node: "Node", world: World) -> World:
    parts = children(node, walk.source)
    plain = node.type == "variable_assignment" and parts[1].type in {"=", "+="}
    if not plain or not solid(parts):
        raise UnclearError("an assignment", text_of(node, walk.source))
    adds = parts[1].type == "+="
    if parts[0].type == "subscript":
        return _element(walk, parts, world)
    name = text_of(parts[0], walk.source)
    if len(parts) > 2 and parts[2].type == "array":  # noqa: PLR2004
        return _array(walk, name, parts[2], world, adds=adds)
    value = expand.single(walk, parts[2], world) if len(parts) > 2 else Word("")  # noqa: PLR2004
    if adds:
        old = world.variables.get(name)
        known = old is not None and old.known and value.known
        value = Word(old.text + value.text) if old is not None and known else ANY
    return assign(walk, world, name, value)


def _array(walk: "Walk", name: str, node: "Node", world: World, *, adds: bool) -> World:
    values: list[Word] = []
    for item in children(node, walk.source, lines=True)[1:-1]:
        text = text_of(item, walk.source)
        if name in world.maps and item.type == "concatenation":
            expand.words(walk, item, world)  # for what its substitutions do
            continue
        if item.type in {"variable_assignment", "subscript"} or text[:1] == "[":
            raise UnclearError("an array with subscripts", text_of(node, walk.source))
        values += expand.words(walk, item, world)
    old = world.arrays.get(name, ()) if adds else ()
    new = None if old is None or name in world.maps else (*old, *values)
    world = assign(walk, world, name, ANY)
    variables = {key: word for key, word in world.variables.items() if key != name}
    return world.but(arrays={**world.arrays, name: new}, variables=variables)


def _element(walk: "Walk", parts: list["Node"], world: World) -> World:
    name, _, index, _ = children(parts[0], walk.source)
    found = text_of(index, walk.source)
    number = found.isascii() and found.isdigit()
    plain = number or is_number(world.variables.get(found.removeprefix("$")))
    if not plain and not is_key(world, text_of(name, walk.source), found):
        raise UnclearError("a subscript that is evaluated", found)
    if len(parts) > 2:  # noqa: PLR2004
        expand.single(walk, parts[2], world)
    arrays = {**world.arrays, text_of(name, walk.source): None}
    return world.but(arrays=arrays)


def declaration(walk: "Walk", node: "Node", world: World) -> "Flow":
    """`export`, `local`, `declare`, `readonly`, `typeset`."""
    keyword, *parts = children(node, walk.source)
    kind = keyword.type
    walk.builtin(kind, ())
    letters = ""
    names: list[str] = []
    for part in parts:
        text = text_of(part, walk.source)
        if part.type == "variable_assignment":
            name = text_of(part.children[0], walk.source)
            if "A" in letters:
                world = world.but(maps=world.maps | {name})
            world = _assigned(walk, part, world)
            names.append(name)
        elif part.type == "variable_name":
            names.append(text)
            if "A" in letters:
                world = world.but(
                    maps=world.maps | {text}, arrays={**world.arrays, text: None}
                )
                continue
            if kind not in {"export", "readonly"}:
                world = world.bind(text, Word(""))
        elif part.type == "word" and text[:1] == "-" and set(text[1:]) <= _LETTERS:
            letters += text[1:]
        else:
            raise UnclearError("a declaration", text_of(node, walk.source))
    if not names:
        raise UnclearError("all variables are shown", text_of(node, walk.source))
    return _declared(walk, kind, letters, names, world)


def _declared(
    walk: "Walk", kind: str, letters: str, names: list[str], world: World
) -> "Flow":
    """What a declaration does besides assigning."""
    if kind == "local" and not walk.locals:
        walk.opaque("a local variable outside a function", names[0])
    if kind in {"local", "declare", "typeset"} and walk.locals and "g" not in letters:
        walk.locals[-1].update(names)
    for name in names:
        if kind == "export" or "x" in letters:
            world = export(walk, world, name)
    if kind == "readonly" or "r" in letters:
        world = world.but(fixed=world.fixed | set(names))
    return [world], [world]


def unset(walk: "Walk", node: "Node", world: World) -> "Flow":
    """`unset name`: the variable or function is gone from here."""
    keyword, *parts = children(node, walk.source)
    if keyword.type != "unset":
        raise UnclearError("a statement", text_of(node, walk.source))
    walk.builtin("unset", ())
    for part in parts:
        name = text_of(part, walk.source)
        if name in {"-v", "-f"}:
            continue
        if not is_name(name):
            raise UnclearError("a name that is evaluated", name)
        if name in world.functions:
            walk.opaque("a function is taken away", name)
        world = assign(walk, world, name, Word(""))
        world = world.but(maps=world.maps - {name})
    return [world], [world]
