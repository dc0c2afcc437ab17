"""Shells that a command starts: their text is analysed like the first.

Source: GNU Bash manual 5.3, Invoking Bash; dash(1).
"""

from typing import TYPE_CHECKING

from clawlaw.core.actions import ProcessExec
from clawlaw.core.shell.variables import is_special
from clawlaw.core.shell.words import Input, Invocation, Word
from clawlaw.core.shell.world import World, numbered

if TYPE_CHECKING:
    from clawlaw.core.shell.walk import Walk

# Shells whose language is that of the grammar, and those that only resemble it.
SAME = frozenset({"bash", "sh", "dash"})
ALIKE = frozenset({"zsh", "ksh", "ash", "mksh", "fish", "csh", "tcsh"})
SHELLS = SAME | ALIKE
_LETTERS = frozenset("euxvcs")
_LONG = frozenset({"--norc", "--noprofile", "--posix"})
_OPTIONS = frozenset({"errexit", "nounset", "xtrace", "verbose", "pipefail"})
_INPUTS = frozenset({"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})


def run(walk: "Walk", invocation: Invocation, name: str) -> None:
    """`sh -c text`, `sh file`, and `sh` that reads its input."""
    code, fed, operands = _options(walk, invocation, name)
    for variable, _ in invocation.environment:
        if is_special(variable):
            walk.opaque("a variable that changes what a shell does", variable)
    if name in ALIKE:
        walk.opaque(f"{name} reads text in its own way", "")
    if code:
        _text(walk, invocation, operands)
    elif operands and not fed:
        _file(walk, invocation, operands)
    else:
        _input(walk, invocation, invocation.stdin)


def _options(
    walk: "Walk", invocation: Invocation, name: str
) -> tuple[bool, bool, list[Word]]:
    """Whether text follows, or comes from the input; the words after the options."""
    rest = list(invocation.arguments)
    code = fed = False
    while rest and rest[0].text[:1] in {"-", "+"} and rest[0].text:
        word = rest.pop(0)
        letters = word.text[1:]
        if word.text in {"-", "--"}:
            break
        if word.known and word.text in _LONG:
            continue
        if word.known and letters.endswith("o") and rest and word.text[:2] != "--":
            letters = letters[:-1]
            if rest.pop(0).text not in _OPTIONS:
                letters += "?"
        if not word.known or not set(letters) <= _LETTERS:
            walk.opaque(f"{name} with an option", word.text)
        short = word.text[:2] != "--"
        code = code or ("c" in letters and short)
        fed = fed or ("s" in letters and short)
    return code, fed, rest


def _emit(walk: "Walk", invocation: Invocation, **fields: str) -> None:
    arguments = tuple([word.text for word in invocation.arguments])
    found = ProcessExec(invocation.program.text, arguments, family="shell", **fields)  # type: ignore[arg-type]  # code and script only
    walk.emit(found)


def _text(walk: "Walk", invocation: Invocation, operands: list[Word]) -> None:
    if not operands or not operands[0].known:
        _emit(walk, invocation, code="unknown")
        walk.opaque("text that is known only when it runs", "")
        return
    _emit(walk, invocation, code="none")
    variables = dict(invocation.environment)
    world = World(
        invocation.cwd,
        variables=variables,
        exported=frozenset(variables),
        arguments=numbered(operands[1:]) and tuple(operands[2:]),
    )
    walk.inside(operands[0].text, world, invocation.stdin)


def _file(walk: "Walk", invocation: Invocation, operands: list[Word]) -> None:
    name = operands[0].text
    if name in _INPUTS or name in walk.descriptors:
        _input(walk, invocation, walk.descriptors.get(name, invocation.stdin))
        return
    path = walk.path(operands[0], invocation.cwd)
    if path is not None:
        _emit(walk, invocation, code="file", script=path)
    else:
        _emit(walk, invocation, code="unknown")


def _input(walk: "Walk", invocation: Invocation, source: Input) -> None:
    """A shell that reads its commands: known text is analysed."""
    if source.source == "none":
        _emit(walk, invocation, code="none")  # nothing to read: nothing runs
        return
    if source.text is None:
        _emit(walk, invocation, code="input")
        return
    _emit(walk, invocation, code="none")
    walk.inside(source.text, World(invocation.cwd), Input("none", ""))


def transport(words: list[str]) -> str | None:
    """Text of a command that a client hands over as `bash -lc TEXT`.

    The executor starts its own shell for it, without start-up files.
    """
    if len(words) == 3 and words[1] in {"-c", "-lc"}:  # noqa: PLR2004
        folder, _, name = words[0].rpartition("/")
        if name in SAME | {"zsh"} and folder in {"", "/bin", "/usr/bin"}:
            return words[2]
    return None
