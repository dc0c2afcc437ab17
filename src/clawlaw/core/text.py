"""One form for all spellings of a path, a host or a name, so that rules compare one.

Letter case, compatibility forms and characters that file systems ignore are folded
away. The tables are those of Unicode 3.2, which every Python carries unchanged for
RFC 3454: the same text folds alike on every version. Text with characters outside it
is marked, and what is marked never passes without a question.

A fold only joins what some file system takes for one name. It may join more than this
machine's does, which is right for what refuses and not enough for what allows: a test
that allows compares the resolved path as it is as well.

Source: RFC 3454; Apple TN1150 (characters that HFS+ ignores); apfs firmlinks and
`..namedfork` as of macOS 15; proc(5); inet_aton(3).
"""

import ipaddress
import unicodedata
from functools import lru_cache

from msgspec import Struct

_TABLES = unicodedata.ucd_3_2_0
# What HFS+ and APFS leave out of a comparison, and other characters without width.
_WITHOUT_WIDTH = (
    *(0x00AD, 0x034F, 0x180E, 0xFEFF),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2064),
    *range(0x206A, 0x2070),
    *range(0xFE00, 0xFE10),
)
_IGNORED = dict.fromkeys(_WITHOUT_WIDTH)
# Controls, formats, surrogates, private use, unknown, separators.
_STRANGE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ROUNDS = 8  # folding settles in two; a bound all the same
_CACHED = 512  # characters of a path that is worth keeping
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
# Directories of macOS that are reached by two names: the longer one and the rest.
_FIRMLINK = ("system", "volumes", "data")
_PRIVATE = frozenset({"tmp", "var", "etc"})


class Folded(Struct, frozen=True):
    """Text in its comparable form.

    Attributes:
        text: Folded; of a path lexically normalised as well.
        strange: It held characters that the tables do not know, that have no width,
            or that turn into separators; of a path also a way round its own text.
    """

    text: str
    strange: bool


def fold(text: str) -> Folded:
    """Fold case, compatibility forms and ignorable characters.

    Returns:
        The folded text; `strange` where a character is not in Unicode 3.2, has no
        width, is a control character, or folds to ASCII punctuation.
    """
    if text.isascii():
        return Folded(text.lower(), strange=not text.isprintable())
    kept = text.translate(_IGNORED)
    strange = kept != text or any(_is_strange(c) for c in kept)
    return Folded(_settle(kept), strange=strange)


def _is_strange(character: str) -> bool:
    if character.isascii():
        return not character.isprintable()
    if _TABLES.category(character) in _STRANGE:
        return True
    form = _TABLES.normalize("NFKC", character)
    return any(c.isascii() and not c.isalnum() and c != " " for c in form)


def _settle(text: str) -> str:
    """Fold the runs of known characters; the others stay as they are."""
    for _ in range(_ROUNDS):
        before, text = text, "".join(map(_fold_run, _runs(text)))
        text = text.translate(_IGNORED)
        if text == before:
            break
    return text


def _runs(text: str) -> list[str]:
    """Runs of known characters, unknown ones alone: they never touch the tables."""
    runs = [""]
    for c in text:
        if _TABLES.category(c) == "Cn":
            runs += [c, ""]
        else:
            runs[-1] += c
    return runs


def _fold_run(run: str) -> str:
    if len(run) == 1 and _TABLES.category(run) == "Cn":
        return run
    form = _TABLES.normalize("NFKC", run)
    return _TABLES.normalize("NFKC", "".join(map(_fold_character, form)))


def _fold_character(c: str) -> str:
    """Case folding, unless it leads to a character that Unicode 3.2 did not have."""
    low = c.casefold()
    return c if any(_TABLES.category(x) == "Cn" for x in low) else low


def fold_path(path: str) -> Folded:
    """Fold an absolute path and take out `.`, `..` and repeated slashes by text.

    The second names that macOS has for a directory become the first; a way through
    `/proc/PID/root`, a volume's inode or a file's fork leads where it leads, marked
    as strange.

    Returns:
        "/" or "/a/b", without a slash at the end.
    """
    return _fold_short(path) if len(path) <= _CACHED else _fold_path(path)


def _fold_path(path: str) -> Folded:
    folded = fold(path)
    kept: list[str] = []
    for part in folded.text.split("/"):
        if part == "..":
            if kept:
                kept.pop()
        elif part not in {"", "."}:
            kept.append(part)
    strange = folded.strange
    if kept and kept[0] in {"system", "private", "proc", ".vol", "dev"}:
        kept, more = _first_name(kept)
        strange = strange or more
    if "..namedfork" in kept:
        kept, strange = kept[: kept.index("..namedfork")], True
    return Folded("/" + "/".join(kept), strange)


_fold_short = lru_cache(maxsize=4096)(_fold_path)


def _first_name(parts: list[str]) -> tuple[list[str], bool]:
    """The first name of a directory that has two, and whether that is a guess."""
    if tuple(parts[:3]) == _FIRMLINK:
        parts = parts[3:]
    if len(parts) > 1 and parts[0] == "private" and parts[1] in _PRIVATE:
        parts = parts[1:]
    if parts[:1] == ["proc"]:
        return _through_process(parts)
    return parts, parts[:1] == [".vol"] or parts[:2] == ["dev", "fd"]


def plain_path(path: str) -> str:
    """A path without links in its first name, letter case kept.

    For tests that allow, beside the folded form: on a file system that tells letter
    case apart another case is another file.
    """
    parts = [part for part in path.split("/") if part not in {"", "."}]
    kept, _ = _first_name([part.lower() for part in parts])
    text = "/" + "/".join(parts[len(parts) - len(kept) :])
    return text if text.isascii() else _TABLES.normalize("NFC", text)


def _through_process(parts: list[str]) -> tuple[list[str], bool]:
    """`/proc/PID[/task/TID]/root/x` is x as that process sees it."""
    for place, part in enumerate(parts[2:5], start=2):
        if part == "root":
            inner, _ = _first_name(parts[place + 1 :])
            return inner, True
        if part in {"cwd", "fd", "map_files"}:
            return parts, True
    return parts, False


@lru_cache(maxsize=4096)
def fold_host(host: str) -> Folded:
    """Fold a host's name or address.

    Every way of writing an IPv4 address that `inet_aton` takes becomes the dotted
    one, an IPv6 address its shortest form, one that maps an IPv4 address that.

    Returns:
        Lower case, no dot at the end; `strange` where it is not a plain ASCII name
        or address: names in other scripts have an ASCII form, which is not strange.
    """
    text = fold(host).text.removesuffix(".")
    plain = host.isascii()
    if ":" in text or text.startswith("["):
        bare = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
        address = _address6(bare)
        return Folded(address or text, strange=not plain or not address)
    named = _HOST.issuperset(text) and all(text.split("."))
    address = address4(text) if named else ""
    number = named and text.rpartition(".")[2].isdigit() and not address
    return Folded(address or text, strange=not plain or not named or number)


def _address6(text: str) -> str:
    try:
        found = ipaddress.IPv6Address(text)
    except ValueError:
        return ""
    return str(found.ipv4_mapped or found)


def address4(text: str) -> str:
    """The dotted form of an IPv4 address in any spelling of `inet_aton`, or ""."""
    parts = text.split(".")
    numbers = [_number(part) for part in parts]
    known = [n for n in numbers if n is not None]
    if not 1 <= len(parts) <= 4 or len(known) < len(parts):  # noqa: PLR2004  # four bytes
        return ""
    *front, last = known
    if any(n > 255 for n in front) or last >= 256 ** (5 - len(parts)):  # noqa: PLR2004  # one byte
        return ""
    value = last
    for place, n in enumerate(front):
        value |= n << (24 - 8 * place)
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def _number(text: str) -> int | None:
    """A number as C reads it: hexadecimal, octal or decimal; at most 32 bits."""
    digits, base = (text[2:], 16) if text[:2] == "0x" else (text, 10)
    if base == 10 and len(text) > 1 and text[0] == "0":  # noqa: PLR2004  # decimal
        base = 8
    if not digits or len(digits) > 16:  # noqa: PLR2004  # longer is no address
        return None
    allowed = "0123456789abcdef"[:base]
    return int(digits, base) if all(c in allowed for c in digits) else None
