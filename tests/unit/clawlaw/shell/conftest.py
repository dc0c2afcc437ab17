"""A policy whose programs are a few plain ones, so that only the shell is tested."""

from collections.abc import Callable, Sequence

import pytest
from tests.unit.clawlaw.bare import bare_policy

from clawlaw.core.actions import AnyEffect, FileDelete, FileRead, Opaque, ProcessExec
from clawlaw.core.policy import Policy
from clawlaw.core.shell.walk import analyse_shell
from clawlaw.core.shell.words import Context, Input, Invocation, Word

SHOWS = frozenset(
    {"show", "other", "ls", "git", "sort", "head", "date", "nproc", "whoami"}
)  # do nothing
type Run = Callable[..., list[AnyEffect]]


class Program:
    """Reads (or with `rm` removes) its operands; `find` lists its first."""

    def __init__(self, name: str) -> None:
        self.name = name

    def apply(self, invocation: Invocation, context: Context) -> None:
        words = tuple(word.text for word in invocation.arguments)
        context.emit(ProcessExec(invocation.program.text, words, family="test"))
        if self.name in SHOWS:
            return
        if self.name == "xargs":
            self._start(invocation, context)
            return
        for word in invocation.arguments:
            if not word.text.startswith("-"):
                self._use(word, invocation.cwd, context)
        if self.name == "get":
            context.prints(Input("network"))

    def _use(self, word: Word, cwd: str, context: Context) -> None:
        place = context.place(word, cwd)
        if place is None:
            return
        kind = FileDelete if self.name == "rm" else FileRead
        context.emit(kind(place.path, glob=place.glob, recursive=place.recursive))
        if self.name == "find":
            context.lists(place.path)

    def _start(self, invocation: Invocation, context: Context) -> None:
        given = invocation.stdin
        words: Sequence[Word] = [Word("\ufffd", many=True, within=given.within)]
        if given.text is not None:
            words = [Word(part) for part in given.text.split()]
        first, *rest = [*invocation.arguments] or [Word("show")]
        context.run(Invocation(first, [*rest, *words], cwd=invocation.cwd))


class Programs:
    names = SHOWS | {"cat", "rm", "find", "grep", "wc", "xargs", "get"}

    def lookup(self, name: str) -> Program | None:
        return Program(name) if name in self.names else None


@pytest.fixture(scope="session")
def policy() -> Policy:
    return bare_policy(Programs())


@pytest.fixture(scope="session")
def run(policy: Policy) -> Run:
    def run(text: str, cwd: str = "/workspace") -> list[AnyEffect]:
        return analyse_shell(text, cwd, policy)

    return run


@pytest.fixture(scope="session")
def argv(run: Run) -> Callable[[str], list[tuple[str, ...]]]:
    """Words of every program that a text runs, builtins left out."""

    def argv(text: str) -> list[tuple[str, ...]]:
        return [
            (effect.program, *effect.argv)
            for effect in run(text)
            if isinstance(effect, ProcessExec) and effect.family != "builtin"
        ]

    return argv


@pytest.fixture(scope="session")
def opaque(run: Run) -> Callable[[str], list[str]]:
    """Reasons for which a text escalates."""

    def opaque(text: str) -> list[str]:
        return [e.reason for e in run(text) if isinstance(e, Opaque)]

    return opaque
