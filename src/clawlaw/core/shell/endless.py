"""What never ends, or is larger than a disk: writing it fills the file system."""

from collections.abc import Sequence
from typing import Final

from clawlaw.core.actions import AnyEffect, FileRead, ProcessExec
from clawlaw.core.shell.words import Word

DEVICES: Final = frozenset({"/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"})
MOST: Final = 16 << 30  # bytes or lines that no ordinary file of a project has
_SCALES: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6, "z": 7, "y": 8}
# These print for ever as they stand; their input does not matter.
_SOURCES: Final = frozenset({"yes"})
_COUNTERS: Final = frozenset({"seq", "gseq", "jot"})
_HEADS: Final = frozenset({"head", "ghead"})
# These hand on what they read, as long as it comes.
_COPIES: Final = frozenset({
    "cat", "tee", "tr", "base64", "base32", "sed", "awk", "gawk", "mawk", "gzip", "xz",
    "zstd", "bzip2", "pv", "xxd", "od", "hexdump", "fold", "rev", "nl", "cut", "grep",
    "strings", "uniq", "openssl", "dd", "cp", "sort", "expand", "iconv", "tail",
    "install", "split", "sponge", "rsync", "mv", "column", "perl", "paste",
})  # fmt: skip
# These hand on each piece as they read it, so that their own output feeds them.
_FEEDS: Final = frozenset({"cat", "pv", "nl", "rev", "fold", "expand"})
_LIMITS: Final = {
    "od": ("-N", "--read-bytes", "-j"),
    "xxd": ("-l", "-len"),
    "hexdump": ("-n",),
    "grep": ("-m", "--max-count"),
    "perl": ("-e",),
}


def size(text: str) -> int | None:
    """Number of bytes or lines that an option names; `None` where it is none.

    Args:
        text: Such as `10`, `+4K`, `1GiB` or `1TB`.
    """
    text = text.lstrip("+-<>/%=").lower().removesuffix("ib").removesuffix("b")
    digits = text.rstrip("kmgtpezyw")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 30:  # noqa: PLR2004
        return None
    scale = _SCALES.get(text[len(digits) :])
    return None if scale is None else int(digits) << 10 * scale


def too_large(text: str) -> bool:
    """Whether a size is beyond any ordinary file, or a number that nothing bounds."""
    found = size(text)
    digits = text.strip("+-<>/%=")[:1].isdigit()
    return found > MOST if found is not None else digits and len(text) > 30  # noqa: PLR2004


def source(name: str, words: Sequence[Word]) -> bool:
    """Whether a program prints without an end."""
    if name in _SOURCES:
        return True
    texts = [word.text.lower() for word in words]
    return name in _COUNTERS and any(t == "inf" or too_large(t) for t in texts)


def copies(name: str, words: Sequence[Word]) -> bool:
    """Whether a program hands on what it reads until that ends."""
    if name in _HEADS:
        counts = (word.text.rpartition("=")[2].lstrip("-cn") for word in words)
        return any(map(too_large, counts))
    return name in _COPIES


def spawns(name: str, words: Sequence[Word]) -> bool:
    """Whether a program starts many others at once, as long as its input comes."""
    if name == "parallel":
        return True
    given = (word.text for word in words if word.text[:1] == "-")
    return name == "xargs" and any(
        text.startswith("--max-procs") or (text[:2] != "--" and "P" in text)
        for text in given
    )


def feeds(effects: Sequence[AnyEffect], path: str) -> bool:
    """Whether a command that hands on a file as it reads it reads this one.

    Args:
        effects: Of the command.
        path: Of the file that its output is appended to.
    """
    names = {e.program for e in effects if isinstance(e, ProcessExec)}
    return bool(names & _FEEDS) and any(
        isinstance(e, FileRead) and e.path == path and e.what == "content"
        for e in effects
    )


def bounded(name: str, words: Sequence[Word]) -> bool:
    """Whether the words of a program limit how much it takes from its input."""
    if name == "dd":
        return _dd(words)
    limits = _LIMITS.get(name, ())
    return any(word.text.startswith(limits) for word in words) if limits else False


def _dd(words: Sequence[Word]) -> bool:
    """Whether `count` blocks of `bs` are given and fit an ordinary file."""
    given = dict(word.text.partition("=")[::2] for word in words)
    count = size(given.get("count", "").rstrip("cw"))
    block = size(given.get("bs", given.get("ibs", "512")))
    return count is not None and block is not None and count * block <= MOST
