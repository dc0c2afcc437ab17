"""perl: one-liners that substitute, translate and print; everything else is code.

Source: perldoc perlrun, perlop, perlre.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import re2

from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import names
from clawlaw.core.shell.words import UNKNOWN, Context, Invocation, Word

FAMILY: Final = "language"
TELLING: Final = names("-v -V --version -h --help -version -help")
# Letters without a value, then at most one that takes the rest: -i its suffix, -e and
# -F the next word. `-ie` is a suffix, which people do not mean: not understood.
_CLUSTER: Final = re2.compile(
    r"-((?:[pnwaWTXs]|l[0-7]*|0(?:[0-7]*|x[0-9a-f]+))*)"
    r"(i(?:\.[A-Za-z0-9_]+)?)?([eEF]|F[^ ]+)?"
)
_SUBSTITUTE: Final = re2.compile(
    r"s(?:/((?:\\[^\n]|[^\\/\n])*)/((?:\\[^\n]|[^\\/\n])*)/"
    r"|\|((?:\\[^\n]|[^\\|\n])*)\|((?:\\[^\n]|[^\\|\n])*)\|"
    r"|#((?:\\[^\n]|[^\\#\n])*)#((?:\\[^\n]|[^\\#\n])*)#"
    r"|,((?:\\[^\n]|[^\\,\n])*),((?:\\[^\n]|[^\\,\n])*),)([gimsxo0-9]*)"
)
_TRANSLATE: Final = re2.compile(
    r"(?:tr|y)/((?:\\[^\n]|[^\\/\n])*)/((?:\\[^\n]|[^\\/\n])*)/([cdsr]*)"
)
_MATCH: Final = r"/((?:\\[^\n]|[^\\/\n])*)/[imsx]*"
_NUMBER: Final = r"\$\. *(?:==|<=|>=|<|>|!=) *[0-9]+"
_CONDITION: Final = re2.compile(
    rf"(?:if|unless) +(?:{_MATCH}(?: *\.\.\.? *{_MATCH})?"
    rf"|{_NUMBER}|[0-9]+ *\.\. *[0-9]+|eof)"
)
_PRINT: Final = re2.compile(
    r"(?:print|next|last|chomp)(?: +(?:\$_|\$\.|\$[1-9&]|\$F\[-?[0-9]+\]))?"
)
_SPACE: Final = re2.compile(r"[ \t\n;]*")
INPUTS: Final = ("-", "/dev/stdin", "/dev/fd/0")
CODE_IN_PATTERN: Final = ("(?{", "(??{", "(?&", "(*", "@", "${", "$_", r"\N", r"\p{")


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a perl command into effects."""
    for name, value in invocation.environment:
        if name.startswith("PERL"):
            emit.give_up(context, f"perl: {name} is set", value.text)
    line = _options(invocation.arguments)
    if line is None:
        emit.start(invocation, context, FAMILY, code="unknown")
        return
    if not line.programs:
        _without_program(line, invocation, context)
        return
    plain = line.reads and all(p.known and harmless(p.text) for p in line.programs)
    emit.start(invocation, context, FAMILY, code="none" if plain else "inline")
    if not plain:
        return
    prints = line.prints or any("print" in p.text for p in line.programs)
    for word in line.rest:
        if line.suffix is not None and not prints:
            emit.delete(context, word, invocation.cwd)  # nothing of it is left
        _file(word, line.suffix, invocation, context)


@dataclass(slots=True)
class _Line:
    """What the options say.

    Attributes:
        programs: Of -e.
        rest: Words after the options.
        suffix: Of -i; `None`: not in place.
        prints: -p: each line is printed again.
        reads: -n or -p: the program runs for each line of the files.
    """

    programs: list[Word] = field(default_factory=list)
    rest: list[Word] = field(default_factory=list)
    suffix: str | None = None
    reads: bool = False
    prints: bool = False
    telling: bool = False


def _options(words: Sequence[Word]) -> _Line | None:
    line = _Line()
    index = 0
    while index < len(words):
        text = words[index].text
        if text[:1] != "-" or text == "-":
            break
        index += 1
        if text == "--":
            break
        if text in TELLING:
            line.telling = True
            return line
        hit = _CLUSTER.fullmatch(text)
        if hit is None:
            return None
        flags, suffix, last = hit.groups()
        line.prints = line.prints or "p" in flags
        line.reads = line.reads or "p" in flags or "n" in flags
        if suffix is not None and last:
            return None  # a suffix takes everything after it
        if suffix is not None:
            line.suffix = suffix[1:]
        if last in ("e", "E"):
            line.programs += words[index : index + 1]
            index += 1
        elif last == "F":
            index += 1
    line.rest = list(words[index:])
    return line


def _without_program(line: _Line, invocation: Invocation, context: Context) -> None:
    if line.telling:
        emit.start(invocation, context, FAMILY)
    elif line.rest and line.rest[0].text not in INPUTS:
        path = context.path(line.rest[0], invocation.cwd)
        emit.start(invocation, context, FAMILY, code="file", script=path or "")
    elif invocation.stdin.source == "none" and not line.rest:
        emit.start(invocation, context, FAMILY)
    else:
        emit.start(invocation, context, FAMILY, code="input")


def _file(
    word: Word, suffix: str | None, invocation: Invocation, context: Context
) -> None:
    # perl opens operands in the way that starts a program for `name|` and `|name`.
    text = word.text
    if text == "-":
        return
    ends = text[:1] + (word.within[-1:] if word.within else text[-1:])
    if set(text) & set("|<>\n") or ends.strip(" *?[]" + UNKNOWN) != ends:
        emit.give_up(context, "perl: a name may start a program", text)
        return
    emit.read(context, word, invocation.cwd)
    if suffix is None:
        return
    emit.write(context, word, invocation.cwd, how="modify", source="agent")
    if "/" in suffix or "*" in suffix:
        emit.give_up(context, "perl: where the backup goes", suffix)
    elif suffix and not word.within:
        copy = Word(text + suffix, word.glob)
        emit.write(context, copy, invocation.cwd, source="file")


def harmless(program: str) -> bool:
    """Whether a program only substitutes, translates and prints."""
    if not program.isascii() or "\r" in program:
        return False
    place = _space(program, 0)
    while place < len(program):
        after = _statement(program, place)
        if after < 0:
            return False
        end = _space(program, after)
        if end < len(program) and ";" not in program[after:end]:
            return False
        place = end
    return True


def _space(program: str, place: int) -> int:
    hit = _SPACE.match(program, place)
    return int(hit.end()) if hit else place


def _statement(program: str, place: int) -> int:
    """Place after a statement; -1: it is not listed."""
    for form in (_SUBSTITUTE, _TRANSLATE, _PRINT):
        hit = form.match(program, place)
        if hit is not None:
            break
    else:
        return -1
    if form is _SUBSTITUTE:
        parts = [part for part in hit.groups() if part is not None]
        if not _plain(parts[0], pattern=True) or not _plain(parts[1], pattern=False):
            return -1
    place = int(hit.end())
    condition = _CONDITION.match(program, place + 1)
    if condition is not None and program[place : place + 1] == " ":
        if not all(_plain(part or "", pattern=True) for part in condition.groups()):
            return -1
        place = int(condition.end())
    return place


def _plain(text: str, *, pattern: bool) -> bool:
    """Whether text that perl interpolates names nothing but groups."""
    if any(mark in text for mark in CODE_IN_PATTERN):
        return False
    place = text.find("$")
    while place >= 0:
        after = text[place + 1 : place + 2]
        group = after.isdigit() or after == "&"
        if group and text[place + 2 : place + 3] in ("[", "{", "-"):
            return False
        if not group and not (pattern and after in ("", ")", "|")):
            return False
        place = text.find("$", place + 1)
    return True
