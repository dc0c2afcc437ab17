"""The reader of GGUF headers: what it says, and what it refuses."""

import contextlib
import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.models import gguf
from forge.models.geometry import GeometryError
from forge.models.gguf import gguf_geometry, read_gguf, read_header

type Make = Callable[..., bytes]


def geometry(data: bytes) -> int:
    entries = read_header(io.BytesIO(data), "x.gguf")
    return gguf_geometry(entries, "x.gguf").kv_bytes_per_token


def test_cache_of_an_8b_llama_is_128_kib_a_token(
    make_header: Make, llama: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(make_header(*llama) + b"tensors")

    found = read_gguf(path)

    # 32 layers x 8 heads x (128 + 128) numbers x 2 bytes
    assert found.kv_bytes_per_token == 131072
    assert found.context == 131072
    assert found.architecture == "llama"


def test_lengths_of_key_and_value_may_differ(
    make_header: Make, make_entry: Make, llama: list[bytes]
) -> None:
    more = [
        make_entry("llama.attention.key_length", 4, 192),
        make_entry("llama.attention.value_length", 4, 128),
    ]
    assert geometry(make_header(*llama, *more)) == 32 * 8 * (192 + 128) * 2


def test_layers_may_differ_and_some_have_no_cache(
    make_header: Make, make_entry: Make
) -> None:
    data = make_header(
        make_entry("general.architecture", 8, "hybrid"),
        make_entry("hybrid.block_count", 4, 4),
        make_entry("hybrid.embedding_length", 4, 512),
        make_entry("hybrid.attention.head_count", 4, 8),
        make_entry("hybrid.attention.head_count_kv", 9, (4, [0, 2, 0, 4])),
    )
    assert geometry(data) == (2 + 4) * (64 + 64) * 2


def test_without_grouped_heads_every_head_has_its_own(
    make_header: Make, llama: list[bytes]
) -> None:
    kept = [item for item in llama if b"head_count_kv" not in item]
    assert geometry(make_header(*kept)) == 32 * 32 * 256 * 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "ends inside"),
        (b"GGML" + bytes(20), "does not begin with GGUF"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 10**9), "1000000000 entries"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1), "ends inside"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**60), "a text of"),
    ],
)
def test_unsound_header_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(GeometryError, match=said):
        read_header(io.BytesIO(data), "x.gguf")


def test_unknown_types_and_nested_arrays_are_refused(make_header: Make) -> None:
    name = struct.pack("<Q", 1) + b"k"
    unknown = name + struct.pack("<I", 13)
    nested = name + struct.pack("<IIQ", 9, 9, 1)
    with pytest.raises(GeometryError, match="unknown type 13"):
        read_header(io.BytesIO(make_header(unknown)), "x.gguf")
    with pytest.raises(GeometryError, match="array of type 9"):
        read_header(io.BytesIO(make_header(nested)), "x.gguf")


def test_array_longer_than_the_limit_is_refused(make_header: Make) -> None:
    huge = struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 4, 2**40)
    with pytest.raises(GeometryError, match="an array of"):
        read_header(io.BytesIO(make_header(huge)), "x.gguf")


def test_key_twice_is_refused(make_header: Make, llama: list[bytes]) -> None:
    with pytest.raises(GeometryError, match="there twice"):
        read_header(io.BytesIO(make_header(*llama, llama[2])), "x.gguf")


@pytest.mark.parametrize("missing", ["block_count", "embedding_length", "head_count"])
def test_missing_number_is_named(
    missing: str, make_header: Make, llama: list[bytes]
) -> None:
    kept = [item for item in llama if f".{missing}".encode() not in item]
    with pytest.raises(GeometryError, match=missing):
        geometry(make_header(*kept))


def test_number_that_cannot_be_true_is_refused(
    make_header: Make, make_entry: Make, llama: list[bytes]
) -> None:
    kept = [item for item in llama if b"block_count" not in item]
    for kind, value in ((4, 0), (4, 10**6), (8, "32"), (7, True), (6, 32.0)):
        with pytest.raises(GeometryError, match="block_count"):
            geometry(make_header(*kept, make_entry("llama.block_count", kind, value)))


def test_list_of_another_length_is_refused(
    make_header: Make, make_entry: Make, llama: list[bytes]
) -> None:
    kept = [item for item in llama if b"head_count_kv" not in item]
    short = make_entry("llama.attention.head_count_kv", 9, (4, [8] * 31))
    with pytest.raises(GeometryError, match="31 numbers for 32 layers"):
        geometry(make_header(*kept, short))


def test_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="No such file"):
        read_gguf(tmp_path / "none.gguf")


def survives(data: bytes) -> None:
    """Either an answer or a refusal, never another error."""
    with contextlib.suppress(GeometryError):
        gguf_geometry(read_header(io.BytesIO(data), "x.gguf"), "x.gguf")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_after_the_magic_are_survived(data: bytes) -> None:
    survives(b"GGUF" + struct.pack("<IQ", 3, 0) + data)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255))))
def test_any_changed_header_is_survived(
    changes: list[tuple[int, int]], make_header: Make, llama: list[bytes]
) -> None:
    data = bytearray(make_header(*llama))
    for place, value in changes:
        data[place % len(data)] = value
    survives(bytes(data))
    survives(bytes(data[: len(data) // 2]))


def test_long_header_ends_at_the_limit(
    make_header: Make, llama: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf, "HEADER_MAX", 1000)
    with pytest.raises(GeometryError, match=r"longer than 1000|an array of"):
        geometry(make_header(*llama))
