"""Builtins that run words as commands or evaluate them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clawlaw.core.actions import ProcessExec
from clawlaw.core.shell import programs
from clawlaw.core.shell.variables import assign, is_name
from clawlaw.core.shell.words import Word
from clawlaw.core.shell.world import ANY_NUMBER, World, is_number

if TYPE_CHECKING:
    from clawlaw.core.shell.flow import Flow
    from clawlaw.core.shell.walk import Walk

_NAMES = frozenset({"-v", "-R", "-o"})
_SIGNALS = frozenset({"EXIT", "INT", "TERM", "HUP", "QUIT", "0", "1", "2", "3", "15"})
_INPUTS = frozenset({"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "-"})
_COUNTS = frozenset("0123456789+-*/%()<>=!&|^~ ")


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def test(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`test` and `[`: they look at words, and evaluate only names after -v."""
    for index, word in enumerate(words):
        if word.text not in _NAMES or index + 1 >= len(words):
            continue
        name = words[index + 1].text
        if word.text != "-o" and not is_name(name):
            walk.opaque("test evaluates a variable's name", name)
    if any(word.many for word in words):
        walk.opaque("test of words that are not known", _text(words))
    return [world], [world]


def let(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`let`, for sums of plain names and numbers."""
    for word in words:
        name, sign, rest = word.text.partition("=")
        name = name.rstrip("+-*/%").removesuffix("++").removesuffix("--")
        names = "".join(c if c not in _COUNTS else " " for c in rest).split()
        values = [world.variables.get(part) for part in names]
        if not (word.known and is_name(name)) or not all(
            value is None or is_number(value) for value in values
        ) or any(not is_name(part) for part in names):  # fmt: skip
            walk.opaque("let evaluates words", word.text)
            continue
        del sign
        world = assign(walk, world, name, ANY_NUMBER)
    return [world], [world]


def evaluate(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`eval`: its words are text of this very shell."""
    if not all(word.known for word in words):
        walk.opaque("text that is known only when it runs", _text(words))
        return [world], [world]
    return walk.text(_text(words), world)


def trap(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`trap text signal`: the text is analysed here and again where all ends."""
    operands = [word for word in words if word.text not in {"--", "-p", "-l"}]
    if len(operands) < 2 or operands[0].text in {"", "-"}:  # noqa: PLR2004
        return [world], [world]
    if not all(word.known for word in operands):
        walk.opaque("text that is known only when it runs", _text(operands))
        return [world], [world]
    if not {word.text.removeprefix("SIG") for word in operands[1:]} <= _SIGNALS:
        walk.opaque("a trap that runs between commands", _text(operands[1:]))
    walk.traps.append(operands[0].text)
    with walk.apart():
        walk.text(operands[0].text, world)
    return [world], [world]


def run_traps(walk: "Walk", worlds: Sequence[World]) -> None:
    """What traps do where the text ends."""
    traps, walk.traps = walk.traps, []
    walk.forks += 1
    for text in traps:
        for world in worlds:
            with walk.apart():
                walk.text(text, world)
    walk.forks -= 1
    walk.traps = traps


def alias(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`alias name=text`: what the name means afterwards is not followed."""
    for word in words:
        name, sign, text = word.text.partition("=")
        if sign:
            walk.opaque("an alias changes what a word means", name)
            with walk.apart():
                walk.text(text, world)
    return [world], [world]


def source(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`source FILE`: code of a file, or of the input."""
    if not words:
        return [world], [world]
    name = words[0].text
    if name in walk.descriptors or (name in _INPUTS and name != "-"):
        found = walk.descriptors.get(name, walk.stdin)
        if found.text is not None:
            return walk.text(found.text, world)
        walk.emit(ProcessExec("source", code="input", family="shell"))
        return [world], [world]
    path = walk.path(words[0], world.cwd)
    if path is not None:
        arguments = tuple(word.text for word in words)
        walk.emit(ProcessExec("source", arguments, "file", path, family="shell"))
        if "/" not in name:
            walk.opaque("a file that is looked for on the search path", name)
    return [world], [world]


def _bare(walk: "Walk", words: list[Word], world: World) -> "Flow":
    """A command that no function of the text can stand for."""
    if not words:
        return [world], [world]
    ok, fail = programs.start(walk, words, world.but(functions={}), [])
    functions = world.functions
    return (
        [found.but(functions=functions) for found in ok],
        [found.but(functions=functions) for found in fail],
    )


def command(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`command`: without functions; `-v` only looks a name up."""
    if words and words[0].text in {"-v", "-V"}:
        return [world], [world]
    rest = list(words)
    if rest and rest[0].text == "--":
        rest.pop(0)
    elif rest and rest[0].text.startswith("-"):
        walk.opaque("command with an option", rest[0].text)
        rest.pop(0)
    return _bare(walk, rest, world)


def builtin(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`builtin`: what the shell does itself."""
    if words and not walk.is_builtin(words[0].text):
        walk.opaque("not a builtin", words[0].text)
    return _bare(walk, list(words), world)


def execute(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`exec`: the shell becomes the program; without one, redirections stay."""
    rest = list(words)
    if not rest:
        return [world], [world]
    if rest[0].text == "-a" and len(rest) > 2:  # noqa: PLR2004  -a NAME program
        walk.opaque("a program under another name", rest[1].text)
        rest = rest[2:]
    elif rest[0].text.startswith("-"):
        walk.opaque("exec with an option", rest[0].text)
        rest = rest[1:]
    _bare(walk, rest, world)
    return [], [world]
