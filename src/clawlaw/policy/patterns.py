"""Patterns of paths as regular expressions, one component at a time.

`*` and `?` stay within a component, `[...]` is a class, a backslash takes the next
character as it is. Everything runs in RE2: no pattern takes longer than its text.
"""

from functools import lru_cache
from typing import Any

import re2

WILD = frozenset("*?[\\")


def component_regex(pattern: str) -> str:
    """RE2 source for one component of a pattern.

    Raises:
        ValueError: A class that is not closed, or a backslash at the end.
    """
    out: list[str] = []
    place = 0
    while place < len(pattern):
        c = pattern[place]
        place += 1
        if c == "*":
            out.append("[^/]*")
        elif c == "?":
            out.append("[^/]")
        elif c == "[":
            text, place = _class(pattern, place)
            out.append(text)
        elif c == "\\":
            if place == len(pattern):
                raise ValueError("a backslash at the end of a pattern")
            out.append(re2.escape(pattern[place]))
            place += 1
        else:
            out.append(re2.escape(c))
    return "".join(out)


def _class(pattern: str, place: int) -> tuple[str, int]:
    """The class that starts at `place`, after its bracket, and where it ends."""
    end = pattern.find("]", place + 1 + (pattern[place : place + 1] in {"!", "^"}))
    if end < 0:
        raise ValueError(f"a class that is not closed in {pattern!r}")
    inner = pattern[place:end]
    negated = inner[:1] in {"!", "^"}
    body = inner[1:] if negated else inner
    safe = body.replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    return f"[{'^' if negated else ''}{safe.replace(']', '\\]')}]", end + 1


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Any:
    return re2.compile(f"(?s:{component_regex(pattern)})")


def component_matches(pattern: str, name: str) -> bool:
    """Whether a component of a glob can be a name; what cannot be read always can."""
    if not WILD.intersection(pattern):
        return pattern == name
    if pattern.strip("*") == "":
        return True
    try:
        return _compiled(pattern).fullmatch(name) is not None
    except (ValueError, re2.error):
        return True


@lru_cache(maxsize=4096)
def components_meet(first: str, second: str) -> bool:
    """Whether some name matches both patterns; a class counts as any character."""
    one, two = _tokens(first), _tokens(second)
    # Places reachable in the second pattern, by place in the first; `*` may be empty.
    reach = {(0, 0)}
    seen = set(reach)
    while reach:
        i, j = reach.pop()
        if i == len(one) and j == len(two):
            return True
        for step in _steps(one[i : i + 1], two[j : j + 1], i, j):
            if step not in seen:
                seen.add(step)
                reach.add(step)
    return False


def _steps(a: list[str], b: list[str], i: int, j: int) -> list[tuple[int, int]]:
    out = []
    if a == ["*"]:
        out += [(i + 1, j), (i, j + 1)] if b else [(i + 1, j)]
    if b == ["*"]:
        out += [(i, j + 1), (i + 1, j)] if a else [(i, j + 1)]
    if a and b and "*" not in {a[0], b[0]} and (a == b or "?" in {a[0], b[0]}):
        out.append((i + 1, j + 1))
    return out


def _tokens(pattern: str) -> list[str]:
    """Characters of a pattern; an escaped one is no longer wild."""
    out: list[str] = []
    place = 0
    while place < len(pattern):
        c = pattern[place]
        place += 1
        if c == "[" and "]" in pattern[place + 1 :]:
            place = pattern.index("]", place + 1) + 1
            out.append("?")
        elif c == "\\" and place < len(pattern):
            out.append(
                "\\" + pattern[place] if pattern[place] in "*?" else pattern[place]
            )
            place += 1
        else:
            out.append(c)
    return out
