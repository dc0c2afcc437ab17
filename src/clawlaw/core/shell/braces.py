"""Brace expansion: `a{b,c}d` and `{1..3}`, on the unquoted characters of a word."""

from itertools import pairwise

from clawlaw.core.shell.parse import UnclearError

_MAX_RESULTS = 256
_MAX_NUMBER_LENGTH = 6
_MAX_BRACES = 200  # in one word; each is a level of recursion


def expand_braces(text: str) -> list[str]:
    """Every text that the braces stand for, in order; the text itself without them.

    Raises:
        UnclearError: More results than a command is judged with.
    """
    if "{" not in text:
        return [text]
    if text.count("{") > _MAX_BRACES:
        raise UnclearError("a word of too many braces", text[:80])
    start = text.find("{")
    while start >= 0:
        end, commas = _match(text, start)
        if end > 0:
            choices = _choices(text[start + 1 : end], start + 1, commas)
            if choices is not None:
                rests = expand_braces(text[end + 1 :])
                results = [
                    text[:start] + middle + rest
                    for choice in choices
                    for middle in expand_braces(choice)
                    for rest in rests
                ]
                if len(results) > _MAX_RESULTS:
                    raise UnclearError("braces of too many words", text[:80])
                return results
        start = text.find("{", start + 1)
    return [text]


def _match(text: str, start: int) -> tuple[int, list[int]]:
    """Index of the closing brace, -1 if none, and of the commas at its level."""
    depth = 0
    commas: list[int] = []
    for index in range(start, len(text)):
        char = text[index]
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return index, commas
        elif char == "," and depth == 1:
            commas.append(index)
    return -1, []


def _choices(inner: str, offset: int, commas: list[int]) -> list[str] | None:
    if commas:
        edges = [offset - 1, *commas, offset + len(inner)]
        return [
            inner[low + 1 - offset : high - offset] for low, high in pairwise(edges)
        ]
    return _range(inner.split(".."))


def _range(ends: list[str]) -> list[str] | None:
    if len(ends) not in {2, 3} or not all(ends):
        return None
    step = _number(ends[2]) if len(ends) == 3 else 1  # noqa: PLR2004  {a..b..step}
    first, last = _number(ends[0]), _number(ends[1])
    if step is None:
        return None
    size = abs(step) or 1
    if first is not None and last is not None:
        return _numbers(first, last, size, ends)
    if all(len(end) == 1 and end.isascii() and end.isalpha() for end in ends[:2]):
        return list(map(chr, _span(ord(ends[0]), ord(ends[1]), size)))
    return None


def _numbers(first: int, last: int, size: int, ends: list[str]) -> list[str]:
    if abs(last - first) // size >= _MAX_RESULTS:
        raise UnclearError("braces of too many words", "..".join(ends))
    padded = any(end.lstrip("-").startswith("0") and len(end) > 1 for end in ends[:2])
    width = max(len(end) for end in ends[:2]) if padded else 0
    return [f"{number:0{width}d}" for number in _span(first, last, size)]


def _span(first: int, last: int, size: int) -> range:
    if first <= last:
        return range(first, last + 1, size)
    return range(first, last - 1, -size)


def _number(text: str) -> int | None:
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_NUMBER_LENGTH:
        return int(text)
    return None
