"""What the shell does itself; a builtin that is not listed here is opaque.

Source: GNU Bash manual 5.3, Shell Builtin Commands.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from clawlaw.core.actions import EnvironmentRead, ProcessSignal
from clawlaw.core.shell import evaluating, printing
from clawlaw.core.shell.paths import join, normal
from clawlaw.core.shell.variables import assign, is_name
from clawlaw.core.shell.words import Word
from clawlaw.core.shell.world import ANY, World, below, numbered, small

if TYPE_CHECKING:
    from clawlaw.core.shell.flow import Flow
    from clawlaw.core.shell.walk import Walk

type Builtin = Callable[["Walk", Sequence[Word], World], "Flow"]


def same(_walk: "Walk", _words: Sequence[Word], world: World) -> "Flow":
    """A builtin that changes nothing."""
    return [world], [world]


def opaque(name: str) -> Builtin:
    """A builtin that is known and not followed."""

    def run(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
        walk.opaque(f"{name} changes what later words mean", _text(words))
        return [world], [world]

    return run


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _cd(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    operands = list(words)
    while operands and operands[0].text in {"-L", "--"}:
        operands.pop(0)
    if not operands:
        target = walk.home
    elif operands[0].text == "-":
        target = world.previous
    elif len(operands) == 1 and operands[0].known and operands[0].text[:1] != "-":
        target = join(world.cwd, operands[0].text or ".")
    else:
        target = ""
    cwd = normal(target) if target else ""
    return [world.but(cwd=cwd, previous=world.cwd)], [world]


def _pushd(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    if len(words) != 1 or words[0].text[:1] in {"-", "+"}:
        return opaque("pushd")(walk, words, world)
    ok, fail = _cd(walk, words, world)
    return [ok[0].but(stack=(*world.stack, world.cwd))], fail


def _popd(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    if words or not world.stack:
        return opaque("popd")(walk, words, world)
    changed = world.but(cwd=world.stack[-1], previous=world.cwd, stack=world.stack[:-1])
    return [changed], [world]


def _exit(walk: "Walk", _words: Sequence[Word], world: World) -> "Flow":
    if walk.traps:
        evaluating.run_traps(walk, [world])
    return [], []


def _return(walk: "Walk", _words: Sequence[Word], world: World) -> "Flow":
    if not walk.returns:
        return [world], [world]
    walk.returns[-1].append(world)
    return [], []


def _break(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    return _leave(walk, walk.breaks, words, world)


def _continue(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    return _leave(walk, walk.rounds, words, world)


def _leave(
    walk: "Walk", left: list[list[World]], words: Sequence[Word], world: World
) -> "Flow":
    if not left:
        return [world], [world]
    if words and _text(words) != "1":
        return opaque("break")(walk, words, world)
    left[-1].append(world)
    return [], []


def _shift(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    count = small(_text(words) or "1")
    if world.arguments is None or count is None:
        walk.opaque("arguments that are shifted", _text(words))
        return [world], [world]
    return [world.but(arguments=world.arguments[count:])], [world]


def _read(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`read`: names become unknown, or lines of what is read."""
    names: list[str] = []
    index = 0
    while index < len(words):
        text = words[index].text
        index += 1
        if not words[index - 1].known:
            return opaque("read")(walk, words, world)
        if text in {"-p", "-d", "-n", "-N", "-t", "-u", "-i"}:
            index += 1
        elif text.startswith("-"):
            if not set(text[1:]) <= set("rse"):
                return opaque("read")(walk, words, world)
        else:
            names.append(text)
    if not all(map(is_name, names)):
        return opaque("read")(walk, words, world)
    value = below(walk.stdin.names_below(world.cwd)) if len(names) == 1 else ANY
    for name in names or ["REPLY"]:
        world = assign(walk, world, name, value)
    return [world], [world]


def _mapfile(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    *options, name = words or [Word("MAPFILE")]
    if not is_name(name.text) or any(option.text != "-t" for option in options):
        return opaque("mapfile")(walk, words, world)
    values = (below(walk.stdin.names_below(world.cwd), many=True),)
    return [world.but(arrays={**world.arrays, name.text: values})], [world]


def _getopts(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    if len(words) not in {2, 3} or not is_name(words[1].text):
        return opaque("getopts")(walk, words, world)
    world = assign(walk, world, words[1].text, ANY)
    return [assign(walk, world, "OPTARG", ANY)], [world]


_SET_LETTERS = frozenset("euxvE")
_SET_NAMES = frozenset(
    {"errexit", "nounset", "xtrace", "verbose", "pipefail", "errtrace"}
)


def _set(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    if not words:
        walk.emit(EnvironmentRead())
    stops = world.stops
    index = 0
    while index < len(words):
        word = words[index]
        sign, letters = word.text[:1], word.text[1:]
        index += 1
        if word.text == "--":
            arguments = numbered(words[index:])
            return [world.but(arguments=arguments, stops=stops)], [world]
        if not word.known or sign not in {"-", "+"} or not letters:
            return opaque("set")(walk, words, world)
        if letters.endswith("o"):
            name = words[index].text if index < len(words) else ""
            index += 1
            letters = letters[:-1]
            if name not in _SET_NAMES:
                return opaque("set")(walk, words, world)
            if name == "errexit":
                stops = sign == "-"
        if not set(letters) <= _SET_LETTERS:
            return opaque("set")(walk, words, world)
        if "e" in letters:
            stops = sign == "-"
    changed = world.but(stops=stops)
    return [changed], [changed]


_SHOPT = frozenset({"nullglob", "globstar", "failglob", "checkwinsize", "histappend"})


def _shopt(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    texts = [word.text for word in words]
    if texts and texts[0] in {"-s", "-u"} and set(texts[1:]) <= _SHOPT:
        return [world], [world]
    return opaque("shopt")(walk, words, world)


def _kill(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    if any(word.text in {"-l", "-L"} for word in words):
        return [world], [world]
    operands = list(words)
    if operands and operands[0].text in {"-s", "-n"}:
        operands = operands[2:]
    elif len(operands) > 1 and operands[0].text.startswith("-"):
        operands = operands[1:]
    for word in operands:
        if word.text == "--":
            continue
        plain = word.text.isascii() and word.text.isdigit()
        job = word.text.startswith("%")
        if not plain and not job and word.known:
            walk.opaque("more processes than one", word.text)
        by = "id" if plain or not word.known else "job" if job else "pattern"
        walk.emit(ProcessSignal(word.text, by))  # type: ignore[arg-type]  # listed names
    return [world], [world]


def _hash(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    if _text(words) in {"", "-r"}:
        return [world], [world]
    return opaque("hash")(walk, words, world)


def _wait(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`wait`: with -p it binds a name, whose subscript would be evaluated."""
    if any(word.text[:1] == "-" and "p" in word.text for word in words):
        return opaque("wait")(walk, words, world)
    return same(walk, words, world)


def _history(walk: "Walk", words: Sequence[Word], world: World) -> "Flow":
    """`history`: the executor's shell keeps none; with options it reads and writes."""
    if len(words) > 1 or any(small(word.text) is None for word in words):
        return opaque("history")(walk, words, world)
    return [world], [world]


BUILTINS: dict[str, Builtin] = {
    **dict.fromkeys((":", "true", "false", "jobs", "times", "umask"), same),
    **dict.fromkeys(("type", "dirs", "ulimit", "caller", "sleep", "unalias"), same),
    **{
        name: opaque(name)
        for name in (
            "bind",
            "compgen",
            "complete",
            "compopt",
            "coproc",
            "disown",
            "enable",
            "fc",
            "fg",
            "bg",
            "help",
            "suspend",
            "logout",
        )
    },
    "echo": printing.echo,
    "printf": printing.printf,
    "pwd": printing.pwd,
    "test": evaluating.test,
    "[": evaluating.test,
    "let": evaluating.let,
    "eval": evaluating.evaluate,
    "trap": evaluating.trap,
    "alias": evaluating.alias,
    "source": evaluating.source,
    ".": evaluating.source,
    "command": evaluating.command,
    "builtin": evaluating.builtin,
    "exec": evaluating.execute,
    "cd": _cd,
    "pushd": _pushd,
    "popd": _popd,
    "exit": _exit,
    "return": _return,
    "break": _break,
    "continue": _continue,
    "shift": _shift,
    "read": _read,
    "mapfile": _mapfile,
    "readarray": _mapfile,
    "getopts": _getopts,
    "set": _set,
    "shopt": _shopt,
    "history": _history,
    "kill": _kill,
    "hash": _hash,
    "wait": _wait,
}
# Builtins that print nothing.
SILENT = frozenset(
    {":", "true", "false", "cd", "exit", "return", "break", "continue", "shift", "read",
     "set", "shopt", "sleep", "test", "[", "wait", "trap", "let"}
)  # fmt: skip
