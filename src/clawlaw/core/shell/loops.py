"""Loops: a few known rounds one by one, any others until nothing changes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from clawlaw.core.actions import FileWrite, ProcessExec
from clawlaw.core.shell import arithmetic, expand, flow
from clawlaw.core.shell.parse import UnclearError, children, text_of
from clawlaw.core.shell.variables import assign
from clawlaw.core.shell.words import UNKNOWN, Match, Word
from clawlaw.core.shell.world import (
    ANY,
    ANY_NUMBER,
    World,
    is_number,
    merged,
    widened,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from clawlaw.core.actions import AnyEffect
    from clawlaw.core.shell.flow import Flow
    from clawlaw.core.shell.walk import Walk

_MAX_UNROLLED = 12  # values that a loop is analysed with one by one
_MAX_ROUNDS = 6  # until what is known stays the same
# Conditions that hold for ever.
_FOREVER = {"while": (":", "true", "((1))", "[ 1 ]"), "until": ("false",)}


def for_loop(walk: "Walk", node: "Node", world: World) -> "Flow":
    """`for name in words; do ...; done`."""
    parts = children(node, walk.source, lines=True)
    if parts[0].type != "for":
        raise UnclearError("a menu", text_of(node, walk.source)[:80])
    name = text_of(parts[1], walk.source)
    values: list[Word] = []
    if parts[2].type == "in":
        nodes = [part for part in parts[3:-1] if part.type not in {";", "\n"}]
        for item in nodes:
            values += expand.words(walk, item, world)
    else:
        values += world.arguments or (Word(UNKNOWN, many=True),)
    body = parts[-1]
    if len(values) > _MAX_UNROLLED:
        values = [_common(values)]
    worlds = [world]
    walk.breaks.append([])
    walk.rounds.append([])
    for value in values:
        if value.many and is_number(value):
            worlds = _repeat(walk, worlds, _body(body, name, ANY_NUMBER), once=False)
        elif value.many or value.glob:
            kind = Match if value.glob and not value.many else Word
            each = kind(value.text, glob=value.glob, within=value.within)
            worlds = _repeat(walk, worlds, _body(body, name, each), once=False)
        else:
            worlds = _body(body, name, value)(walk, worlds)
    worlds = merged([*worlds, *_left(walk)])
    walk.said = None
    return worlds, worlds


def while_loop(walk: "Walk", node: "Node", world: World) -> "Flow":
    """`while` and `until`."""
    parts = children(node, walk.source, lines=True)
    test, body = parts[1:-1], parts[-1]
    left: list[World] = []

    def round_(walk: "Walk", worlds: list[World]) -> list[World]:
        walk.guarded += 1
        ok, fail = flow.sequence(walk, test, worlds)
        walk.guarded -= 1
        if parts[0].type == "until":
            ok, fail = fail, ok
        left.extend(fail)
        return _do(walk, body, ok)

    walk.breaks.append([])
    walk.rounds.append([])
    before = len(walk.effects)
    _repeat(walk, [world], round_, once=True)
    broken = _left(walk)
    said = " ".join(text_of(part, walk.source) for part in test).rstrip("; \n")
    if not broken and said in _FOREVER[parts[0].type]:
        _endless(walk, walk.effects[before:])
    worlds = merged([*left, *broken])
    walk.said = None
    return worlds, worlds


def _endless(walk: "Walk", effects: list["AnyEffect"]) -> None:
    """A loop that nothing ends: what it writes without a pause fills the disk."""
    pauses = any(isinstance(e, ProcessExec) and e.program == "sleep" for e in effects)
    writes = [effect for effect in effects if isinstance(effect, FileWrite)]
    if writes and not pauses:
        walk.opaque("writes what never ends", writes[0].path)


def c_style_for(walk: "Walk", node: "Node", world: World) -> "Flow":
    """`for ((i=0; i<3; i++)); do ...; done`."""
    parts = children(node, walk.source, lines=True)
    expressions = [part for part in parts[1:-1] if part.type not in {"((", "))", ";"}]
    for part in expressions:
        for name in arithmetic.check(walk, part, world):
            world = world.bind(name, ANY_NUMBER)
    walk.breaks.append([])
    walk.rounds.append([])

    def round_(walk: "Walk", worlds: list[World]) -> list[World]:
        return _do(walk, parts[-1], worlds)

    before = len(walk.effects)
    worlds = _repeat(walk, [world], round_, once=False)
    broken = _left(walk)
    if not broken and not expressions:
        _endless(walk, walk.effects[before:])
    worlds = merged([*worlds, *broken])
    walk.said = None
    return worlds, worlds


def _body(
    node: "Node", name: str, value: Word
) -> Callable[["Walk", list[World]], list[World]]:
    def round_(walk: "Walk", worlds: list[World]) -> list[World]:
        bound = [assign(walk, world, name, value) for world in worlds]
        return _do(walk, node, bound)

    return round_


def _do(walk: "Walk", node: "Node", worlds: list[World]) -> list[World]:
    """Worlds after one round of a `do ... done`, `continue` and `break` included."""
    if node.type not in {"do_group", "compound_statement"}:
        raise UnclearError("a loop", text_of(node, walk.source)[:80])
    parts = children(node, walk.source, lines=True)[1:-1]
    walk.forks += 1
    ok, fail = flow.sequence(walk, parts, worlds)
    walk.forks -= 1
    continued, walk.rounds[-1] = walk.rounds[-1], []
    return merged([*flow.going_on(walk, merged(ok), merged(fail)), *continued])


def _left(walk: "Walk") -> list[World]:
    """Worlds that broke out of the loop that ends here."""
    walk.rounds.pop()
    return walk.breaks.pop()


def _repeat(
    walk: "Walk",
    worlds: list[World],
    round_: Callable[["Walk", list[World]], list[World]],
    *,
    once: bool,
) -> list[World]:
    """Worlds after any number of rounds; with `once` at least one began."""
    known = merged(worlds)
    for index in range(_MAX_ROUNDS):
        after = round_(walk, known)
        reached = merged([*known, *after])
        if all(world in known for world in reached):
            return known
        known = [widened(reached)] if index else reached
    walk.opaque("a loop whose state does not settle", "once" if once else "")
    return known


def _common(values: list[Word]) -> Word:
    """One word for many: what all of them have in common."""
    if all(map(is_number, values)):
        return ANY_NUMBER
    return ANY if all(word.known for word in values) else Word(UNKNOWN, many=True)
