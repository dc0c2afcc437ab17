"""The last steps of expansion: values are put in, split, and looked at for patterns."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from clawlaw.core.shell.parse import UnclearError
from clawlaw.core.shell.words import UNKNOWN, Match, Word
from clawlaw.core.shell.world import Name, World

_SPLIT = " \t\n"
_PATTERN = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a word that does not stand for itself.

    Attributes:
        words: The value; several for `"$@"` and arrays.
        quoted: It is neither split nor a pattern.
    """

    words: tuple[Word, ...]
    quoted: bool = False


@dataclass(slots=True)
class _Field:
    """One word that is being put together: (value, quoted) in order."""

    parts: list[tuple[Word, bool]] = field(default_factory=list)

    def add(self, text: str, *, quoted: bool) -> None:
        if text or quoted:
            self.parts.append((Word(text), quoted))


def fields(parts: Sequence[str | Segment], world: World) -> list[Word]:
    """Words of a template whose braces and tildes are expanded.

    Args:
        parts: Runs of unquoted characters, and segments.
        world: For the directory that unknown parts are confined to.

    Raises:
        UnclearError: Values are split at characters that the text chose.
    """
    done: list[_Field] = []
    current = _Field()
    for part in parts:
        if isinstance(part, str):
            current.add(part, quoted=False)
            continue
        for index, word in enumerate(part.words):
            if index:
                done.append(current)
                current = _Field()
            if part.quoted or not word.known:
                current.parts.append((word, part.quoted))
            else:
                current = _split(word.text, current, done, world)
    done.append(current)
    return [_word(item, world) for item in done if item.parts]


def _split(text: str, current: _Field, done: list[_Field], world: World) -> _Field:
    if "IFS" in world.variables:
        raise UnclearError("words are split at signs of the text's choice", text[:80])
    pieces = text.split()
    if text[:1] in _SPLIT and text and current.parts:
        done.append(current)
        current = _Field()
    for index, piece in enumerate(pieces):
        if index:
            done.append(current)
            current = _Field()
        current.add(piece, quoted=False)
    if pieces and text[-1] in _SPLIT:
        done.append(current)
        current = _Field()
    return current


def _word(item: _Field, world: World) -> Word:
    parts = item.parts
    if len(parts) == 1:
        word, quoted = parts[0]
        if quoted and word.known:
            return word
        if not word.known:
            return _alone(word, quoted=quoted)
    if all(word.known for word, _ in parts):
        return _known(parts)
    return _partly(parts, world)


def _alone(word: Word, *, quoted: bool) -> Word:
    if not quoted and isinstance(word, Match):
        return Word(word.text, glob=True)  # its blanks make several of it
    if quoted or word.glob or isinstance(word, Name):
        return word
    return Word(word.text, many=True, within=word.within)


def _known(parts: list[tuple[Word, bool]]) -> Word:
    active = "".join(word.text for word, quoted in parts if not quoted)
    if not has_pattern(active):
        return Word("".join(word.text for word, _ in parts))
    text = "".join(
        escape_pattern(word.text) if quoted else word.text for word, quoted in parts
    )
    if "\\" in text:
        raise UnclearError("a backslash in a pattern", text[:80])
    return Word(text, glob=True)


def _partly(parts: list[tuple[Word, bool]], world: World) -> Word:
    """A word of known and unknown parts; at times it is known where it leads."""
    text = "".join(UNKNOWN if word.glob else word.text for word, _ in parts)
    many = any(
        not (quoted or word.known or _is_name(word)) or word.many
        for word, quoted in parts
    )
    first = parts[0][0]
    before, _, after = text.partition(UNKNOWN)
    within = ""
    if "/../" in after + "/":
        pass
    elif all(word.known or _is_name(word) for word, _ in parts):
        if world.cwd or before.startswith("/"):
            within = _directory(before, world.cwd)
    elif first.within and after.startswith("/"):
        rest = (word for word, _ in parts[1:])
        within = first.within if all(word.known for word in rest) else ""
    return Word(text, many=many, within=within)


def _is_name(word: Word) -> bool:
    """Whether an unknown value can only be the name of a file."""
    if isinstance(word, Name):
        return True
    return word.glob and "/" not in word.text and not word.text.startswith((".", "["))


def _directory(before: str, cwd: str) -> str:
    path = before if before.startswith("/") else f"{cwd}/{before}"
    return path.rpartition("/")[0] or "/"


def has_pattern(text: str) -> bool:
    """Whether unquoted text is a pattern that the shell expands to paths."""
    if _PATTERN.isdisjoint(text):
        return False
    if "*" in text or "?" in text:
        return True
    return "]" in text[text.index("[") :]


def escape_pattern(text: str) -> str:
    """A pattern that matches exactly the text."""
    if _PATTERN.isdisjoint(text):
        return text
    return "".join(f"[{char}]" if char in _PATTERN else char for char in text)
