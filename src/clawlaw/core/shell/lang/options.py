"""Options of one program: what is listed is understood, anything else is opaque.

Understands short options, clusters, glued and separate values, long options with `=`
or a separate value, and `--`. Abbreviated long options are not accepted: which one
they mean depends on the version of the program.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from clawlaw.core.shell.words import UNKNOWN, Context, Word


@dataclass(frozen=True, slots=True)
class Spec:
    """Which options a program has.

    Attributes:
        flags: Take no value; short ones may stand in a cluster.
        values: Take a value, glued or as the next word.
        optional: Take a value only where it is glued.
        permute: Options may follow operands.
        number: `-5` is an option of its own.
    """

    flags: frozenset[str]
    values: frozenset[str]
    optional: frozenset[str] = frozenset()
    permute: bool = True
    number: bool = False


@dataclass(slots=True)
class Parsed:
    """What a command line says.

    Attributes:
        options: In order, each with its value; `None` where it has none.
        operands: The words that are no options.
    """

    options: list[tuple[str, Word | None]] = field(default_factory=list)
    operands: list[Word] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        """Whether one of the options is given."""
        return any(name in names for name, _ in self.options)

    def last(self, *names: str) -> Word | None:
        """Value of the last of the named options that is given with one."""
        found = None
        for name, value in self.options:
            if name in names and value is not None:
                found = value
        return found

    def each(self, *names: str) -> list[Word]:
        """Values of the named options, in order."""
        return [v for name, v in self.options if name in names and v is not None]


def names(text: str) -> frozenset[str]:
    """Make a set of names from a text with spaces between them."""
    return frozenset(text.split())


def spec(
    flags: str,
    values: str = "",
    optional: str = "",
    *,
    permute: bool = True,
    number: bool = False,
) -> Spec:
    """Make a specification from names with spaces between them."""
    return Spec(
        frozenset(flags.split()),
        frozenset(values.split()),
        frozenset(optional.split()),
        permute,
        number,
    )


def maybe_option(word: Word) -> bool:
    """Whether a word that does not begin with a dash may still be an option."""
    text = word.text
    if word.within:
        return False
    return text.startswith(UNKNOWN) or (word.many and not text)


def parse(words: Sequence[Word], known: Spec, context: Context) -> Parsed | None:
    """Split the words after a program's name.

    Returns:
        `None`, and an opaque effect is added, where an option is not listed or a
        word may be one.
    """
    reader = _Reader(words, known)
    bad = reader.run()
    if bad is None:
        return reader.parsed
    context.opaque("option is not understood", bad.text)
    return None


class _Reader:
    __slots__ = ("index", "known", "parsed", "words")

    def __init__(self, words: Sequence[Word], known: Spec) -> None:
        self.words = words
        self.known = known
        self.index = 0
        self.parsed = Parsed()

    def run(self) -> Word | None:
        """Read all words; returns the first that is not understood."""
        words, operands = self.words, self.parsed.operands
        while self.index < len(words):
            word = words[self.index]
            self.index += 1
            text = word.text
            if text[:1] != "-" or text == "-":
                if maybe_option(word):
                    return word
                operands.append(word)
                if not self.known.permute:
                    break
                continue
            if text == "--" and not word.many:
                break
            good = self._long(word) if text[1] == "-" else self._short(word)
            if not good:
                return word
        operands.extend(words[self.index :])
        return None

    def _next(self) -> Word | None:
        if self.index >= len(self.words):
            return None
        value = self.words[self.index]
        self.index += 1
        return None if value.many and not value.within else value

    def _add(self, name: str, value: Word | None) -> bool:
        """Note an option that takes a value; whether it has one."""
        self.parsed.options.append((name, value))
        return value is not None

    def _long(self, word: Word) -> bool:
        name, equals, rest = word.text.partition("=")
        known = self.known
        if word.many or (word.glob and not equals):
            return False
        if equals:
            takes = name in known.values or name in known.optional
            return takes and self._add(name, Word(rest, word.glob))
        if name in known.flags or name in known.optional:
            self.parsed.options.append((name, None))
            return True
        return name in known.values and self._add(name, self._next())

    def _short(self, word: Word) -> bool:
        text, known = word.text, self.known
        if word.many:
            return False
        if known.number and text[1:].isascii() and text[1:].isdigit():
            return self._add("-#", Word(text[1:]))
        if text in known.flags and not word.glob:
            self.parsed.options.append((text, None))
            return True
        if text in known.values and not word.glob:
            return self._add(text, self._next())
        for place in range(1, len(text)):
            name = "-" + text[place]
            if name not in known.flags or word.glob:
                return self._last(name, text[place + 1 :], glob=word.glob)
            self.parsed.options.append((name, None))
        return True

    def _last(self, name: str, rest: str, *, glob: bool) -> bool:
        """The letter of a cluster that takes what follows it."""
        glued = Word(rest, glob) if rest else None
        if name in self.known.optional:
            self.parsed.options.append((name, glued))
            return True
        return name in self.known.values and self._add(name, glued or self._next())
