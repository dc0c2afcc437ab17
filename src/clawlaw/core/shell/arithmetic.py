"""Arithmetic of the shell: `$((...))`, `((...))`, `let`, `[[ a -lt b ]]`.

The shell evaluates the value of a name as an expression again, and a subscript as
words: either can run a command. So a name is only understood where its value is known
to be a number, and a subscript never.

Source: GNU Bash manual 5.3, Shell Arithmetic.
"""

from collections.abc import Callable
from operator import add, mul, sub
from typing import TYPE_CHECKING

from clawlaw.core.shell import capture, parameter
from clawlaw.core.shell.parse import UnclearError, children, text_of
from clawlaw.core.shell.words import Word
from clawlaw.core.shell.world import ANY_NUMBER, World, is_number

if TYPE_CHECKING:
    from tree_sitter import Node

    from clawlaw.core.shell.walk import Walk

_OPERATORS = frozenset(
    [
        "+",
        "-",
        "*",
        "/",
        "%",
        "**",
        "<",
        ">",
        "<=",
        ">=",
        "==",
        "!=",
        "&&",
        "||",
        "&",
        "|",
        "^",
        "<<",
        ">>",
        "!",
        "~",
        "?",
        ":",
        ",",
        "++",
        "--",
        "(",
        ")",
    ]
)
_ASSIGNS = frozenset(
    ["=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "|=", "^=", "++", "--"]
)
_EXPRESSIONS = frozenset(
    {
        "binary_expression",
        "unary_expression",
        "postfix_expression",
        "ternary_expression",
        "parenthesized_expression",
    }
)
_COUNTS: dict[str, Callable[[int, int], int]] = {"+": add, "-": sub, "*": mul}
_MAX_DIGITS = 9  # of numbers whose value is followed


def value(walk: "Walk", node: "Node", world: World) -> Word:
    """Value of `$((...))`: exact where it is one number, else some number.

    Raises:
        UnclearError: It assigns, or may evaluate more than numbers.
    """
    inner = children(node, walk.source, lines=True)[1:-1]
    assigned = [name for part in inner for name in check(walk, part, world)]
    if assigned:
        walk.assigned += [(name, ANY_NUMBER) for name in assigned]
    if len(inner) == 1 and inner[0].type == "number":
        return Word(text_of(inner[0], walk.source))
    if len(inner) == 1:
        return _sum(walk, inner[0], world)
    return ANY_NUMBER


def check(walk: "Walk", node: "Node", world: World) -> list[str]:
    """Names that an expression assigns, when all else in it is numbers.

    Raises:
        UnclearError: A part that may be evaluated again.
    """
    kind = node.type
    if kind in _EXPRESSIONS:
        parts = children(node, walk.source, lines=True)
        assigned = [name for part in parts for name in check(walk, part, world)]
        signs = [part for part in parts if part.type in _ASSIGNS]
        return assigned + [_target(walk, parts, sign) for sign in signs]
    if kind in _OPERATORS or kind in _ASSIGNS:
        return []
    if kind == "variable_assignment":
        parts = children(node, walk.source, lines=True)
        return [_target(walk, parts, parts[1]), *check(walk, parts[2], world)]
    if _is_number(walk, node, world):
        return []
    raise UnclearError("arithmetic that may run a command", text_of(node, walk.source))


def _target(walk: "Walk", parts: list["Node"], sign: "Node") -> str:
    if sign.type in {"++", "--"}:
        operand = next(part for part in parts if part is not sign)
    else:
        operand = parts[0]
    name = text_of(operand, walk.source)
    if not (name.isascii() and name.isidentifier()):
        raise UnclearError("arithmetic that assigns to no plain name", name)
    return name


def _is_number(walk: "Walk", node: "Node", world: World) -> bool:
    kind = node.type
    text = text_of(node, walk.source)
    if kind in {"number", "variable_name", "word"} and _is_constant(text):
        return not node.children
    if kind in {"variable_name", "word"}:
        return (
            text.isascii() and text.isidentifier() and is_safe_name(walk, text, world)
        )
    if kind in {"simple_expansion", "expansion"}:
        found = parameter.value(walk, node, world, quoted=True)
        return len(found) == 1 and (is_number(found[0]) or found[0].text == "")
    if kind == "command_substitution":
        printed = capture.substitute(walk, node, world)
        return is_number(printed) and not printed.many
    if kind == "arithmetic_expansion":
        value(walk, node, world)
        return True
    return False


def _is_constant(text: str) -> bool:
    """Whether a text is a number: `10`, `0x1f`, `16#ff`."""
    base, sign, digits = text.partition("#")
    if not text.isascii():
        return False
    if sign:
        return base.isdigit() and digits.isalnum()
    return text[:1].isdigit() and text.isalnum()


def is_safe_name(walk: "Walk", name: str, world: World) -> bool:
    """Whether evaluating a name yields its number and nothing more."""
    word = world.variables.get(name)
    if word is not None:
        return is_number(word) or word.text == ""
    if name in world.arrays:
        return False
    return name.islower() or is_number(parameter.named(walk, name, world))


def _sum(walk: "Walk", node: "Node", world: World) -> Word:
    """Value of a name, or of two known numbers; anything else is some number."""
    if node.type in {"variable_name", "simple_expansion"}:
        name = text_of(node, walk.source).removeprefix("$")
        word = world.variables.get(name, ANY_NUMBER)
        return word if is_number(word) else ANY_NUMBER
    parts = node.children
    found: int | None = None
    if node.type == "binary_expression" and len(parts) == 3:  # noqa: PLR2004
        left, right = (_operand(walk, part, world) for part in parts[::2])
        count = _COUNTS.get(parts[1].type)
        if left is not None and right is not None and count is not None:
            found = count(left, right)
    return ANY_NUMBER if found is None or found < 0 else Word(str(found))


def _operand(walk: "Walk", node: "Node", world: World) -> int | None:
    text = text_of(node, walk.source)
    if node.type in {"variable_name", "simple_expansion"}:
        found = world.variables.get(text.removeprefix("$"))
        text = found.text if found is not None and found.known else ""
    plain = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if plain and (text == "0" or text[0] != "0") else None
