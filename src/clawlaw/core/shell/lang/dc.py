"""dc: a calculator whose commands include `!`, which runs a program.

Source: GNU dc 1.5 manual, "Miscellaneous"; POSIX has no dc.
"""

from typing import Final

import re2

from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import parse, spec
from clawlaw.core.shell.words import Context, Invocation, Word

FAMILY: Final = "text"
OPTIONS: Final = spec("-V --version -h --help", "-e --expression -f --file")
# `!<`, `!=` and `!>` compare; every other `!` runs the rest of its line.
_RUNS: Final = re2.compile(r"!(?:[^<=>]|$)")


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a dc command into effects."""
    parsed = parse(invocation.arguments, OPTIONS, context)
    if parsed is None:
        emit.start(invocation, context, FAMILY, code="unknown")
        return
    given = invocation.stdin
    texts = parsed.each("-e", "--expression")
    files = [*parsed.each("-f", "--file"), *parsed.operands]
    if given.source != "none" and (not (texts or files) or _names_input(files)):
        texts.append(Word("\ufffd" if given.text is None else given.text))
    files = [file for file in files if file.text != "-"]
    plain = all(text.known and harmless(text.text) for text in texts)
    script = context.path(files[0], invocation.cwd) if files else None
    code: emit.Code = "inline"
    if plain:
        code = "file" if files else "none"
    emit.start(invocation, context, FAMILY, code=code, script=script or "")
    for file in files:
        emit.read(context, file, invocation.cwd)


def _names_input(files: list[Word]) -> bool:
    return any(file.text == "-" for file in files)


def harmless(text: str) -> bool:
    """Whether commands only calculate: none is `!`, and none makes a text to run."""
    # `a` makes a character of a number and `x` runs a text, so `33ax` is a `!`.
    return not _RUNS.search(text) and not {"a", "x", "?"} & set(text)
