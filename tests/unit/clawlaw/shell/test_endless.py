"""Sizes beyond any ordinary file, and programs whose output never ends."""

import pytest

from clawlaw.core.shell import endless
from clawlaw.core.shell.words import Word


def words(line: str) -> list[Word]:
    return [Word(text) for text in line.split()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10", 10), ("+4K", 4096), ("1GiB", 1 << 30), ("1TB", 1 << 40), ("x", None)],
)
def test_a_size_is_read_with_its_scale(text: str, expected: int | None) -> None:
    assert endless.size(text) == expected


@pytest.mark.parametrize("text", ["1T", "500G", "9" * 31, "99999999999"])
def test_nothing_ordinary_is_so_large(text: str) -> None:
    assert endless.too_large(text)


@pytest.mark.parametrize("text", ["1M", "64", "-3", "", "a.txt"])
def test_ordinary_sizes_pass(text: str) -> None:
    assert not endless.too_large(text)


@pytest.mark.parametrize(
    ("line", "bounded"),
    [
        ("dd if=/dev/zero of=f bs=1M count=10", True),
        ("dd if=/dev/zero of=f bs=1G count=1000", False),
        ("dd if=/dev/zero of=f", False),
        ("xxd -l 16 /dev/urandom", True),
        ("xxd /dev/urandom", False),
        ("cat -n /dev/zero", False),
    ],
)
def test_only_some_words_bound_what_is_read(line: str, *, bounded: bool) -> None:
    name, *rest = line.split()
    assert endless.bounded(name, words(" ".join(rest))) is bounded
