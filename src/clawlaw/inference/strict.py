"""JSON as the proxy reads it: what readers disagree about is refused.

Two members of one name, NaN, a lone surrogate, deep nesting: an engine, a client and
the gate could each understand something else, so nobody is given it.
"""

import json
from typing import Any, Final

MAX_DEPTH: Final = 64  # nested lists and objects


class StrictError(ValueError):
    """Bytes or text are not JSON that everybody reads alike; says why."""


def loads(text: str | bytes) -> Any:  # noqa: ANN401  # any JSON
    """Decode strictly.

    Raises:
        StrictError: With the reason.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_members, parse_constant=_no_constant
        )
        if b"\\u" in text if isinstance(text, bytes) else "\\u" in text:
            dumps(value).encode()
    except StrictError:
        raise
    except UnicodeEncodeError as error:
        raise StrictError("text that is not Unicode") from error
    except (ValueError, RecursionError) as error:
        raise StrictError(f"not JSON: {error}") from error
    if _depth(value) > MAX_DEPTH:
        raise StrictError(f"nested deeper than {MAX_DEPTH}")
    return value


def loads_object(text: str | bytes) -> dict[str, Any]:
    """Decode an object strictly.

    Raises:
        StrictError: With the reason.
    """
    value = loads(text)
    if not isinstance(value, dict):
        raise StrictError("not a JSON object")
    return value


def dumps(value: object) -> str:
    """The one form in which the proxy writes JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise StrictError(f"member {twice[:60]!r} stands twice")
    return found


def _no_constant(name: str) -> Any:  # noqa: ANN401  # as json wants it
    raise StrictError(f"{name} is not JSON")


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        deeper: list[object] = []
        for item in level:
            if isinstance(item, dict):
                deeper += item.values()
            elif isinstance(item, list):
                deeper += item
        level = [item for item in deeper if isinstance(item, dict | list)]
    return depth
