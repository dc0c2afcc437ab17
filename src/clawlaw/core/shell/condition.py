"""Conditions: `[[ ... ]]`, `[ ... ]`, `test`, and the patterns of `case`.

Source: GNU Bash manual 5.3, Bash Conditional Expressions.
"""

from typing import TYPE_CHECKING

from clawlaw.core.shell import arithmetic, expand
from clawlaw.core.shell.parse import UnclearError, children, text_of
from clawlaw.core.shell.words import Word
from clawlaw.core.shell.world import Name, World, is_number

if TYPE_CHECKING:
    from tree_sitter import Node

    from clawlaw.core.shell.walk import Walk

_NUMERIC = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_NAMES = frozenset({"-v", "-R"})  # look a variable up, its subscript included
_SIGNS = frozenset(
    {"&&", "||", "!", "==", "=", "!=", "=~", "<", ">", "(", ")", "[[", "]]", "[", "]"}
)
_EXPRESSIONS = frozenset(
    {"binary_expression", "unary_expression", "parenthesized_expression"}
)
_VALUES = frozenset({"simple_expansion", "expansion", "command_substitution"})
_EVALUATED = ("$(", "`", "<(", ">(")


def check(walk: "Walk", node: "Node", world: World) -> None:
    """Effects of a condition: those of the substitutions in it.

    Raises:
        UnclearError: A part that is not listed or that the shell would evaluate.
    """
    double = node.children[0].type == "[["
    if not double:
        walk.builtin("[", ())
    for part in children(node, walk.source, lines=True):
        _expression(walk, part, world, double=double)


def _expression(walk: "Walk", node: "Node", world: World, *, double: bool) -> None:
    if node.type in _SIGNS or node.type == "test_operator":
        return
    if node.type not in _EXPRESSIONS:
        word = operand(walk, node, world)
        if (
            not double
            and not (word.known or isinstance(word, Name))
            and _is_split(node)
        ):
            raise UnclearError("words of a test that are not known", word.text)
        return
    parts = children(node, walk.source, lines=True)
    signs = {
        text_of(part, walk.source) for part in parts if part.type == "test_operator"
    }
    if signs & _NAMES:
        name = text_of(parts[-1], walk.source)
        if not (name.isascii() and name.isidentifier()):
            raise UnclearError("a variable's name that is evaluated", name)
    if double and signs & _NUMERIC:
        for part in parts:
            if part.type != "test_operator":
                _number(walk, part, world)
        return
    for part in parts:
        _expression(walk, part, world, double=double)


def _is_split(node: "Node") -> bool:
    """Whether a value stands without quotes: `[` sees as many words as it holds."""
    kinds = {node.type, *(child.type for child in node.children)}
    return node.type != "string" and not kinds.isdisjoint(_VALUES)


def _number(walk: "Walk", node: "Node", world: World) -> None:
    if node.type in _EXPRESSIONS:
        arithmetic.check(walk, node, world)
        return
    text = text_of(node, walk.source)
    if node.type in {"word", "variable_name"} and text.isidentifier():
        found = arithmetic.is_safe_name(walk, text, world)
    else:
        word = expand.single(walk, node, world)
        found = is_number(word) or word.text == ""
    if not found:
        raise UnclearError("a condition that evaluates a word", text)


def operand(walk: "Walk", node: "Node", world: World) -> Word:
    """One word of a condition."""
    if node.type in {"regex", "extglob_pattern"}:
        pattern(walk, node, world)
        return Word("")
    return expand.single(walk, node, world)


def pattern(walk: "Walk", node: "Node", world: World) -> None:
    """A pattern, in which the shell still expands."""
    text = text_of(node, walk.source)
    if node.type in {"|", "("}:
        return
    if node.type in {"regex", "extglob_pattern"} and not node.children:
        if any(sign in text for sign in _EVALUATED):
            raise UnclearError("an expansion in a pattern", text)
        return
    expand.single(walk, node, world)
