"""sed: scripts are read command by command; files and programs they name are effects.

Source: GNU sed 4.9 manual, "Invoking sed".
"""

from typing import Final

from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import Parsed, parse, spec
from clawlaw.core.shell.lang.sed_script import Script, SedError, read_script
from clawlaw.core.shell.words import Context, Invocation, Word

FAMILY = "text"
OPTIONS = spec(
    "-n --quiet --silent -E -r --regexp-extended -s --separate -z --null-data -u"
    " --unbuffered -b --binary --posix --sandbox --debug --follow-symlinks --help"
    " --version -a",
    "-e --expression -f --file -l --line-length",
    "-i --in-place",
)


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a sed command into effects."""
    words = _without_empty_suffix(list(invocation.arguments))
    parsed = parse(words, OPTIONS, context)
    if parsed is None:
        emit.start(invocation, context, FAMILY, code="unknown")
        return
    text = _script(parsed, invocation, context)
    if text is None:
        return
    try:
        script = read_script(text)
    except SedError as error:
        emit.start(invocation, context, FAMILY, code="inline")
        emit.give_up(context, f"sed: {error}", text)
        return
    emit.start(invocation, context, FAMILY, code="inline" if script.runs else "none")
    _effects(script, parsed, invocation, context)


EMPTYING: Final = frozenset({"d", "1,$d", "D", "/^/d", "/./d", "/.*/d", "{d}"})


def _without_empty_suffix(words: list[Word]) -> list[Word]:
    # BSD sed wants `-i ''`, for GNU the same words name an empty script.
    for index, word in enumerate(words[:-1]):
        following = words[index + 1]
        if word.text == "-i" and not following.text and following.known:
            return [*words[: index + 1], *words[index + 2 :]]
    return words


def _script(parsed: Parsed, invocation: Invocation, context: Context) -> str | None:
    parts: list[str] = []
    for name, value in parsed.options:
        if value is None:
            continue
        if name in ("-f", "--file"):
            _script_file(value, invocation, context)
            return None
        if name in ("-e", "--expression"):
            parts.append(value.text if value.known else "\ufffd")
    if not parts:
        if not parsed.operands:
            emit.start(invocation, context, FAMILY)
            if not parsed.has("--help", "--version"):
                emit.give_up(context, "sed: no script", "")
            return None
        first = parsed.operands.pop(0)
        parts.append(first.text if first.known else "\ufffd")
    return "\n".join(parts)


def _script_file(value: Word, invocation: Invocation, context: Context) -> None:
    path = context.path(value, invocation.cwd)
    emit.start(invocation, context, FAMILY, code="file", script=path or "")
    emit.give_up(context, "sed: the script is in a file", value.text)


def _effects(
    script: Script, parsed: Parsed, invocation: Invocation, context: Context
) -> None:
    cwd = invocation.cwd
    for text in script.runs:
        if text:
            context.shell(text, cwd)
        else:
            emit.give_up(context, "sed: runs its input as commands", "e")
    for name in script.reads:
        emit.read(context, Word(name), cwd)
    in_place = parsed.has("-i", "--in-place")
    for word in parsed.operands:
        if word.text == "-" and not in_place:
            continue
        emit.read(context, word, cwd)
        if in_place and _is_empty(parsed, script):
            emit.delete(context, word, cwd)  # nothing of it is left
        if in_place:
            emit.write(context, word, cwd, how="modify", source="agent")
            _backup(parsed, word, cwd, context)
    for name in script.writes:
        emit.write(context, Word(name), cwd, source="file")


def _is_empty(parsed: Parsed, script: Script) -> bool:
    """Whether nothing of any line is printed again."""
    text = script.text.strip().rstrip(";").strip()
    quiet = parsed.has("-n", "--quiet", "--silent")
    return text in EMPTYING or (quiet and not {"p", "P", "l"} & set(text))


def _backup(parsed: Parsed, word: Word, cwd: str, context: Context) -> None:
    suffix = parsed.last("-i", "--in-place")
    if suffix is None or word.within:
        return  # in the same tree, which the write names already
    if not suffix.known or "/" in suffix.text or "*" in suffix.text:
        emit.give_up(context, "sed: where the backup goes", suffix.text)
        return
    copy = Word(word.text + suffix.text, word.glob)
    emit.write(context, copy, cwd, source="file")
