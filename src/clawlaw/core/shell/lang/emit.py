"""Effects as the judges of small languages say them."""

from typing import Literal

from clawlaw.core.actions import FileDelete, FileRead, FileWrite, ProcessExec
from clawlaw.core.shell.words import Context, Invocation, Word

type Code = Literal["none", "inline", "file", "input", "project", "unknown"]
type What = Literal["content", "list", "attributes"]
type How = Literal["create", "modify", "append", "attributes", "directory", "link"]
type Source = Literal["agent", "file", "network", "program", "unknown"]

# Neither kept nor read from anywhere: the streams that the executor gives.
STREAMS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/stdin"})
MAX_REASON = 400  # characters of an unknown text that an effect quotes


def start(
    invocation: Invocation,
    context: Context,
    family: str,
    *,
    code: Code = "none",
    script: str = "",
    runner: bool = False,
) -> None:
    """Say that the program runs; code of a project is where it is started."""
    if code == "project" and not script:
        script = invocation.cwd
    context.emit(
        ProcessExec(
            program=invocation.program.text,
            argv=tuple([word.text for word in invocation.arguments]),
            code=code,
            script=script,
            runner=runner,
            family=family,
        )
    )


def project(
    invocation: Invocation, context: Context, family: str, directory: str
) -> None:
    """Say that the program runs the code of the project in a directory."""
    if not directory:
        give_up(context, "directory of the project is not known", "")
    start(invocation, context, family, code="project", script=directory, runner=True)


def give_up(context: Context, reason: str, text: str) -> None:
    """Say that something is not understood, quoting not too much of it."""
    context.opaque(reason, text[:MAX_REASON])


def read(
    context: Context,
    word: Word,
    cwd: str,
    *,
    what: What = "content",
    recursive: bool = False,
) -> str | None:
    """Say that a file is read; returns its path.

    Returns:
        `None` where the path is not known; that is said then.
    """
    if word.text in STREAMS:
        return word.text
    place = context.place(word, cwd)
    if place is None:
        return None
    deep = recursive or place.recursive
    context.emit(FileRead(place.path, place.glob, deep, what))
    return place.path


def write(
    context: Context,
    word: Word,
    cwd: str,
    *,
    how: How = "create",
    source: Source = "program",
    recursive: bool = False,
) -> str | None:
    """Say that a file is written; returns its path, as :func:`read` does."""
    if word.text in STREAMS:
        return word.text
    place = context.place(word, cwd)
    if place is None:
        return None
    deep = recursive or place.recursive
    context.emit(
        FileWrite(
            path=place.path, glob=place.glob, recursive=deep, how=how, source=source
        )
    )
    return place.path


def delete(context: Context, word: Word, cwd: str, *, recursive: bool = False) -> None:
    """Say that a file or a tree is removed."""
    place = context.place(word, cwd)
    if place is not None:
        deep = recursive or place.recursive
        context.emit(FileDelete(place.path, place.glob, deep))
