"""Redirections: files, here-documents, here-strings, sockets.

Source: GNU Bash manual 5.3, Redirections.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from clawlaw.core.actions import FileDelete, FileRead, FileWrite, NetRequest
from clawlaw.core.inert import is_inert
from clawlaw.core.shell import endless, expand, flow, simple
from clawlaw.core.shell.heredoc import document
from clawlaw.core.shell.parse import UnclearError, children, solid, text_of
from clawlaw.core.shell.words import Input, Word
from clawlaw.core.shell.world import World, merged

if TYPE_CHECKING:
    from tree_sitter import Node

    from clawlaw.core.shell.flow import Flow
    from clawlaw.core.shell.walk import Walk

_WRITES = frozenset({">", ">>", ">|", "&>", "&>>", ">&"})
_READS = frozenset({"<", "<&"})
_BEFORE_DESCRIPTOR = frozenset({b" ", b"\t", b"\n", b";", b"&", b"|", b"(", b")"})
_PORT_MAX = 65_535
_SOCKETS = ("/dev/tcp/", "/dev/udp/")
_SOURCES: dict[str, Literal["agent", "file", "network", "program", "unknown"]] = {
    "none": "agent",
    "agent": "agent",
    "file": "file",
    "network": "network",
    "program": "program",
    "unknown": "unknown",
}
_CARRIES: dict[str, Literal["nothing", "text", "file", "program", "unknown"]] = {
    "none": "nothing",
    "agent": "text",
    "file": "file",
    "network": "program",
    "program": "program",
    "unknown": "unknown",
}


@dataclass(slots=True)
class Plan:
    """What the redirections of one command come to.

    Attributes:
        stdin: What it reads, where that changes.
        writes: (target, appends, standard output), in order.
        words: Nodes that the grammar took for targets and that are arguments.
        rest: What follows a here-document on its line: a sign and a statement.
    """

    stdin: Input | None = None
    writes: list[tuple[Word, bool, bool]] = field(default_factory=list)
    words: list["Node"] = field(default_factory=list)
    rest: list[tuple[str, "Node"]] = field(default_factory=list)


def redirected(walk: "Walk", node: "Node", world: World) -> "Flow":
    """A statement with redirections behind it."""
    parts = children(node, walk.source)
    split = next(
        (i for i, part in enumerate(parts) if part.type.endswith("_redirect")),
        len(parts),
    )
    body, redirects = parts[:split], tuple(parts[split:])
    if len(body) > 1:
        raise UnclearError("a redirection", text_of(node, walk.source)[:200])
    if body:
        return flow.statement(walk, body[0], world, redirects)
    return around(walk, None, world, redirects)


def around(
    walk: "Walk", body: "Node | None", world: World, redirects: Sequence["Node"]
) -> "Flow":
    """A statement whose own redirections are given, and what they write."""

    def run(words: Sequence["Node"]) -> "Flow":
        if body is None:
            if words:
                raise UnclearError("words behind a redirection")
            walk.said = Input("none", "")
            return [world], [world]
        if body.type == "command":
            return simple.command(walk, body, world, tuple(words))
        if words:
            raise UnclearError("words behind a redirection", text_of(body, walk.source))
        return flow.statement(walk, body, world)

    return enclosed(walk, world, redirects, run)


def enclosed(
    walk: "Walk",
    world: World,
    redirects: Sequence["Node"],
    run: Callable[[Sequence["Node"]], "Flow"],
) -> "Flow":
    """Something between its redirections.

    Args:
        walk: The analysis.
        world: In which the redirections are expanded.
        redirects: Of any kind.
        run: Analyses the command itself; takes the words that stood behind them.
    """
    plan = Plan()
    before = len(walk.effects)
    for node in redirects:
        _plan(walk, node, world, plan)
    outer, piped = walk.stdin, walk.piped
    rank, walk.rank = walk.rank, 0
    if plan.stdin is not None:
        walk.stdin = plan.stdin
    walk.piped = piped or bool(plan.rest and plan.rest[0][0] == "|")
    found = run(plan.words)
    output = walk.output(rank)
    walk.stdin, walk.piped = outer, piped
    for target, appends, standard in plan.writes:
        if standard and not appends and output.source == "none" and output.text == "":
            _empty(walk, target, world)
        ran = walk.effects[before:]
        write(walk, target, world, output, appends=appends)
        last = walk.effects[-1:]
        if appends and any(
            isinstance(e, FileWrite) and endless.feeds(ran, e.path) for e in last
        ):
            walk.opaque("appends to what it reads", "")
        if standard:
            output = Input("none", "")
    walk.said = output
    if found[1] != [world]:  # a file that does not open: the command never runs
        found = found[0], merged([*found[1], world])
    return _rest(walk, plan, found)


def _rest(walk: "Walk", plan: Plan, found: "Flow") -> "Flow":
    for sign, node in plan.rest:
        if sign == "|":
            outer, walk.stdin = walk.stdin, walk.said or Input("unknown")
            world = found[0][0] if found[0] else found[1][0]
            flow.statement(walk, node, world)
            walk.stdin = outer
        elif sign == "&&":
            found = flow.each(walk, node, found[0])
        elif sign == "||":
            found = flow.each(walk, node, found[1])
        else:
            raise UnclearError("words behind a here-document", sign)
    return found


def _plan(walk: "Walk", node: "Node", world: World, plan: Plan) -> None:
    if node.type == "herestring_redirect":
        parts = children(node, walk.source)
        word = expand.single(walk, parts[-1], world)
        text = word.text + "\n" if word.known else None
        plan.stdin = Input("agent" if text else "program", text)
    elif node.type == "heredoc_redirect":
        plan.stdin, inner = document(walk, node, world)
        _inner(walk, inner, world, plan)
    elif node.type == "file_redirect":
        _file(walk, node, world, plan)
    else:
        raise UnclearError("a redirection", text_of(node, walk.source))


def _inner(walk: "Walk", nodes: list["Node"], world: World, plan: Plan) -> None:
    """What stands on the line of a here-document behind its mark."""
    index = 0
    while index < len(nodes):
        node = nodes[index]
        index += 1
        if node.type == "file_redirect":
            _file(walk, node, world, plan)
        elif node.type == "pipeline":
            sign, *stages = children(node, walk.source)
            if len(stages) != 1 or stages[0].type == "list":
                raise UnclearError(
                    "words behind a here-document", text_of(node, walk.source)
                )
            plan.rest.append((sign.type, stages[0]))
        elif node.type in {"&&", "||"} and index < len(nodes):
            plan.rest.append((node.type, nodes[index]))
            index += 1
        else:
            plan.words.append(node)


def _file(walk: "Walk", node: "Node", world: World, plan: Plan) -> None:
    parts = children(node, walk.source)
    descriptor = ""
    if parts[0].type == "file_descriptor":
        descriptor = text_of(parts[0], walk.source)
        at = node.start_byte
        before = walk.source[at - 1 : at] if at else b" "
        if not solid(parts[:2]) or before not in _BEFORE_DESCRIPTOR:
            raise UnclearError("a redirection", text_of(node, walk.source))
        parts = parts[1:]
    sign = parts[0].type
    if len(parts) == 1 and sign in {">&-", "<&-"}:
        return
    if len(parts) < 2 or not (descriptor == "" or descriptor.isdigit()):  # noqa: PLR2004
        raise UnclearError("a redirection", text_of(node, walk.source))
    plan.words += parts[2:]
    if sign in {">&", "<&"} and parts[1].type == "number":
        return
    found = expand.words(walk, parts[1], world)
    if len(found) != 1:
        raise UnclearError("a redirection to several files", text_of(node, walk.source))
    if sign in _WRITES:
        standard = descriptor in {"", "1"}
        plan.writes.append((found[0], sign in {">>", "&>>"}, standard))
    elif sign in _READS:
        source = read(walk, found[0], world)
        if descriptor in {"", "0"}:
            plan.stdin = source
    else:
        raise UnclearError("a redirection", text_of(node, walk.source))


def read(walk: "Walk", word: Word, world: World) -> Input:
    """Effects of opening a file to read, and what then stands in it."""
    if word.text in walk.descriptors:
        return walk.descriptors[word.text]
    if word.text == "/dev/null":
        return Input("none", "")
    if word.text.startswith(_SOCKETS):
        _socket(walk, word, Input("none"))
        return Input("network")
    found = walk.place(word, world.cwd)
    if found is not None:
        walk.emit(FileRead(found.path, found.glob, found.recursive))
    return Input("file")


def write(
    walk: "Walk", word: Word, world: World, output: Input, *, appends: bool
) -> None:
    """Effect of a file that takes what a command prints."""
    if word.text in walk.descriptors:
        return
    if word.text.startswith(_SOCKETS):
        _socket(walk, word, output)
        return
    if word.glob:
        raise UnclearError("a redirection to a pattern", word.text)
    found = walk.place(word, world.cwd)
    if found is None:
        return
    inert = output.text is not None and not appends
    walk.emit(
        FileWrite(
            found.path,
            recursive=found.recursive,
            how="append" if appends else "modify",
            source=_SOURCES[output.source],
            inert=inert and is_inert(found.path, output.text or ""),
        )
    )


def _empty(walk: "Walk", word: Word, world: World) -> None:
    """Effect of a file that takes nothing: what stood in it is gone."""
    if word.glob or word.text.startswith(("/dev/", *walk.descriptors)):
        return
    found = walk.place(word, world.cwd)
    if found is not None:
        walk.emit(FileDelete(found.path, recursive=found.recursive))


def _socket(walk: "Walk", word: Word, output: Input) -> None:
    if not word.known:
        raise UnclearError("a socket that is not known", word.text)
    scheme, host, port, *more = word.text.removeprefix("/dev/").split("/") + [""] * 3
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0  # noqa: PLR2004
    if any(more) or not host or not port or number > _PORT_MAX:
        raise UnclearError("a socket that is not understood", word.text)
    walk.emit(
        NetRequest(
            host.lower(),
            number,
            scheme,
            "",
            carries=_CARRIES[output.source],
            bytes_out=len((output.text or "").encode()),
        )
    )
