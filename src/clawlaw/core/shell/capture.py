"""Output that becomes words: `$(...)`, `<(...)`, `>(...)`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clawlaw.core.shell import flow, outputs, redirect
from clawlaw.core.shell.parse import UnclearError, children, text_of
from clawlaw.core.shell.words import Input, Word
from clawlaw.core.shell.world import ANY, World, below

if TYPE_CHECKING:
    from tree_sitter import Node

    from clawlaw.core.shell.walk import Walk


def substitute(walk: "Walk", node: "Node", world: World) -> Word:
    """Value of `$(...)`, and its effects."""
    parts = children(node, walk.source, lines=True)
    text = text_of(node, walk.source)
    if text[0] == "`" and ("\\" in text or "#" in text or "`" in text[1:-1]):
        raise UnclearError("backquotes in backquotes", text)
    inner = parts[1:-1]
    if len(inner) == 1 and inner[0].type == "file_redirect":
        redirect.around(walk, None, world, inner)
        return ANY
    output = _captured(walk, inner, world)
    if output.text is not None:
        return Word(output.text.rstrip("\n"))
    if output.names_below(world.cwd):
        return below(output.within)
    return _shape(inner, walk.source)


def _captured(walk: "Walk", nodes: Sequence["Node"], world: World) -> Input:
    piped, said, rank = walk.piped, walk.said, walk.rank
    walk.piped, walk.rank = True, 0
    with walk.apart():
        flow.sequence(walk, nodes, [world])
    output = walk.output(rank)
    walk.piped, walk.said = piped, said
    return output


def process_file(walk: "Walk", node: "Node", world: World) -> Word:
    """File name that `<(...)` or `>(...)` becomes, and its effects."""
    parts = children(node, walk.source, lines=True)
    name = f"/dev/fd/{63 - len(walk.descriptors)}"
    if parts[0].type == "<(":
        walk.descriptors[name] = _captured(walk, parts[1:-1], world)
    else:
        outer, walk.stdin = walk.stdin, Input("program")
        _captured(walk, parts[1:-1], world)
        walk.stdin = outer
        walk.descriptors[name] = Input("unknown")
    return Word(name)


def _shape(nodes: Sequence["Node"], source: bytes) -> Word:
    """What is known of the output of one plain command."""
    if len(nodes) != 1:
        return ANY
    last = nodes[0]
    if last.type == "pipeline":
        last = last.children[-1]
    if last.type == "redirected_statement":
        last = last.children[0]
    if last.type != "command":
        return ANY
    name, *words = (text_of(child, source) for child in last.children)
    plain = [Word(word.strip("'\"")) for word in words]
    return outputs.shape(name, plain) or ANY
