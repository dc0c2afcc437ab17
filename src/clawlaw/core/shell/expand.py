r"""Nodes of the syntax tree as the words that the shell would pass to a program.

A word is first a template: unquoted characters stand for themselves, everything else
(quoted text, values) is one private character that points at its segment. Braces are
expanded in the template, then the tilde, then values are put in, split and looked at
for patterns, in the order in which the shell does it.

Source: GNU Bash manual 5.3, Shell Expansions.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clawlaw.core.shell import arithmetic, capture, parameter
from clawlaw.core.shell.ansi import decode_ansi_c
from clawlaw.core.shell.braces import expand_braces
from clawlaw.core.shell.fields import Segment, fields
from clawlaw.core.shell.parse import UnclearError, text_of
from clawlaw.core.shell.words import UNKNOWN, Word

if TYPE_CHECKING:
    from tree_sitter import Node

    from clawlaw.core.shell.walk import Walk
    from clawlaw.core.shell.world import World

_PRIVATE = 0xE000  # first private character; `parse` lets none into a text
_MAX_SEGMENTS = 1000
_SPECIAL = frozenset("\\~*?[]{}=:$'\"`<>|&;()#")
_FORBIDDEN = frozenset("'\"`<>|&;()$")
_ESCAPED_OR_FORBIDDEN = _FORBIDDEN | {"\\"}
_QUOTED_SIGNS = frozenset('\\`$"')
_ENDS_WORD = frozenset({b"", *(bytes([byte]) for byte in b" \t\n;&|<>)")})
_ENDS = ('`"', "`")  # inside quotes, in a here-document
_EXPANDS = frozenset(
    "_({@*#?!$-[0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
_ESCAPED_IN_QUOTES = frozenset('$`"\\')


@dataclass(slots=True)
class Template:
    """A word on its way: characters, and segments that private characters name."""

    text: list[str] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)

    def put(self, segment: Segment) -> None:
        """Append a segment."""
        if len(self.segments) >= _MAX_SEGMENTS:
            raise UnclearError("a word of too many parts")
        self.text.append(chr(_PRIVATE + len(self.segments)))
        self.segments.append(segment)

    def quote(self, text: str) -> None:
        """Append text that means itself."""
        self.put(Segment((Word(text),), quoted=True))

    def resolve(self, text: str) -> list[str | Segment]:
        """Runs of plain characters and segments, in order."""
        if not self.segments:
            return [text] if text else []
        parts: list[str | Segment] = []
        run = ""
        for char in text:
            index = ord(char) - _PRIVATE
            if 0 <= index < len(self.segments):
                if run:
                    parts.append(run)
                    run = ""
                parts.append(self.segments[index])
            else:
                run += char
        if run:
            parts.append(run)
        return parts


def words(walk: "Walk", node: "Node", world: "World") -> list[Word]:
    """Words that a node in argument position becomes, none to many.

    Raises:
        UnclearError: A form that is not listed, or whose value cannot be bounded.
    """
    kind = node.type
    if kind == "word" or (kind == "number" and not node.child_count):
        text = text_of(node, walk.source)
        if _SPECIAL.isdisjoint(text):
            return [Word(text)]
    template = Template()
    _put(walk, node, world, template)
    found: list[Word] = []
    for text in expand_braces("".join(template.text)):
        parts = template.resolve(_tilde(walk, text, world, template))
        found += fields(parts, world)
    return found


def single(walk: "Walk", node: "Node", world: "World") -> Word:
    """The one word of a place without splitting: assignment, `case`, here-string.

    Raises:
        UnclearError: As for :func:`words`.
    """
    if node.type == "word":
        text = text_of(node, walk.source)
        if _SPECIAL.isdisjoint(text):
            return Word(text)
    template = Template()
    _put(walk, node, world, template)
    text = _tilde(walk, "".join(template.text), world, template, assigned=True)
    parts = [
        Segment((Word(part),), quoted=True)
        if isinstance(part, str)
        else Segment(part.words, quoted=True)
        for part in template.resolve(text)
    ]
    found = fields(parts, world)
    return found[0] if len(found) == 1 else Word(UNKNOWN)


def _put(walk: "Walk", node: "Node", world: "World", out: Template) -> None:
    kind = node.type
    if kind in {"word", "number"} and not node.children:
        _literal(text_of(node, walk.source), out)
    elif kind == "string":
        _string(walk, node, world, out)
    elif kind == "raw_string":
        out.quote(text_of(node, walk.source)[1:-1])
    elif kind == "ansi_c_string":
        out.quote(decode_ansi_c(text_of(node, walk.source)[2:-1]))
    elif kind == "concatenation":
        _concatenation(walk, node, world, out)
    elif kind == "brace_expression":
        _literal(text_of(node, walk.source), out)
    elif kind == "$":  # a dollar sign that begins nothing
        if walk.source[node.end_byte : node.end_byte + 1] not in _ENDS_WORD:
            raise UnclearError("a dollar sign inside a word", "$")
        out.quote("$")
    else:
        out.put(_value(walk, node, world, quoted=False))


def _concatenation(walk: "Walk", node: "Node", world: "World", out: Template) -> None:
    end = node.start_byte
    for child in node.children:
        if child.start_byte != end and walk.source[end : child.start_byte] != b"\\\n":
            raise UnclearError("text inside a word", text_of(node, walk.source))
        end = child.end_byte
        _put(walk, child, world, out)
    if end != node.end_byte:
        raise UnclearError("text inside a word", text_of(node, walk.source))


def _literal(text: str, out: Template) -> None:
    if _ESCAPED_OR_FORBIDDEN.isdisjoint(text) and "".join(text.split()) == text:
        out.text += text
        return
    chars = iter(text)
    for char in chars:
        if char == "\\":
            escaped = next(chars, "\\")
            if escaped != "\n":
                out.quote(escaped)
        elif char in _FORBIDDEN or char.isspace():
            raise UnclearError("a sign inside a word", text)
        else:
            out.text.append(char)


def _value(walk: "Walk", node: "Node", world: "World", *, quoted: bool) -> Segment:
    kind = node.type
    if kind in {"simple_expansion", "expansion"}:
        return Segment(parameter.value(walk, node, world, quoted=quoted), quoted=quoted)
    if kind == "command_substitution":
        return Segment((capture.substitute(walk, node, world),), quoted=quoted)
    if kind == "arithmetic_expansion":
        return Segment((arithmetic.value(walk, node, world),), quoted=quoted)
    if kind == "process_substitution" and not quoted:
        return Segment((capture.process_file(walk, node, world),), quoted=True)
    raise UnclearError(
        f"{kind.replace('_', ' ')} in a word", text_of(node, walk.source)
    )


def _string(walk: "Walk", node: "Node", world: "World", out: Template) -> None:
    if node.children[0].type != '"' or node.children[-1].type != '"':
        raise UnclearError("a string without its quotes", text_of(node, walk.source))
    end = node.start_byte + 1
    for child in node.children[1:-1]:
        if child.type in {"string_content", "$"} or is_dollar(walk, child):
            continue  # taken with the bytes around it, blanks included
        # Blanks between two expansions are taken into the second's node.
        start = child.children[0].start_byte if child.children else child.start_byte
        _quoted(walk.source[end:start], out)
        out.put(_value(walk, child, world, quoted=True))
        end = child.end_byte
    _quoted(walk.source[end : node.end_byte - 1], out)
    if not out.text:
        out.quote("")


def is_dollar(walk: "Walk", node: "Node") -> bool:
    """Whether the grammar took a lone dollar sign for an expansion of the next word."""
    after = walk.source[node.start_byte + 1 : node.start_byte + 2]
    return node.type == "simple_expansion" and after in {b" ", b"\t", b"\n"}


def quoted_text(raw: str, *, document: bool = False) -> str:
    """Characters inside double quotes or a here-document, escapes taken out.

    Raises:
        UnclearError: An expansion that the grammar did not see.
    """
    if _QUOTED_SIGNS.isdisjoint(raw):
        return raw
    text = ""
    position = 0
    while position < len(raw):
        char = raw[position]
        after = raw[position + 1 : position + 2]
        if char == "\\" and after == "\n":
            position += 1
        elif char == "\\" and after in _ESCAPED_IN_QUOTES and after:
            text += "\\" + after if document and after == '"' else after
            position += 1
        elif char in _ENDS[document] or (char == "$" and after in _EXPANDS and after):
            raise UnclearError("an expansion inside quotes", raw[:80])
        else:
            text += char
        position += 1
    return text


def _quoted(raw: bytes, out: Template) -> None:
    if raw:
        out.quote(quoted_text(raw.decode()))


def _tilde(
    walk: "Walk",
    text: str,
    world: "World",
    template: Template,
    *,
    assigned: bool = False,
) -> str:
    """A template with the tildes at its start, or after an assignment, expanded."""
    if "~" not in text:
        return text
    name, sign, rest = text.partition("=")
    if assigned:
        name, sign, rest = "", "", text
    elif not (sign and name.isidentifier() and name.isascii()):
        return _home(walk, text, world, template)
    pieces = [_home(walk, piece, world, template) for piece in rest.split(":")]
    return name + sign + ":".join(pieces)


def _home(walk: "Walk", text: str, world: "World", template: Template) -> str:
    if not text.startswith("~"):
        return text
    user, slash, rest = text[1:].partition("/")
    if user == "":
        value = parameter.named(walk, "HOME", world)
    elif user == "+" and world.cwd:
        value = Word(world.cwd)
    elif user == "-" and world.previous:
        value = Word(world.previous)
    else:
        raise UnclearError("home directory of another user", text)
    template.put(Segment((value,), quoted=True))
    return template.text.pop() + slash + rest
