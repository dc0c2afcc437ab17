import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.canonical import (
    MAX_INTEGER,
    CanonicalError,
    Json,
    _ordered,
    canonical_json,
    canonical_struct,
    digest,
)

values: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


def test_keys_sort_by_utf16_code_units() -> None:
    # The example of RFC 8785, section 3.2.3: U+1F600 sorts before U+FB33.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]
    encoded = canonical_json(dict.fromkeys(keys, 0))
    assert list(json.loads(encoded)) == [
        "\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip


def test_strings_escape_only_what_the_scheme_escapes() -> None:
    # RFC 8785, section 3.2.2.2.
    assert canonical_json('\u20ac$\x0f\nA\'B"\\\\"/') == (
        b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'
    )


@given(values)
def test_decoding_gives_the_value_back(value: Json) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text("abc"), st.integers(0, 9), min_size=2))
def test_insertion_order_does_not_show(value: dict[str, Json]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical_json(backwards) == canonical_json(value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (1.5, r"^\$: float"),
        ([0, {"a": 2**53}], r"^\$\[1\]\.a: integer"),
        ({"a": "\ud800"}, r"^\$\.a: text"),
        ({"\ud800": 1}, r"^\$ key: text"),
        ({1: 2}, r"^\$: key 1"),
        (b"x", r"^\$: bytes"),
        (float("nan"), r"^\$: float"),
    ],
)
def test_what_has_no_canonical_form_is_refused_by_path(value: Json, path: str) -> None:
    with pytest.raises(CanonicalError, match=path):
        canonical_json(value)


def test_digest_is_the_same_in_another_process_with_another_hash_seed() -> None:
    value: Json = {"b": [1, None, True], "a": "\u00e9"}
    code = (
        "from clawlaw.core.canonical import digest;"
        "print(digest({'a': '\\u00e9', 'b': [1, None, True]}))"
    )
    for seed in ("0", "1"):
        out = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert out.stdout.strip() == digest(value)


class Inner(msgspec.Struct, frozen=True, tag="inner", tag_field="kind"):
    zeta: int
    alpha: tuple[str, ...]


class Outer(msgspec.Struct, frozen=True):
    second: Any
    first: Inner
    third: dict[str, Any]


def slowly(value: Json) -> bytes:
    """The form as the standard library writes it, key by key."""
    ordered = _ordered(value, "$")
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode()


any_text = st.text(st.characters(exclude_categories=["Cs"]))


@given(values)
def test_the_fast_way_writes_the_same_bytes(value: Json) -> None:
    assert canonical_json(value) == slowly(value)


@given(values, st.integers(-MAX_INTEGER, MAX_INTEGER), st.lists(any_text))
def test_a_struct_is_written_as_its_fields(
    value: Json, number: int, words: list[str]
) -> None:
    struct = Outer(value, Inner(number, tuple(words)), dict.fromkeys(words, value))
    assert canonical_struct(struct) == slowly(msgspec.to_builtins(struct))


@given(st.dictionaries(any_text, st.integers(0, 9), min_size=2))
def test_keys_of_every_script_sort_alike(value: dict[str, int]) -> None:
    struct = Outer(None, Inner(0, ()), value)
    assert canonical_struct(struct) == slowly(msgspec.to_builtins(struct))


@pytest.mark.parametrize(
    "value",
    [1.5, {"a": [1e300]}, -0.0, 2**53, -(2**53), 2**70, "\ud800", {"\ud800": 1}],
    ids=repr,
)
def test_a_struct_with_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(CanonicalError):
        canonical_struct(Outer(value, Inner(0, ()), {}))


@pytest.mark.parametrize(
    "value", ["1.5", ":1.5", "1" * 20, ":" + "1" * 20, "1e5", "\x7f"]
)
def test_text_that_looks_like_a_number_is_text(value: str) -> None:
    struct = Outer(value, Inner(MAX_INTEGER, ()), {value: value})
    assert canonical_struct(struct) == slowly(msgspec.to_builtins(struct))


@pytest.mark.parametrize("number", [2**53, -(2**53), 10**16, -(10**17), 2**63])
@pytest.mark.parametrize("around", [lambda n: n, lambda n: [n], lambda n: [0, n]])
def test_a_long_number_is_found_wherever_it_stands(
    number: int, around: Callable[[int], Json]
) -> None:
    for value in (around(number), {"a": around(number)}):
        with pytest.raises(CanonicalError):
            canonical_json(value)
        with pytest.raises(CanonicalError):
            canonical_struct(Outer(value, Inner(0, ()), {}))
