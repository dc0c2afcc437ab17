"""Whether text looks like data that was encoded to be carried, in integers alone.

Bytes in base64, base32 or hexadecimal change between digits, small and large letters
every few characters; words, file names and versions do not. A run of letters and digits
counts as encoded where it changes at least once in five characters (without a digit
once in three), or, from 20 characters on, three times; so do many signs that addresses
do not use (base85). Digests that addresses are full of (commits, objects,
checksums) have one of four exact lengths in hexadecimal and are told apart.

The measure and its numbers are ours: tests/unit/clawlaw/composition/test_encoding.py
holds them against chunks of each encoding and against addresses of real kinds.
"""

from functools import cache
from typing import Any, Final

import re2

RUN: Final = 10  # characters: shorter runs are names, versions, numbers
LONG: Final = 20  # characters of a run that few changes suffice for
FEW: Final = 3  # changes in a long run
DIGITS: Final = 30  # digits without a letter: longer than any number in an address
SIGNS: Final = 6  # of those that addresses do not use
LABEL: Final = 30  # characters of one label of a host's name: longer is no name
HOST: Final = 100  # characters of a host's name
QUERY: Final = 200  # characters after the question mark
DIGESTS: Final = frozenset({32, 40, 64, 128})  # hexadecimal
_HEX: Final = frozenset("0123456789abcdef")
_STRANGE: Final = "!#$()*<>@^`{|}~;"
# ASCII with a blank for all that is no letter and no digit.
_PARTED: Final = "".join(c if c.isalnum() else " " for c in map(chr, range(128)))


@cache
def _every_script() -> Any:  # noqa: ANN401  # re2 has no types
    """Letters and digits of every script: too many to compile before they are asked."""
    return re2.compile(rf"[\pL\pN]{{{RUN},}}")


def _runs(text: str) -> list[str]:
    """Runs of `RUN` letters and digits or more."""
    if text.isascii():  # RE2 takes ten times as long for the same
        return [part for part in text.translate(_PARTED).split() if len(part) >= RUN]
    found: list[str] = _every_script().findall(text)
    return found


def encoded(text: str) -> int:
    """Characters of the parts of `text` that look encoded; 0 where none does."""
    if len(text) < RUN:
        return 0
    total = len(text) if sum(map(text.count, _STRANGE)) >= SIGNS else 0
    for run in _runs(text):
        if not is_digest(run) and _mixed(run):
            total += len(run)
    return total


def digests(text: str) -> int:
    """Runs in `text` that have the form of a digest."""
    return sum(1 for run in _runs(text) if is_digest(run))


def is_digest(run: str) -> bool:
    """Whether a run is hexadecimal of the length of a digest."""
    return len(run) in DIGESTS and _HEX.issuperset(run.lower())


def long_host(host: str) -> bool:
    """Whether a host's name is too long, or has a label too long, to be a name."""
    if len(host) < LONG:
        return False
    return len(host) > HOST or any(
        len(label) > LABEL or (len(label) >= LONG and encoded(label) >= LONG)
        for label in host.split(".")
    )


def _mixed(run: str) -> bool:
    """Whether a run changes between digits, small and large letters too often."""
    if run.isdigit():
        return len(run) >= DIGITS
    changes = digits = 0
    before = _class(run[0])
    for character in run:
        now = _class(character)
        changes += now != before
        digits += now == 0
        before = now
    if not digits:  # names of types change with every word
        return changes * 3 >= len(run)
    return changes * 5 >= len(run) or (len(run) >= LONG and changes >= FEW)


def _class(character: str) -> int:
    if character.isdigit():
        return 0
    return 1 if character.islower() else 2
