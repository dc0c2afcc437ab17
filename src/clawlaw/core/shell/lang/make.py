"""make: runs the project's own recipes; what the command line adds is looked at.

Source: GNU make 4.4 manual, "Summary of Options".
"""

from collections.abc import Sequence
from typing import Final

import re2

from clawlaw.core.actions import FileRead
from clawlaw.core.shell.kinds.programs import outward
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import names, parse, spec
from clawlaw.core.shell.words import Context, Invocation, Word

FAMILY: Final = "build"
OPTIONS: Final = spec(
    "-B --always-make -b -m -d -e --environment-overrides -i --ignore-errors -k"
    " --keep-going -L --check-symlink-times -n --just-print --dry-run --recon"
    " --no-print-directory -q --question -r --no-builtin-rules -R"
    " --no-builtin-variables -s --silent --quiet --no-silent -S --no-keep-going --stop"
    " -t --touch --trace -v --version -h --help -w --print-directory"
    " --warn-undefined-variables",
    "-C --directory -f --file --makefile -o --old-file --assume-old -W --what-if"
    " --new-file --assume-new -I --include-dir",
    "-j --jobs -l --load-average --max-load -O --output-sync --debug",
)
TELLING: Final = ("-v", "--version", "-h", "--help")
ASSIGNMENT: Final = re2.compile(
    r"([A-Za-z_][A-Za-z_0-9]*)(?::{0,3}|\?|\+)=([A-Za-z0-9_.,:+=@%-]*)"
)
# Variables that make itself runs or reads by.
REFUSED: Final = names(
    "SHELL MAKE MAKEFLAGS GNUMAKEFLAGS MFLAGS MAKEFILES MAKEFILE_LIST BASH_ENV ENV PATH"
    " LD_PRELOAD LD_LIBRARY_PATH"
)
# Targets whose usual work is outside the project.
OUTWARD: Final = names("deploy publish release upload push install uninstall")


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a make command into effects."""
    parsed = parse(invocation.arguments, OPTIONS, context)
    if parsed is None:
        emit.start(invocation, context, FAMILY, code="inline")
        return
    if parsed.has(*TELLING):
        emit.start(invocation, context, FAMILY)
        return
    files = parsed.each("-f", "--file", "--makefile")
    if any(file.text in ("-", "/dev/stdin") for file in files):
        emit.start(invocation, context, FAMILY, code="inline")
        return
    cwd = invocation.cwd
    for directory in parsed.each("-C", "--directory"):
        cwd = context.path(directory, cwd) or ""
    if files:
        path = context.path(files[-1], cwd)
        emit.start(invocation, context, FAMILY, code="file", script=path or "")
    else:
        emit.project(invocation, context, FAMILY, cwd)
    if cwd != invocation.cwd:
        _elsewhere(cwd, invocation.cwd, context)
    for file in files[:-1]:
        emit.give_up(context, "make: several files of rules", file.text)
    for include in parsed.each("-I", "--include-dir"):
        _elsewhere(context.path(include, cwd) or "", invocation.cwd, context)
    _environment(invocation, context)
    shows = parsed.has("-n", "--just-print", "--dry-run", "--recon", "-q", "--question")
    _operands(
        [w for w in parsed.operands if not (shows and w.text in OUTWARD)], context
    )


def _environment(invocation: Invocation, context: Context) -> None:
    """Variables of the environment are make's own, and are expanded like them."""
    for name, value in invocation.environment:
        if name in REFUSED or not value.known or set(value.text) & set("$`"):
            emit.give_up(context, f"make: {name} may hold a command", value.text)


def _elsewhere(cwd: str, before: str, context: Context) -> None:
    """Rules of another directory: of the same project only below or above this one."""
    context.emit(FileRead(path=cwd, what="list"))
    near = f"{cwd}/".startswith(f"{before}/") or f"{before}/".startswith(f"{cwd}/")
    if not cwd or not before or not near or "/.." in cwd:
        emit.give_up(context, "make: rules from elsewhere", cwd)


def _operands(words: Sequence[Word], context: Context) -> None:
    for word in words:
        _operand(word, context)


def _operand(word: Word, context: Context) -> None:
    text = word.text
    if "=" in text:
        hit = ASSIGNMENT.fullmatch(text)
        if hit is None or hit.group(1) in REFUSED or not word.known:
            emit.give_up(context, "make: variable may hold a command", text)
    elif not word.known:
        emit.give_up(context, "make: target is not known", text)
    elif text in OUTWARD or outward(text):
        emit.give_up(context, "make: target works outside the project", text)
