"""One name in the styles that programs are written in."""

from functools import lru_cache
from typing import Final

_SHORT: Final = 64  # characters; names of tools and arguments that come again


def snake(name: str) -> str:
    """`readFile`, `ReadFile` and `read-file` as `read_file`; other names as they are.

    Names without a small letter (`LS`, `BASH`) have no style that could be told.
    """
    return _known(name) if len(name) <= _SHORT else _snake(name)


def _snake(name: str) -> str:
    if not name.isascii() or not name[:1].isalpha() or name.isupper():
        return name
    if not name.replace("_", "").replace("-", "").isalnum():
        return name
    found: list[str] = []
    for index, character in enumerate(name):
        if character.isupper() and index and _starts(name, index):
            found.append("_")
        found.append("_" if character == "-" else character.lower())
    return "".join(found)


_known = lru_cache(maxsize=512)(_snake)


def _starts(name: str, index: int) -> bool:
    """Whether the capital letter at `index` begins a word."""
    before, after = name[index - 1], name[index + 1 : index + 2]
    if before in "_-":
        return False
    return not before.isupper() or after.islower()
