"""Statements: lists, pipelines, conditions, loops, functions.

Every statement is analysed in a world and says in which worlds the text goes on: those
where it succeeded and those where it failed.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from clawlaw.core.shell import arithmetic, condition, programs, redirect, simple
from clawlaw.core.shell.loops import c_style_for, for_loop, while_loop
from clawlaw.core.shell.parse import MAX_NESTING, UnclearError, children, text_of
from clawlaw.core.shell.variables import assign
from clawlaw.core.shell.words import Input
from clawlaw.core.shell.world import ANY_NUMBER, Function, World, merged

if TYPE_CHECKING:
    from tree_sitter import Node

    from clawlaw.core.shell.walk import Walk

type Flow = tuple[list[World], list[World]]
type Statement = Callable[["Walk", "Node", World], Flow]

_SEPARATORS = frozenset({";", "&", "\n", ";;"})


def statement(
    walk: "Walk", node: "Node", world: World, redirects: tuple["Node", ...] = ()
) -> Flow:
    """Effects of one statement; what is not understood becomes an opaque effect.

    Args:
        walk: The analysis.
        node: Any statement.
        world: It starts in.
        redirects: Of its last command; the grammar hangs them on the whole statement.
    """
    walk.step()
    walk.level += 1
    walk.said = None
    try:
        found = _dispatch(walk, node, world, redirects)
        return _take(walk, found) if walk.assigned else found
    except UnclearError as unclear:
        walk.opaque(unclear.reason, unclear.at)
        return [world], [world]
    finally:
        walk.level -= 1


def _dispatch(
    walk: "Walk", node: "Node", world: World, redirects: tuple["Node", ...]
) -> Flow:
    if walk.level > MAX_NESTING:
        raise UnclearError(f"nested more than {MAX_NESTING} levels deep")
    kind = node.type
    if kind in _TAIL_STATEMENTS:
        return _TAIL_STATEMENTS[kind](walk, node, world, redirects)
    if kind not in _STATEMENTS:
        raise UnclearError("a statement", text_of(node, walk.source)[:200])
    if redirects:
        return redirect.around(walk, node, world, redirects)
    return _STATEMENTS[kind](walk, node, world)


def _take(walk: "Walk", found: Flow) -> Flow:
    """The worlds with what arithmetic and expansions assigned on their way."""
    assigned, walk.assigned = walk.assigned, []
    for name, value in assigned:
        ok = [assign(walk, world, name, value) for world in found[0]]
        fail = [assign(walk, world, name, value) for world in found[1]]
        found = ok, fail
    return found


def sequence(walk: "Walk", nodes: Iterable["Node"], worlds: list[World]) -> Flow:
    """Statements one after the other; the flow is that of the last."""
    parts = list(nodes)
    ok, fail = worlds, worlds
    said: Input | None = _SILENCE
    for index, part in enumerate(parts):
        if part.type in _SEPARATORS:
            continue
        behind = index + 1 < len(parts) and parts[index + 1].type == "&"
        ok, fail = each(walk, part, going_on(walk, ok, fail), behind=behind)
        said = _both(said, walk.said)
    walk.said = said
    return ok, fail


_SILENCE = Input("none", "")


def _both(one: Input | None, two: Input | None) -> Input | None:
    """What two commands print one after the other; `None` where effects tell it."""
    if one is _SILENCE or one is None or two is None:
        return two if one is _SILENCE else None
    if one.text is None or two.text is None:
        return None
    return Input("agent", one.text + two.text)


def going_on(walk: "Walk", ok: list[World], fail: list[World]) -> list[World]:
    """Worlds in which the next statement runs, whatever became of the last."""
    if ok is fail:
        return ok
    if walk.guarded:
        return merged([*ok, *fail])
    return merged([*ok, *(world for world in fail if not world.stops)])


def each(
    walk: "Walk",
    node: "Node",
    worlds: list[World],
    redirects: tuple["Node", ...] = (),
    *,
    behind: bool = False,
) -> Flow:
    """One statement in every world that may reach it."""
    if behind:
        outer, walk.background = walk.background, True
        for world in worlds:
            statement(walk, node, world, redirects)
        walk.background = outer
        walk.said = None
        return worlds, worlds
    if len(worlds) == 1:
        return statement(walk, node, worlds[0], redirects)
    walk.forks += 1
    ok: list[World] = []
    fail: list[World] = []
    for world in worlds:
        good, bad = statement(walk, node, world, redirects)
        ok += good
        fail += bad
    walk.forks -= 1
    walk.said = None
    return merged(ok), merged(fail)


def _list(
    walk: "Walk", node: "Node", world: World, redirects: tuple["Node", ...]
) -> Flow:
    steps: list[tuple[str, Node]] = []
    while node.type == "list":
        parts = children(node, walk.source, lines=True)
        if len(parts) != 3 or parts[1].type not in {"&&", "||"}:  # noqa: PLR2004
            raise UnclearError("a list", text_of(node, walk.source)[:200])
        steps.append((parts[1].type, parts[2]))
        node = parts[0]
    steps.reverse()
    walk.guarded += 1
    ok, fail = statement(walk, node, world)
    for index, (sign, right) in enumerate(steps):
        last = index == len(steps) - 1
        if last:
            walk.guarded -= 1
        own = redirects if last else ()
        if sign == "&&":
            good, bad = each(walk, right, ok, own)
            ok, fail = good, fail if bad is fail else merged([*fail, *bad])
        else:
            good, bad = each(walk, right, fail, own)
            ok, fail = ok if good is ok else merged([*ok, *good]), bad
    walk.said = None
    return ok, fail


def _pipeline(
    walk: "Walk", node: "Node", world: World, redirects: tuple["Node", ...]
) -> Flow:
    parts = children(node, walk.source, lines=True)
    if any(part.type not in {"|", "|&"} for part in parts[1::2]) or not len(parts) % 2:
        raise UnclearError("a pipeline", text_of(node, walk.source)[:200])
    stages = parts[::2]
    outer, piped = walk.stdin, walk.piped
    for index, stage in enumerate(stages):
        last = index == len(stages) - 1
        walk.piped = piped or not last
        rank, walk.rank = walk.rank, 0
        own = redirects if last else ()
        if walk.breaks or walk.returns:
            with walk.apart():
                statement(walk, stage, world, own)
        else:
            statement(walk, stage, world, own)
        walk.stdin = walk.output(rank)
    walk.said, walk.stdin, walk.piped = walk.stdin, outer, piped
    return [world], [world]


def _negated(
    walk: "Walk", node: "Node", world: World, redirects: tuple["Node", ...]
) -> Flow:
    walk.guarded += 1
    ok, fail = statement(walk, children(node, walk.source)[1], world, redirects)
    walk.guarded -= 1
    return fail, ok


def _compound(walk: "Walk", node: "Node", world: World) -> Flow:
    parts = children(node, walk.source, lines=True)
    if parts[0].type == "((":
        assigned = [
            name for part in parts[1:-1] for name in arithmetic.check(walk, part, world)
        ]
        for name in assigned:
            world = world.bind(name, ANY_NUMBER)
        return [world], [world]
    return sequence(walk, parts[1:-1], [world])


def _subshell(walk: "Walk", node: "Node", world: World) -> Flow:
    with walk.apart():
        sequence(walk, children(node, walk.source, lines=True)[1:-1], [world])
    return [world], [world]


def _if(walk: "Walk", node: "Node", world: World) -> Flow:
    ok: list[World] = []
    fail: list[World] = []
    parts = children(node, walk.source, lines=True)[1:]
    clauses = [part for part in parts if part.type in {"elif_clause", "else_clause"}]
    end = parts.index(clauses[0]) if clauses else len(parts) - 1
    untaken = _branch(walk, parts[:end], [world], (ok, fail))
    for clause in clauses:
        inner = children(clause, walk.source, lines=True)[1:]
        if clause.type == "else_clause":
            good, bad = sequence(walk, inner, untaken)
            ok, fail, untaken = [*ok, *good], [*fail, *bad], []
        else:
            untaken = _branch(walk, inner, untaken, (ok, fail))
    walk.said = None
    return merged([*ok, *untaken]), merged(fail)


def _branch(
    walk: "Walk", parts: list["Node"], worlds: list[World], flow: Flow
) -> list[World]:
    """`condition; then body`: adds to the flow; returns where it was not taken."""
    then = next(index for index, part in enumerate(parts) if part.type == "then")
    walk.guarded += 1
    taken, untaken = sequence(walk, parts[:then], worlds)
    walk.guarded -= 1
    good, bad = sequence(walk, parts[then + 1 :], taken)
    flow[0].extend(good)
    flow[1].extend(bad)
    return untaken


def _case(walk: "Walk", node: "Node", world: World) -> Flow:
    parts = children(node, walk.source, lines=True)
    condition.operand(walk, parts[1], world)
    ok: list[World] = [world]
    fail: list[World] = []
    for item in parts[2:]:
        if item.type != "case_item":
            continue
        inner = children(item, walk.source, lines=True)
        start = next(index for index, part in enumerate(inner) if part.type == ")")
        for pattern in inner[:start]:
            condition.pattern(walk, pattern, world)
        body = [part for part in inner[start + 1 :] if part.type != ";;"]
        if any(part.type in {";&", ";;&"} for part in body):
            raise UnclearError("a case that falls through", text_of(item, walk.source))
        good, bad = sequence(walk, body, [world])
        ok, fail = [*ok, *good], [*fail, *bad]
    walk.said = None
    return merged(ok), merged(fail)


def _function(walk: "Walk", node: "Node", world: World) -> Flow:
    parts = children(node, walk.source, lines=True)
    name_node = next(part for part in parts if part.type == "word")
    name = text_of(name_node, walk.source)
    if parts[-1].type not in {"compound_statement", "subshell"}:
        raise UnclearError("a function", text_of(node, walk.source)[:80])
    if not (name.isascii() and name.replace("-", "_").isidentifier()):
        raise UnclearError("a function's name", name)
    if programs.is_program(walk, name):
        walk.opaque("a function takes the name of a program", name)
    function = Function(parts[-1], walk.source)
    changed = world.but(functions={**world.functions, name: function})
    return [changed], [changed]


def _test(walk: "Walk", node: "Node", world: World) -> Flow:
    condition.check(walk, node, world)
    return [world], [world]


_TAIL_STATEMENTS: dict[
    str, Callable[["Walk", "Node", World, tuple["Node", ...]], Flow]
] = {"list": _list, "pipeline": _pipeline, "negated_command": _negated}
_STATEMENTS: dict[str, Statement] = {
    "command": simple.command,
    "declaration_command": simple.declaration,
    "unset_command": simple.unset,
    "variable_assignment": simple.assignment,
    "variable_assignments": simple.assignment,
    "redirected_statement": redirect.redirected,
    "test_command": _test,
    "compound_statement": _compound,
    "subshell": _subshell,
    "if_statement": _if,
    "for_statement": for_loop,
    "c_style_for_statement": c_style_for,
    "while_statement": while_loop,
    "case_statement": _case,
    "function_definition": _function,
}
