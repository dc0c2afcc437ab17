"""One byte form and one digest for every value that is compared or recorded.

The form is the JSON Canonicalization Scheme (RFC 8785) restricted to what the
project uses: objects with string keys, arrays, strings, integers, booleans and
null. Floats are refused, because two machines may print them differently, and
so are integers that JSON readers elsewhere cannot hold exactly.
"""

import hashlib
import json

type Json = str | int | bool | list[Json] | tuple[Json, ...] | dict[str, Json] | None

MAX_INTEGER = 2**53 - 1  # largest exact integer of RFC 7493 (I-JSON)


class CanonicalError(ValueError):
    """A value has no canonical form; the message names its path."""


def canonical_json(value: Json) -> bytes:
    """Encode a value as canonical JSON.

    Args:
        value: Strings, integers within ``MAX_INTEGER``, booleans, ``None``, lists,
            tuples (as lists) and dicts with string keys, nested as deep as Python
            recurses.

    Returns:
        UTF-8 bytes: no white space, object keys sorted by UTF-16 code units.

    Raises:
        CanonicalError: A float, a large integer, a lone surrogate, a key that is not
            a string, or another type.

    Source: RFC 8785, sections 3.2.2 and 3.2.3.
    """
    ordered = _ordered(value, "$")
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8")


def digest(value: Json) -> str:
    """Return ``sha256:`` and the hex digest of the canonical JSON of ``value``.

    Raises:
        CanonicalError: As for :func:`canonical_json`.
    """
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


def _ordered(value: Json, path: str) -> Json:
    match value:
        case None | bool():
            return value
        case str():
            return _text(value, path)
        case int():
            if abs(value) > MAX_INTEGER:
                raise CanonicalError(f"{path}: integer {value} is beyond 2^53 - 1")
            return value
        case list() | tuple():
            return [_ordered(item, f"{path}[{i}]") for i, item in enumerate(value)]
        case dict():
            return _ordered_object(value, path)
    raise CanonicalError(f"{path}: {type(value).__name__} has no canonical form")


def _ordered_object(value: dict[str, Json], path: str) -> dict[str, Json]:
    for key in value:
        if not isinstance(key, str):
            raise CanonicalError(f"{path}: key {key!r} is not a string")
        _text(key, f"{path} key")
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return {key: _ordered(value[key], f"{path}.{key}") for key in keys}


def _text(value: str, path: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CanonicalError(f"{path}: text is not valid Unicode") from error
    return value
