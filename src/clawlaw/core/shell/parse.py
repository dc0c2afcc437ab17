"""Shell text as a syntax tree, with everything refused that could hide in between.

The grammar is tree-sitter's for bash. A tree is only believed where each byte of a
node belongs to a child that the analysis handles or is blank: a grammar that reads a
text otherwise than the shell does cannot then hide a command in a gap.

Source: POSIX.1-2024, Shell Command Language; GNU Bash manual 5.3.
"""

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_BYTES = 65_536  # of one command text
MAX_NODES = 20_000  # of its syntax tree
MAX_STEPS = 4_000  # statements analysed, loops and functions unrolled
MAX_NESTING = 40  # statements within statements, through functions and texts
MAX_CALLS = 12  # functions and texts inside each other
MAX_LEVELS = 80  # of the syntax tree

# Ranges of characters that have no width, order text, look like a blank, or are not
# characters. U+FFFD is refused as well: inside the analysis it stands for "unknown".
_UNSEEN = (
    (0x7F, 0xA0), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160),
    (0x1680, 0x1680), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2000, 0x200F),
    (0x2028, 0x202F), (0x205F, 0x206F), (0x3000, 0x3000), (0x3164, 0x3164),
    (0xD800, 0xF8FF), (0xFE00, 0xFE0E), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFF), (0xE0000, 0x10FFFF),
)  # fmt: skip
_CONTROLS = frozenset(map(chr, range(32))) - {"\t", "\n"} | {"\x7f"}
# What may stand before a `#` that begins a comment.
_BEFORE_COMMENT = b" \t\n;&|()"


class UnclearError(Exception):
    """Text that the analysis does not understand; it becomes an opaque effect."""

    def __init__(self, reason: str, at: str = "") -> None:
        """Say why, and at which words."""
        super().__init__(reason)
        self.reason = reason
        self.at = at


def unseen(text: str) -> str:
    """First character that a reader would not see as the shell does, "" if none."""
    if not text.isascii():
        for char in sorted(set(text)):
            code = ord(char)
            if any(low <= code <= high for low, high in _UNSEEN):
                return char
    if not text.isprintable() and not _CONTROLS.isdisjoint(text):
        return next(char for char in text if char in _CONTROLS)
    return ""


def parse(text: str, depth: int = 0) -> "tuple[Node, bytes]":
    """The syntax tree of a text and the bytes that it indexes.

    Args:
        text: As the agent wrote it, or as another text contains it.
        depth: Texts and functions around it.

    Raises:
        UnclearError: The text holds characters that hide, is too long or too deep, or
            is not a program to the grammar.
    """
    if depth > MAX_CALLS:
        raise UnclearError("texts within texts", text[:80])
    hidden = unseen(text)
    if hidden:
        raise UnclearError(f"character U+{ord(hidden):04X} hides in the text")
    source = text.encode()
    if len(source) > MAX_BYTES:
        raise UnclearError(f"text of {len(source)} bytes, at most {MAX_BYTES}")
    source = _ended(source)
    root = _parser().parse(source).root_node
    if root.has_error:
        raise UnclearError("not understood as shell text", text[:200])
    count = root.descendant_count
    if count > MAX_NODES:
        raise UnclearError(f"more than {MAX_NODES} words and signs")
    if count > MAX_LEVELS and _levels(root) > MAX_LEVELS:
        raise UnclearError(f"nested more than {MAX_LEVELS} levels deep")
    return root, source


def _ended(source: bytes) -> bytes:
    """The bytes with a newline at their end, where it can mean nothing.

    Where some texts end without one (a pipeline of three, say) the grammar searches
    for an error and takes fifteen times as long to find the same tree. Behind a
    backslash or in a here-document a newline is part of the text; behind a blank it
    makes understood what was not.
    """
    if source[-1:] in {b"\n", b"\\", b" ", b"\t"} or b"<<" in source:
        return source
    return source + b"\n"


@cache
def _parser() -> "Parser":
    """The grammar's; loaded with the first text, since files are judged without it."""
    import tree_sitter_bash  # noqa: PLC0415  # see above
    from tree_sitter import Language, Parser  # noqa: PLC0415  # likewise

    return Parser(Language(tree_sitter_bash.language()))


def _levels(root: "Node") -> int:
    """Levels of a tree, found without recursion."""
    cursor = root.walk()
    deepest = 0
    while True:
        deepest = max(deepest, cursor.depth)
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return deepest


def text_of(node: "Node", source: bytes) -> str:
    """The bytes of a node as text."""
    return source[node.start_byte : node.end_byte].decode()


def is_blank(gap: bytes, *, lines: bool = False) -> bool:
    r"""Whether bytes between two nodes part them: blanks, or with `lines` newlines.

    A backslash before a newline parts nothing: the shell joins what the tree shows as
    two words, unless there is a blank as well.
    """
    if gap in {b"", b" "}:
        return True
    gap = gap.replace(b"\\\n", b"")
    return bool(gap) and not gap.strip(b" \t\n" if lines else b" \t")


def solid(nodes: "list[Node]") -> bool:
    """Whether nothing stands between nodes, not even a blank."""
    return all(one.end_byte == two.start_byte for one, two in pairwise(nodes))


def _parts(node: "Node") -> bool:
    """Whether a node ends the word before it by its own first sign."""
    if not node.type.endswith("_redirect"):
        return False
    return node.children[0].type != "file_descriptor"


def children(node: "Node", source: bytes, *, lines: bool = False) -> "list[Node]":
    """Children of a node without comments, when nothing stands between them.

    Args:
        node: Any.
        source: Bytes of the whole text.
        lines: Newlines may stand between the children.

    Raises:
        UnclearError: Bytes between two children belong to none, two words have no
            blank between them, or a comment begins where the shell would see none.
    """
    found: list[Node] = []
    end = node.start_byte
    for child in node.children:
        start = child.start_byte
        if start != end:
            if not is_blank(source[end:start], lines=lines):
                raise UnclearError("text between words", source[end:start].decode())
        elif found and child.is_named and found[-1].is_named and not _parts(child):
            raise UnclearError("words without a blank", text_of(node, source)[:200])
        end = child.end_byte
        if child.type != "comment":
            found.append(child)
        elif start and source[start - 1] not in _BEFORE_COMMENT:
            raise UnclearError("a comment inside a word", text_of(child, source))
    if end != node.end_byte and not is_blank(source[end : node.end_byte], lines=lines):
        raise UnclearError("text after words", text_of(node, source)[-80:])
    return found
