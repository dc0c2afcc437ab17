"""Here-documents: their text, and the commands inside it.

Source: GNU Bash manual 5.3, Here Documents; POSIX.1-2024, 2.7.4.
"""

from typing import TYPE_CHECKING

from clawlaw.core.shell import arithmetic, capture, expand, parameter
from clawlaw.core.shell.parse import UnclearError, is_blank, text_of
from clawlaw.core.shell.words import Input
from clawlaw.core.shell.world import World

if TYPE_CHECKING:
    from tree_sitter import Node

    from clawlaw.core.shell.walk import Walk


def document(walk: "Walk", node: "Node", world: World) -> tuple[Input, list["Node"]]:
    """The input that a here-document is, and the nodes behind its mark.

    Raises:
        UnclearError: The shell may see its end elsewhere.
    """
    parts = node.children
    kinds = [part.type for part in parts]
    if kinds[:2] not in (["<<", "heredoc_start"], ["<<-", "heredoc_start"]) or (
        kinds[-2:] != ["heredoc_body", "heredoc_end"]
    ):
        raise UnclearError("a here-document", text_of(node, walk.source)[:200])
    tabs = kinds[0] == "<<-"
    mark, quoted = _mark(text_of(parts[1], walk.source))
    start, end = _span(walk, parts, tabs=tabs)
    raw = walk.source[start:end].decode()
    _check_end(walk, parts[-1], raw, mark, tabs=tabs, quoted=quoted)
    text = raw if quoted else _expanded(walk, parts[-2], (start, end), world)
    if tabs and text is not None:
        text = "".join(line.lstrip("\t") for line in text.splitlines(keepends=True))
    return Input("program" if text is None else "agent", text), parts[2:-2]


def _mark(text: str) -> tuple[str, bool]:
    plain = text
    for sign in ("'", '"'):
        if len(text) > 2 and text[0] == sign and text[-1] == sign:  # noqa: PLR2004
            plain = text[1:-1]
    if text.startswith("\\"):
        plain = text[1:]
    if not plain.isascii() or not all(c.isalnum() or c in "_-.!:" for c in plain):
        raise UnclearError("the mark of a here-document", text)
    return plain, plain != text


def _span(walk: "Walk", parts: list["Node"], *, tabs: bool) -> tuple[int, int]:
    """Bytes between the line of the mark and the line of the end."""
    end = parts[0].start_byte
    for part in parts[:-2]:
        if not is_blank(walk.source[end : part.start_byte]):
            raise UnclearError("text between words", text_of(part, walk.source))
        end = part.end_byte
    gap = walk.source[end : parts[-2].start_byte]
    before, newline, after = gap.partition(b"\n")
    if not newline or not is_blank(before) or after.strip(b" \t"):
        raise UnclearError("text behind a here-document", gap.decode())
    start, end = end + len(before) + 1, parts[-1].start_byte
    while tabs and end > start and walk.source[end - 1 : end] == b"\t":
        end -= 1
    return start, end


def _check_end(
    walk: "Walk", node: "Node", raw: str, mark: str, *, tabs: bool, quoted: bool
) -> None:
    joined = raw if quoted else raw.replace("\\\n", "")
    lines = [*raw.split("\n"), *joined.split("\n")]
    if tabs:
        lines = [line.lstrip("\t") for line in lines]
    source = walk.source
    is_line = source[node.end_byte : node.end_byte + 1] in {b"", b"\n"}
    if (
        mark in lines
        or not is_line
        or text_of(node, source).strip("\t" if tabs else "") != mark
        or (raw and not raw.endswith("\n"))
        or (not quoted and raw.endswith("\\\n"))
    ):
        raise UnclearError("the end of a here-document", text_of(node, source))


def _expanded(
    walk: "Walk", body: "Node", span: tuple[int, int], world: World
) -> str | None:
    """Text of a document with expansions; `None` where a value is not known."""
    start, end = span
    text: str | None = ""
    for child in body.children:
        if child.type == "heredoc_content" or expand.is_dollar(walk, child):
            continue  # taken with the bytes around it
        literal = walk.source[start : child.start_byte].decode()
        plain = expand.quoted_text(literal, document=True)
        value = _value(walk, child, world)
        start = child.end_byte
        text = None if text is None or value is None else text + plain + value
    plain = expand.quoted_text(walk.source[start:end].decode(), document=True)
    return None if text is None else text + plain


def _value(walk: "Walk", node: "Node", world: World) -> str | None:
    if node.type in {"simple_expansion", "expansion"}:
        found = parameter.value(walk, node, world, quoted=True)
        word = found[0] if len(found) == 1 else None
    elif node.type == "command_substitution":
        word = capture.substitute(walk, node, world)
    elif node.type == "arithmetic_expansion":
        word = arithmetic.value(walk, node, world)
    else:
        raise UnclearError("in a here-document", text_of(node, walk.source))
    return word.text if word is not None and word.known else None
