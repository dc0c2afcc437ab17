"""Whether text looks like data that was encoded to be carried, in integers alone.

Random bytes in base64, base32 or hexadecimal change between digits, small and large
letters every second or third character; words, file names and versions do not. A run of
letters and digits counts as encoded where it is long and changes class at least once in
five characters. Digests that addresses are full of (commits, objects, checksums) have
one of four exact lengths in hexadecimal; they count as slices only.

Both measures are ours; numbers from 2,000 random chunks of each encoding and the words
of this project's own pages (tests/unit/clawlaw/composition/test_encoding.py).
"""

from typing import Final

RUN: Final = 20  # characters: shorter runs are names, versions, numbers
LABEL: Final = 30  # characters of one label of a host's name: longer is no name
HOST: Final = 100  # characters of a host's name
QUERY: Final = 200  # characters after the question mark
DIGESTS: Final = frozenset({32, 40, 64, 128})  # hexadecimal
_HEX: Final = frozenset("0123456789abcdef")


def encoded(text: str) -> int:
    """Characters of the runs in `text` that look encoded; 0 where none does."""
    total = 0
    for run in _runs(text):
        if _changes(run) * 5 >= len(run) and not is_digest(run):
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
    return len(host) > HOST or any(
        len(label) > LABEL or encoded(label) for label in host.split(".")
    )


def _runs(text: str) -> list[str]:
    if len(text) < RUN:
        return []
    runs: list[str] = []
    start = 0
    for place, character in enumerate(text):
        if not character.isalnum():
            if place - start >= RUN:
                runs.append(text[start:place])
            start = place + 1
    if len(text) - start >= RUN:
        runs.append(text[start:])
    return runs


def _changes(run: str) -> int:
    """How often the class of character changes along a run."""
    changes = 0
    before = _class(run[0])
    for character in run:
        now = _class(character)
        changes += now != before
        before = now
    return changes


def _class(character: str) -> int:
    if character.isdigit():
        return 0
    return 1 if character.islower() else 2
