"""`${x%.py}` and `${x/a/b}` on values and patterns that are known."""

from clawlaw.core.shell.words import Word
from clawlaw.core.shell.world import ANY, ANY_NAME

_MAX_LENGTH = 4096  # of a value that patterns are tried on


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern of `*`, `?` and plain characters matches a whole text."""
    rows = {0}
    for char in pattern:
        if char == "*":
            rows = set(range(min(rows), len(text) + 1)) if rows else rows
        else:
            rows = {
                at + 1
                for at in rows
                if at < len(text) and (char == "?" or char == text[at])
            }
    return len(text) in rows


def trimmed(value: Word, sign: str, pattern: Word) -> Word:
    """Value without the shortest (`%`, `#`) or longest match at its end or start."""
    text = value.text
    if value.glob and _keeps_name(text, sign, pattern):
        return ANY_NAME
    if not (value.known and pattern.known) or _is_hard(pattern.text, text):
        return ANY
    ends = range(len(text) + 1)
    if sign[0] == "#":
        cuts = ends if sign == "#" else reversed(ends)
        found = (text[cut:] for cut in cuts if matches(pattern.text, text[:cut]))
    else:
        cuts = reversed(ends) if sign == "%" else ends
        found = (text[:cut] for cut in cuts if matches(pattern.text, text[cut:]))
    return Word(next(found, text))


def _keeps_name(text: str, sign: str, pattern: Word) -> bool:
    """Whether what a pattern matches, without an ending, is still a file's name.

    No match of `*.a` begins with a dot, so that something is left of it.
    """
    plain = "/" not in text and not text.startswith((".", "[", "-"))
    return plain and sign[0] == "%" and pattern.known and pattern.text[:1] == "."


def replaced(value: Word, sign: str, words: list[Word]) -> Word:
    """Value with a plain text replaced; anything else is not known."""
    new = words[1] if len(words) > 1 else Word("")
    known = value.known and words and words[0].known and new.known
    if not known or not {"*", "?", "[", "\\"}.isdisjoint(words[0].text):
        return ANY
    if sign == "/":
        return Word(value.text.replace(words[0].text, new.text, 1))
    if sign == "//":
        return Word(value.text.replace(words[0].text, new.text))
    return ANY


def _is_hard(pattern: str, text: str) -> bool:
    return len(text) > _MAX_LENGTH or not {"[", "\\", "(", "|"}.isdisjoint(pattern)
