"""GGUF headers as a writer of the format would make them."""

import struct
from collections.abc import Callable
from typing import Any

import pytest

FORMS = {4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q"}


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key: str, kind: int, value: Any) -> bytes:
    head = text(key) + struct.pack("<I", kind)
    if kind == 8:
        return head + text(value)
    if kind == 9:
        inner, items = value
        body = b"".join(
            text(item) if inner == 8 else struct.pack(FORMS[inner], item)
            for item in items
        )
        return head + struct.pack("<IQ", inner, len(items)) + body
    return head + struct.pack(FORMS[kind], value)


def header(*entries: bytes, magic: bytes = b"GGUF", version: int = 3) -> bytes:
    return magic + struct.pack("<IQQ", version, 0, len(entries)) + b"".join(entries)


@pytest.fixture
def make_header() -> Callable[..., bytes]:
    return header


@pytest.fixture
def make_entry() -> Callable[..., bytes]:
    return entry


@pytest.fixture
def llama() -> list[bytes]:
    """Entries of an 8B Llama: 32 layers, 8 heads of keys and values of 128."""
    return [
        entry("general.architecture", 8, "llama"),
        entry("general.name", 8, "a model"),
        entry("llama.block_count", 4, 32),
        entry("llama.context_length", 4, 131072),
        entry("llama.embedding_length", 4, 4096),
        entry("llama.attention.head_count", 4, 32),
        entry("llama.attention.head_count_kv", 4, 8),
        entry("llama.rope.freq_base", 6, 500000.0),
        entry("tokenizer.ggml.tokens", 9, (8, ["a", "b", "c"])),
        entry("tokenizer.ggml.token_type", 9, (5, [1] * 5000)),
    ]
