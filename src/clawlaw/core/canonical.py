"""One byte form and one digest for every value that is compared or recorded.

The form is the JSON Canonicalization Scheme (RFC 8785) restricted to what the
project uses: objects with string keys, arrays, strings, integers, booleans and
null. Floats are refused, because two machines may print them differently, and
so are integers that JSON readers elsewhere cannot hold exactly.

msgspec writes the same bytes many times faster than Python, but for two things, which
are looked for: it sorts keys as UTF-8, and it takes more types. What cannot be ruled
out goes the slow way, which alone names the place of what is wrong.
"""

import hashlib
import json
from typing import Final, NoReturn

import msgspec

type Json = str | int | bool | list[Json] | tuple[Json, ...] | dict[str, Json] | None

MAX_INTEGER = 2**53 - 1  # largest exact integer of RFC 7493 (I-JSON)
_LONG: Final = b"0" * len(str(MAX_INTEGER))  # digits that may be beyond it
_BEFORE: Final = (b'":', b'":-', b"[", b"[-", b",", b",-")  # what stands before numbers
_SHAPE: Final = bytes(
    0x30 if chr(i).isdigit() and i < 0x80 else i if i in b'":[,-' else 0x20  # noqa: PLR2004  # ASCII
    for i in range(256)
)
_BEYOND_BMP: Final = bytes(range(0xF0, 0x100))  # where UTF-8 and UTF-16 order differ
_ATOMS: Final = frozenset({str, int, bool, type(None)})
_FRACTION: Final = b"\xcb"  # float 64, the only one that msgspec writes
_PACK: Final = msgspec.msgpack.Encoder().encode
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


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
    if _is_plain(value):
        fast = _encoded(value)
        if fast is not None:
            return fast
    ordered = _ordered(value, "$")
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8")


def canonical_struct(value: msgspec.Struct) -> bytes:
    """Encode a struct as the canonical JSON of its fields.

    Args:
        value: With fields of the types that `canonical_json` takes, or structs of them;
            the keys of its dicts are strings.

    Returns:
        The bytes of ``canonical_json(msgspec.to_builtins(value))``.

    Raises:
        CanonicalError: As for :func:`canonical_json`.
    """
    fast = _encoded(value)
    # MessagePack begins a fraction with a byte that ASCII text has not: where there is
    # none, there is no fraction; where there is one, it may be part of an integer.
    if fast is not None and _FRACTION in _PACK(value):
        try:
            _INTEGERS_ONLY.decode(fast)
        except msgspec.ValidationError:
            fast = None
    return canonical_json(msgspec.to_builtins(value)) if fast is None else fast


def digest(value: Json) -> str:
    """Return ``sha256:`` and the hex digest of the canonical JSON of ``value``.

    Raises:
        CanonicalError: As for :func:`canonical_json`.
    """
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


def _fraction(text: str) -> NoReturn:
    raise ValueError(text)  # the decoder makes it a ValidationError


_INTEGERS_ONLY: Final = msgspec.json.Decoder(float_hook=_fraction)


def _is_plain(value: Json) -> bool:
    """Whether nothing but the exact types of the form is in a value."""
    left: list[object] = [value]
    while left:
        item = left.pop()
        kind = type(item)
        if kind in _ATOMS:
            continue
        if isinstance(item, dict) and kind is dict:
            if not all(type(key) is str for key in item):
                return False
            left += item.values()
        elif isinstance(item, list | tuple) and kind in (list, tuple):
            left += item
        else:
            return False
    return True


def _encoded(value: object) -> bytes | None:
    """Canonical bytes where they can be told to be so at a glance, else `None`."""
    try:
        data = _ENCODER.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    if _has_long_number(data):
        return None
    if not data.isascii() and len(data.translate(None, _BEYOND_BMP)) != len(data):
        return None
    return data


def _has_long_number(data: bytes) -> bool:
    """Whether a number may be beyond the largest; digits of text seldom count."""
    shape = (b'":' + data).translate(_SHAPE)
    return _LONG in shape and any(before + _LONG in shape for before in _BEFORE)


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
