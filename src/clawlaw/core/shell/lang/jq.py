"""jq: programs compute; what they reach beside their input is looked for.

jq can start nothing and write nothing. It can read the environment, further files
that its options name, and modules.

Source: jq 1.8 manual.
"""

from collections.abc import Sequence
from typing import Final

import re2

from clawlaw.core.actions import EnvironmentRead
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import maybe_option, names
from clawlaw.core.shell.words import UNKNOWN, Context, Invocation, Word

FAMILY: Final = "text"
LETTERS: Final = frozenset("nrjascCMSeRhV")
FLAGS: Final = names(
    "--null-input --raw-output --raw-output0 --join-output --ascii-output --slurp"
    " --compact-output --color-output --monochrome-output --sort-keys --exit-status"
    " --raw-input --tab --stream --stream-errors --seq --unbuffered --help --version"
    " --build-configuration --binary -b"
)
# A word `env` that is no field (`.env`), and modules.
_ENVIRONMENT: Final = re2.compile(r"(?:^|[^.A-Za-z0-9_])(?:\$ENV|\$__prog_args|env)\b")
_NAMED: Final = re2.compile(
    r"(?:^|[^.A-Za-z0-9_])(?:\$ENV|env)\.([A-Za-z_][A-Za-z_0-9]*)"
)
_MODULE: Final = re2.compile(
    r"(?:^|[^.A-Za-z0-9_])(?:import|include|modulemeta|get_search_list|input_filename)\b"
)


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a jq command into effects."""
    emit.start(invocation, context, FAMILY)
    _Reader(invocation, context).run(invocation.arguments)


class _Reader:
    __slots__ = ("context", "cwd", "files", "index", "program", "texts", "words")

    def __init__(self, invocation: Invocation, context: Context) -> None:
        self.context = context
        self.cwd = invocation.cwd
        self.words: Sequence[Word] = ()
        self.index = 0
        self.program: Word | None = None
        self.files: list[Word] = []
        self.texts = False  # further operands are values, not files

    def run(self, words: Sequence[Word]) -> None:
        self.words = words
        ended = False
        while self.index < len(words):
            word = words[self.index]
            self.index += 1
            text = word.text
            if not ended and text == "--":
                ended = True
            elif not ended and text[:1] == "-" and text != "-":
                if word.many or not self._option(text):
                    emit.give_up(self.context, "jq: option is not understood", text)
                    return
            elif not ended and maybe_option(word):
                emit.give_up(self.context, "jq: word may be an option", text)
                return
            elif self.program is None:
                self.program = word
            elif not self.texts:
                self.files.append(word)
        self._effects()

    def _option(self, text: str) -> bool:
        if text in FLAGS or (text[1:] and set(text[1:]) <= LETTERS):
            return True
        if text in ("--args", "--jsonargs"):
            self.texts = True
            return True
        if text in ("--arg", "--argjson"):
            return self._value() is not None and self._value() is not None
        if text == "--indent":
            return self._value() is not None
        if text in ("--slurpfile", "--rawfile"):
            name, file = self._value(), self._value()
            if name is not None and file is not None:
                emit.read(self.context, file, self.cwd)
                return True
        return False

    def _value(self) -> Word | None:
        if self.index >= len(self.words):
            return None
        word = self.words[self.index]
        self.index += 1
        return None if word.many or word.glob else word

    def _effects(self) -> None:
        if self.program is not None:
            self._check(self.program)
        for file in self.files:
            if file.text != "-":
                emit.read(self.context, file, self.cwd)

    def _check(self, word: Word) -> None:
        text = word.text
        if word.glob:
            # An unquoted program such as .[] is a pattern, which matches no file.
            emit.read(self.context, word, self.cwd, what="list")
        if UNKNOWN in text or word.many:
            emit.give_up(self.context, "jq: program is not known exactly", text)
        elif _MODULE.search(text):
            emit.give_up(self.context, "jq: program loads a module", text)
        elif _ENVIRONMENT.search(text):
            found = tuple(_NAMED.findall(text))
            every = len(found) != len(_ENVIRONMENT.findall(text))
            self.context.emit(EnvironmentRead(() if every else found))
