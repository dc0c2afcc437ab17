"""What the parts of the shell analysis hand to each other.

A command line becomes words, words become effects. A word is what the executor's
shell would pass to the program, as far as the text alone tells.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct, field

from clawlaw.core.actions import AnyEffect

UNKNOWN = "\ufffd"  # stands for each part of a word that only a run would tell


class Word(Struct, frozen=True):
    """One word after expansion.

    Attributes:
        text: The value; parts that are not known are `UNKNOWN`.
        glob: Holds an unquoted pattern, which the shell expands to paths.
        many: May become any number of words (unquoted expansion, "$@", {..}).
        within: Absolute directory; the word names something found in its tree (by
            find, git ls-files, grep -l), though not known which. The text then
            begins with a directory and so is no option.
    """

    text: str
    glob: bool = False
    many: bool = False
    within: str = ""

    @property
    def known(self) -> bool:
        """Whether the word is exactly its text."""
        return UNKNOWN not in self.text and not self.glob and not self.many


class Match(Word, frozen=True):
    """One of the paths that a pattern matches: `"$f"` in `for f in *.txt`."""


class Input(Struct, frozen=True):
    """What a command reads on its standard input.

    Attributes:
        source: "none" is the executor's empty input.
        text: The bytes, where all of them are known ("agent" only).
        within: Absolute directory; the input is nothing but names found in its tree.
        base: Absolute directory that the names are relative to, "" where they are
            absolute; from another directory they name other files.
    """

    source: Literal["none", "agent", "file", "network", "program", "unknown"] = "none"
    text: str | None = None
    within: str = ""
    base: str = ""

    def names_below(self, cwd: str) -> str:
        """Directory that the names are in, as seen from `cwd`; "" if unknown."""
        return self.within if self.base in ("", cwd) else ""


class Invocation(Struct, frozen=True):
    """One simple command, wrappers already taken off.

    Attributes:
        program: Word of the program's name; its base name selects the profile.
        arguments: After the name.
        stdin: What it reads.
        piped: Its output goes to another program.
        environment: Assignments in front of it.
        cwd: Absolute directory it starts in; "" where unknown.
    """

    program: Word
    arguments: Sequence[Word]
    stdin: Input = field(default_factory=Input)
    piped: bool = False
    environment: Sequence[tuple[str, Word]] = ()
    cwd: str = ""


class Place(Struct, frozen=True):
    """What an operand reaches.

    Attributes:
        path: Absolute.
        glob: It is a pattern.
        recursive: The operand is something in the tree at `path`, not known which.
    """

    path: str
    glob: bool = False
    recursive: bool = False


class Context(Protocol):
    """What a profile may ask of the analysis while it turns a command into effects."""

    @property
    def home(self) -> str:
        """Absolute home directory of the executor's user."""

    def path(self, word: Word, cwd: str) -> str | None:
        """Absolute path of a word, joined, `..` kept; of one `within`, that directory.

        Returns:
            `None`, and an opaque effect is added, where it is not known; so it is
            for a word of which only `within` is known.
        """

    def place(self, word: Word, cwd: str) -> Place | None:
        """As `path`, for operands whose effects can be recursive or patterns.

        Returns:
            `None`, and an opaque effect is added, where nothing confines the word.
        """

    def lists(self, directory: str) -> None:
        """Say that the command prints paths at or below a directory, one a line."""

    def prints(self, output: Input) -> None:
        """Say what the command prints, where effects do not tell it."""

    def emit(self, effect: AnyEffect) -> None:
        """Add an effect."""

    def opaque(self, reason: str, at: str) -> None:
        """Add an effect that always escalates."""

    def run(self, invocation: Invocation) -> None:
        """Analyse a command that this one starts (xargs, find -exec, env, timeout)."""

    def shell(self, text: str, cwd: str) -> None:
        """Analyse text that a shell will run (sh -c, make recipes given inline)."""
