"""Reads the header of a GGUF file: only numbers and short texts, never the tensors.

Layout: magic, version, count of tensors, count of entries, then entries of key, type
and value, all little-endian. Everything in the file is distrusted: each count is
capped before it is used, and nothing is read beyond ``HEADER_MAX``.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from forge.models.geometry import F16, Geometry, GeometryError

MAGIC = b"GGUF"
VERSIONS = (2, 3)

# The largest headers hold a vocabulary of 300,000 words and its merges: 20 MB.
HEADER_MAX = 64 * 2**20  # bytes
ENTRIES_MAX = 4096
TEXT_MAX = 4 * 2**20  # bytes; chat templates have some 10,000
KEPT_ARRAY_MAX = 4096  # numbers; longer arrays are vocabularies, which nobody asks for
LAYERS_MAX = 4096
NUMBER_MAX = 2**31  # of a length or a count of heads

# Type of a value -> its form in struct. 8 is text, 9 an array.
NUMBERS: Mapping[int, str] = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
TEXT, ARRAY = 8, 9

type Value = int | float | bool | str | tuple[int | float | bool, ...] | None


class _Header:
    """The bytes of a header, read forward with a limit."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name, self._left = stream, name, HEADER_MAX

    def refuse(self, what: str) -> GeometryError:
        return GeometryError(
            f"{self._name}: not a sound GGUF file: {what}",
            remedy="fetch the file again and compare its sha256 with the publisher's",
        )

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        if count > self._left:
            raise self.refuse(f"its header is longer than {HEADER_MAX} bytes")
        self._left -= count
        data = self._stream.read(count)
        if len(data) != count:
            raise self.refuse("it ends inside its header")
        return data

    def number(self, form: str) -> int | float | bool:
        """Return the next number."""
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        number: int | float | bool = value
        return number

    def text(self) -> str:
        """Return the next text; what is not UTF-8 is replaced."""
        length = int(self.number("<Q"))
        if length > TEXT_MAX:
            raise self.refuse(f"a text of {length} bytes, more than {TEXT_MAX}")
        return self.take(length).decode("utf-8", "replace")

    def value(self, kind: int) -> Value:
        """Return the next value; an array that nobody needs is read over."""
        if kind == TEXT:
            return self.text()
        if kind == ARRAY:
            return self._array()
        if kind not in NUMBERS:
            raise self.refuse(f"a value of unknown type {kind}")
        return self.number(NUMBERS[kind])

    def _array(self) -> Value:
        kind, count = int(self.number("<I")), int(self.number("<Q"))
        if kind == TEXT:
            # Each text has at least its length, so the limit ends a false count.
            for _ in range(count):
                self.text()
            return None
        if kind not in NUMBERS:
            raise self.refuse(f"an array of type {kind}")
        form = NUMBERS[kind]
        size = struct.calcsize(form)
        if count <= KEPT_ARRAY_MAX:
            return tuple(self.number(form) for _ in range(count))
        if count * size > self._left:
            raise self.refuse(f"an array of {count} numbers")
        while count:
            step = min(count, 2**20)
            self.take(step * size)
            count -= step
        return None


def read_header(stream: BinaryIO, name: str) -> dict[str, Value]:
    """Return the entries of a GGUF header; long arrays and arrays of text are None.

    Args:
        stream: Positioned at the file's first byte.
        name: What errors call the file.

    Raises:
        GeometryError: The header is no GGUF header, ends early, or breaks a limit.
    """
    header = _Header(stream, name)
    if header.take(len(MAGIC)) != MAGIC:
        raise header.refuse("it does not begin with GGUF")
    version = int(header.number("<I"))
    if version not in VERSIONS:
        raise header.refuse(f"version {version}; versions 2 and 3 are read")
    header.number("<Q")  # tensors
    count = int(header.number("<Q"))
    if count > ENTRIES_MAX:
        raise header.refuse(f"{count} entries, more than {ENTRIES_MAX}")
    entries: dict[str, Value] = {}
    for _ in range(count):
        key = header.text()
        if key in entries:
            raise header.refuse(f"the key {key!r} is there twice")
        entries[key] = header.value(int(header.number("<I")))
    return entries


def gguf_geometry(entries: Mapping[str, Value], name: str) -> Geometry:
    """Return the attention's shape that a header states.

    Args:
        entries: As from ``read_header``.
        name: What errors call the file.

    Raises:
        GeometryError: A number that is needed is missing or cannot be true.
    """
    architecture = entries.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        raise GeometryError(f"{name}: its header names no general.architecture")
    facts = _Facts(entries, architecture, name)
    layers = facts.number("block_count", LAYERS_MAX)
    heads = facts.each("attention.head_count", layers)
    kv_heads = facts.each("attention.head_count_kv", layers, default=heads)
    if facts.has("attention.key_length"):
        key_length = facts.number("attention.key_length")
    else:
        key_length = facts.number("embedding_length") // max(1, *heads)
    value_length = key_length
    if facts.has("attention.value_length"):
        value_length = facts.number("attention.value_length")
    has_context = facts.has("context_length")
    return Geometry(
        architecture=architecture,
        kv_heads=kv_heads,
        key_length=key_length,
        value_length=value_length,
        number_bytes=F16,
        context=facts.number("context_length") if has_context else 0,
    )


class _Facts:
    """The numbers of one architecture in a header."""

    def __init__(
        self, entries: Mapping[str, Value], architecture: str, name: str
    ) -> None:
        self._entries, self._architecture, self._name = entries, architecture, name

    def has(self, key: str) -> bool:
        return f"{self._architecture}.{key}" in self._entries

    def number(self, key: str, largest: int = NUMBER_MAX) -> int:
        return self._checked(key, self._get(key), largest)

    def each(
        self, key: str, layers: int, default: tuple[int, ...] | None = None
    ) -> tuple[int, ...]:
        """Return one number a layer, whether the file has one for all or a list."""
        if default is not None and not self.has(key):
            return default
        value = self._get(key)
        if not isinstance(value, tuple):
            return (self._checked(key, value, NUMBER_MAX),) * layers
        if len(value) != layers:
            raise self._refuse(key, f"{len(value)} numbers for {layers} layers")
        return tuple(self._checked(key, item, NUMBER_MAX, least=0) for item in value)

    def _get(self, key: str) -> Value:
        return self._entries.get(f"{self._architecture}.{key}")

    def _checked(self, key: str, value: object, largest: int, least: int = 1) -> int:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not is_number or not least <= int(str(value)) <= largest:
            raise self._refuse(key, f"{value!r}, not a number of {least} to {largest}")
        return int(str(value))

    def _refuse(self, key: str, what: str) -> GeometryError:
        return GeometryError(f"{self._name}: {self._architecture}.{key}: {what}")


def read_gguf(path: Path) -> Geometry:
    """Return the attention's shape of a GGUF file.

    Raises:
        GeometryError: It cannot be read, or is not a sound GGUF file.
    """
    try:
        with path.open("rb") as stream:
            return gguf_geometry(read_header(stream, str(path)), str(path))
    except OSError as error:
        raise GeometryError(f"{path}: {error.strerror}") from error
