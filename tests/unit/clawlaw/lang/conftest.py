"""A context that notes what a judge says, and command lines as words."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from clawlaw.core.actions import AnyEffect, Opaque, ProcessExec
from clawlaw.core.shell.lang import HANDLERS
from clawlaw.core.shell.words import UNKNOWN, Input, Invocation, Place, Word

CWD = "/workspace"
# Programs that share a judge.
SAME = {"gawk": "awk", "mawk": "awk", "python3": "python"}


@dataclass
class Recorder:
    """Notes everything that a judge says, and judges the commands that it starts."""

    home: str = "/home/agent"
    effects: list[AnyEffect] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    shells: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    printed: list[Input] = field(default_factory=list)

    def place(self, word: Word, cwd: str) -> Place | None:
        if word.within:
            return Place(word.within, recursive=True)
        if word.many or UNKNOWN in word.text or (not cwd and word.text[:1] != "/"):
            self.opaque("path is not known", word.text)
            return None
        path = word.text if word.text[:1] == "/" else f"{cwd}/{word.text}"
        if word.text in (".", "./"):
            path = cwd
        return Place(path.replace("/./", "/").rstrip("/") or "/", glob=word.glob)

    def path(self, word: Word, cwd: str) -> str | None:
        place = self.place(word, cwd)
        return None if place is None else place.path

    def lists(self, directory: str) -> None:
        self.listed.append(directory)

    def prints(self, output: Input) -> None:
        self.printed.append(output)

    def emit(self, effect: AnyEffect) -> None:
        self.effects.append(effect)

    def opaque(self, reason: str, at: str) -> None:
        self.effects.append(Opaque(reason=reason, at=at))

    def run(self, invocation: Invocation) -> None:
        words = [invocation.program, *invocation.arguments]
        self.runs.append(" ".join(word.text for word in words))
        name = invocation.program.text
        judge = HANDLERS.get(SAME.get(name, name))
        if judge is not None:
            judge(invocation, self)

    def shell(self, text: str, cwd: str) -> None:
        assert cwd is not None
        self.shells.append(text)

    @property
    def clean(self) -> bool:
        """Whether nothing asks: no opaque effect, and no code that is not known."""
        return not any(
            isinstance(effect, Opaque)
            or (
                isinstance(effect, ProcessExec)
                and effect.code not in ("none", "project")
            )
            for effect in self.effects
        )

    @property
    def said(self) -> list[str]:
        """Effects after the first, in short: kind, what, marks."""
        return [short(effect) for effect in self.effects[1:]]


def short(effect: AnyEffect) -> str:
    """`kind path marks` of an effect, for a test to compare."""
    kind = str(effect.__struct_config__.tag)
    defaults = dict(
        zip(
            reversed(effect.__struct_fields__),
            reversed(effect.__struct_defaults__),
            strict=False,
        )
    )
    parts = [kind]
    for index, name in enumerate(effect.__struct_fields__):
        value = getattr(effect, name)
        if index == 0:
            parts.append(str(value))
        elif value != defaults.get(name):
            if isinstance(value, bool):
                parts.append(name)
            elif isinstance(value, tuple):
                parts.append(f"{name}={','.join(value)}")
            else:
                parts.append(f"{name}={value}")
    return " ".join(parts)


type Judged = Callable[..., Recorder]


def words(line: str) -> list[Word]:
    """Words of a line; unquoted `*` and `?` are patterns, `%%` is an unknown part."""
    found = []
    begin = 0
    text = line + " "
    quote = ""
    for index, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == " " and text[index - 1] != "\\":
            raw = text[begin:index]
            begin = index + 1
            if raw:
                found.append(_word(raw))
    return found


def _word(raw: str) -> Word:
    glob = not any(c in raw for c in "'\"\\") and any(c in raw for c in "*?")
    (value,) = shlex.split(raw)
    return Word(value.replace("%%", UNKNOWN), glob=glob)


@pytest.fixture(scope="session")
def judged() -> Judged:
    """Judge a command line, given as text or as words."""

    def judge(
        line: str | list[Word], stdin: Input | None = None, **environment: str
    ) -> Recorder:
        program, *arguments = words(line) if isinstance(line, str) else line
        recorder = Recorder()
        name = SAME.get(program.text, program.text)
        HANDLERS[name](
            Invocation(
                program=program,
                arguments=arguments,
                stdin=stdin or Input(),
                environment=[(k, Word(v)) for k, v in environment.items()],
                cwd=CWD,
            ),
            recorder,
        )
        return recorder

    return judge
