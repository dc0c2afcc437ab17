"""What a command's first word means: function, builtin, wrapper, shell or program."""

from string import ascii_letters, digits
from typing import TYPE_CHECKING

from msgspec import structs

from clawlaw.core.actions import ProcessExec
from clawlaw.core.shell import endless, flow, outputs, settings
from clawlaw.core.shell.builtins import BUILTINS, SILENT
from clawlaw.core.shell.parse import MAX_CALLS, UnclearError
from clawlaw.core.shell.paths import normal
from clawlaw.core.shell.shells import SHELLS
from clawlaw.core.shell.shells import run as run_shell
from clawlaw.core.shell.variables import assign, environment
from clawlaw.core.shell.words import Input, Invocation, Word
from clawlaw.core.shell.world import World, numbered
from clawlaw.core.shell.wrappers import WRAPPERS

if TYPE_CHECKING:
    from clawlaw.core.shell.flow import Flow
    from clawlaw.core.shell.walk import Walk

_UNKNOWN_PROGRAM = "which program runs is known only when it runs"
# What stands in the paths of programs; a word with anything else, such as a sign of
# assignment, is not one that somebody means to start.
_PLAIN = frozenset(ascii_letters + digits + "/._-+@")
# Programs of the machine: a name there means what it means on the search path.
_SYSTEM = frozenset(
    {"/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/sbin", "/usr/sbin"}
)


def start(
    walk: "Walk", words: list[Word], world: World, given: list[tuple[str, Word]]
) -> "Flow":
    """Analyse a simple command: function, builtin or program."""
    if not words:
        for name, value in given:
            world = assign(walk, world, name, value)
        return [world], [world]
    program = words[0]
    name = program.text
    if not (program.known and name):
        walk.opaque(_UNKNOWN_PROGRAM, name)
        return [world], [world]
    if name in world.functions:
        return _call(walk, words, world, given)
    if name in BUILTINS:
        return _builtin(walk, words, world, given)
    external(
        walk,
        Invocation(
            program,
            words[1:],
            outputs.as_input(walk.stdin),
            walk.piped,
            environment(world, given) if given or world.exported else (),
            world.cwd,
        ),
    )
    same = [world]
    return same, same


def external(walk: "Walk", invocation: Invocation) -> None:
    """Analyse a program: wrapper, shell, or one with a profile."""
    program = invocation.program
    name = program.text
    if not program.known or not name.isascii() or not name:
        walk.opaque(_UNKNOWN_PROGRAM, name)
        return
    if "/" in name:
        found = _located(walk, invocation)
        if found is None:
            return
        name, invocation = found
    unwrap = WRAPPERS.get(name)
    outer, walk.limited = walk.limited, endless.bounded(name, invocation.arguments)
    if walk.limited:
        walk.endless = False
    if unwrap is not None:
        unwrap(walk, invocation, name)
    elif name in SHELLS:
        run_shell(walk, invocation, name)
    else:
        words = invocation.arguments
        if walk.endless and endless.spawns(name, words):
            walk.opaque("starts programs without an end", name)
        _profiled(walk, name, invocation)
        flows = walk.endless and not walk.limited and endless.copies(name, words)
        walk.endless = flows or endless.source(name, words)
    walk.limited = outer


def _profiled(walk: "Walk", name: str, invocation: Invocation) -> None:
    profile = walk.policy.profiles.lookup(name)
    if profile is None:
        arguments = tuple([word.text for word in invocation.arguments])
        walk.emit(ProcessExec(invocation.program.text, arguments, "unknown"))
        walk.opaque(f"program {name} is not known", name)
        return
    before = walk.said
    profile.apply(invocation, walk)
    stdin = invocation.stdin
    if stdin.within and outputs.selects(name, invocation.arguments):
        walk.said = Input("program", within=stdin.within, base=stdin.base)
    elif walk.said is not before and walk.said is not None and walk.said.within:
        walk.said = _based(walk.said, before, invocation.cwd)


def _based(said: Input, before: Input | None, cwd: str) -> Input:
    """A listing with the directory that its names are relative to."""
    if not cwd or (before is not None and before.within and before.base != cwd):
        return Input("program")  # listings of two directories, told apart by nobody
    return structs.replace(said, base=cwd)


def _located(walk: "Walk", invocation: Invocation) -> tuple[str, Invocation] | None:
    """Name and invocation of a program given by path; `None`: an own script.

    A file elsewhere that has a known program's name is both: the python of a virtual
    environment is a file of the project, and it reads its words as python does.
    """
    path = walk.path(invocation.program, invocation.cwd)
    if path is None:
        return None
    folder, _, base = normal(path).rpartition("/")
    if folder not in _SYSTEM:
        if not set(path) <= _PLAIN:
            walk.opaque("a program by a name that no program has", path)
        arguments = tuple([word.text for word in invocation.arguments])
        walk.emit(ProcessExec(path, arguments, "file", path))
        settings.check(
            walk, base, invocation.environment, known=(), runner=True,
            cwd=invocation.cwd,
        )  # fmt: skip
        if not is_program(walk, base):
            return None
    elif path != normal(path):
        walk.opaque("a program by a roundabout path", path)
    return base, Invocation(
        Word(path),
        invocation.arguments,
        invocation.stdin,
        invocation.piped,
        invocation.environment,
        invocation.cwd,
    )


def _call(
    walk: "Walk", words: list[Word], world: World, given: list[tuple[str, Word]]
) -> "Flow":
    """Analyse a function of the text where it is called."""
    function = world.functions[words[0].text]
    walk.calls += 1
    outer = walk.source
    walk.returns.append([])
    walk.locals.append({name for name, _ in given})
    try:
        if walk.calls > MAX_CALLS:
            raise UnclearError("functions within functions")
        walk.source = function.source
        inner = _given(walk, world, given).but(arguments=numbered(words[1:]))
        ok, fail = flow.statement(walk, function.body, inner)
    finally:
        walk.source = outer
        walk.calls -= 1
        back = walk.returns.pop()
        names = walk.locals.pop()
    return (
        [_left(found, world, names) for found in [*ok, *back]],
        [_left(found, world, names) for found in [*fail, *back]],
    )


def _builtin(
    walk: "Walk", words: list[Word], world: World, given: list[tuple[str, Word]]
) -> "Flow":
    """Analyse a builtin; assignments in front of it hold while it runs."""
    name = words[0].text
    if name in SILENT:
        walk.said = Input("none", "")
    walk.builtin(name, words[1:])
    if not given:
        return BUILTINS[name](walk, words[1:], world)
    if name == "read":
        given = [pair for pair in given if pair[0] != "IFS"]
    ok, fail = BUILTINS[name](walk, words[1:], _given(walk, world, given))
    names = {variable for variable, _ in given}
    return (
        [_left(found, world, names) for found in ok],
        [_left(found, world, names) for found in fail],
    )


def _given(walk: "Walk", world: World, given: list[tuple[str, Word]]) -> World:
    for name, value in given:
        world = assign(walk, world, name, value)
    return world


def is_program(walk: "Walk", name: str) -> bool:
    """Whether a name means something already."""
    return (
        name in BUILTINS
        or name in WRAPPERS
        or name in SHELLS
        or walk.policy.profiles.lookup(name) is not None
    )


def _left(found: World, outer: World, names: set[str]) -> World:
    """The world after a function: its own names and arguments are gone."""
    variables = found.variables
    if names:
        kept = {key: word for key, word in variables.items() if key not in names}
        old = outer.variables
        variables = kept | {key: old[key] for key in names if key in old}
    return found.but(arguments=outer.arguments, variables=variables)
