"""Tool calls in what a model wrote: read strictly, or refused.

A call is a name and arguments. Engines give calls in fields of their own; models also
write them as text, and clients read that text: JSON objects with a name and arguments,
alone, in a fence, or between tags. Whoever reads them leniently could see another call
than the one that was judged, so what looks like a call and is not strict JSON is
refused, and what was judged is written anew.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from clawlaw.inference import strict

# Under which a call has its name and its arguments, by those who publish formats.
NAMES: Final = (
    "name", "tool", "tool_name", "function", "function_name", "recipient_name",
    "action",
)  # fmt: skip
ARGUMENTS: Final = (
    "arguments", "parameters", "args", "input", "action_input", "params", "kwargs",
    "tool_input", "tool_args", "tool_arguments",
)  # fmt: skip
MAX_CALLS: Final = 32  # in one answer
MAX_NAME: Final = 200  # characters

_LOOKS: Final = tuple(
    re.compile(rf"""["'](?:{"|".join(words)})["']\s*[:=]""")
    for words in (NAMES, ARGUMENTS)
)


class CallError(ValueError):
    """Something is meant as a tool call and cannot be judged; says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        name: Of the tool.
        arguments: By name.
    """

    name: str
    arguments: dict[str, Any]


def arguments_of(given: object, name: str) -> dict[str, Any]:
    """Arguments of a call: an object, or text that is one.

    Raises:
        CallError: They are neither.
    """
    if isinstance(given, str):
        try:
            given = strict.loads(given) if given.strip() else {}
        except strict.StrictError as error:
            raise CallError(f"arguments of {name[:60]!r}: {error}") from error
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise CallError(f"arguments of {name[:60]!r} are no object")
    return given


def named(name: object) -> str:
    """A tool's name.

    Raises:
        CallError: It is none.
    """
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise CallError("a tool call without a name")
    if not name.isprintable():
        raise CallError("a tool call whose name holds an invisible character")
    return name


def calls_in(value: object) -> list[Call]:
    """Every call in a value, however deep.

    Raises:
        CallError: Something looks like a call and is none, or there are too many.
    """
    found = [_call(item) for item in _objects(value) if _is_call(item)]
    if len(found) > MAX_CALLS:
        raise CallError(f"more than {MAX_CALLS} tool calls")
    return found


def read_text(text: str) -> tuple[list[Call], str]:
    """Calls in a text that is one JSON value, and the text as it is passed on.

    Returns:
        No calls and the same text, where there are none.

    Raises:
        CallError: It looks like a call and is not strict JSON.
    """
    try:
        value = strict.loads(text)
    except strict.StrictError as error:
        if looks_like_call(text):
            raise CallError(f"a tool call that is {error}") from error
        return [], text
    found = calls_in(value)
    return (found, strict.dumps(value)) if found else ([], text)


def looks_like_call(text: str) -> bool:
    """Whether a lenient reader could see a call in it."""
    try:
        pairs: list[str] = []
        json.loads(
            text, object_pairs_hook=lambda found: pairs.extend(k for k, _ in found)
        )
        return not _LOOKED[0].isdisjoint(pairs) and not _LOOKED[1].isdisjoint(pairs)
    except (ValueError, RecursionError):
        plain = _unescaped(text)
        return all(pattern.search(plain) for pattern in _LOOKS)


_LOOKED: Final = (frozenset(NAMES), frozenset(ARGUMENTS))
_ESCAPE: Final = re.compile(r"\\u([0-9A-Fa-f]{4})")


def _unescaped(text: str) -> str:
    if "\\u" not in text:
        return text
    return _ESCAPE.sub(lambda m: chr(int(m.group(1), 16)), text)


def _objects(value: object) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, dict):
            yield item
            if not _is_call(item):
                waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _is_call(item: dict[str, Any]) -> bool:
    return not _LOOKED[0].isdisjoint(item) and (
        not _LOOKED[1].isdisjoint(item) or isinstance(item.get("function"), dict)
    )


def _call(item: dict[str, Any]) -> Call:
    inner = item.get("function")
    if isinstance(inner, dict):
        item = inner
    names = [key for key in NAMES if key in item]
    given = [key for key in ARGUMENTS if key in item]
    if len(names) != 1 or len(given) > 1:
        said = ", ".join((*names, *given)) or "nothing"
        raise CallError(f"a tool call that can be read in two ways: {said}")
    name = named(item[names[0]])
    return Call(name, arguments_of(item[given[0]] if given else None, name))
