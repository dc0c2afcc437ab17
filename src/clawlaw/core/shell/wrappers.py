"""Programs that start another: the command they start is analysed in their place.

Each is a table of its options; a command line with an option outside the table is
opaque, and what follows is analysed all the same.

Source: GNU coreutils 9.5, findutils 4.10, util-linux 2.40 manuals; sudo(8), doas(1).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clawlaw.core.actions import EnvironmentRead, ProcessExec, SystemChange
from clawlaw.core.shell.paths import join
from clawlaw.core.shell.variables import is_name
from clawlaw.core.shell.words import UNKNOWN, Invocation, Word

if TYPE_CHECKING:
    from clawlaw.core.shell.walk import Walk


@dataclass(frozen=True, slots=True)
class Wrapper:
    """How one program's words lead to the command that it starts.

    Attributes:
        flags: Options without a value.
        values: Options with a value, in the next word or behind the option.
        operands: Words before the command.
        assigns: `NAME=value` may stand before the command.
        empty: It may stand alone.
    """

    flags: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    operands: int = 0
    assigns: bool = False
    empty: bool = False


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PLAIN: dict[str, Wrapper] = {
    "nohup": Wrapper(),
    "setsid": Wrapper(_set("-c -f -w --ctty --fork --wait")),
    "timeout": Wrapper(
        _set("-v --verbose --foreground --preserve-status -f -p"),
        _set("-k --kill-after -s --signal"),
        operands=1,
    ),
    "stdbuf": Wrapper(values=_set("-i -o -e --input --output --error")),
    "nice": Wrapper(_set("-5 -10 -15 -19"), _set("-n --adjustment"), empty=True),
    "ionice": Wrapper(_set("-t"), _set("-c -n --class --classdata")),
    "time": Wrapper(_set("-p -v --verbose")),
    "flock": Wrapper(
        _set("-n -x -s -e -u -o -F --nonblock --exclusive --shared --close"),
        _set("-w -E --timeout --wait --conflict-exit-code"),
        operands=1,
    ),
    "taskset": Wrapper(_set("-c"), operands=1),
    "caffeinate": Wrapper(_set("-d -i -m -s -u"), _set("-t")),
    "chronic": Wrapper(_set("-v -e")),
}


_WAITS = frozenset({"-w", "--wait"})  # of setsid


def _plain(walk: "Walk", invocation: Invocation, name: str) -> None:
    wrapper = _PLAIN[name]
    _exec(walk, invocation)
    rest = _skip(walk, wrapper, list(invocation.arguments), name)
    if len(rest) < wrapper.operands:
        walk.opaque(f"{name} without a command", "")
        return
    rest = rest[wrapper.operands :]
    if name == "flock" and rest and rest[0].text in {"-c", "--command"}:
        _shell(walk, invocation, rest[1:])
        return
    if name == "setsid" and not any(w.text in _WAITS for w in invocation.arguments):
        walk.opaque("setsid does not wait for what it starts", "")
    if name == "chronic":
        walk.opaque("chronic is not part of the system", "")
    inner(walk, invocation, rest, name, empty=wrapper.empty)


def _exec(walk: "Walk", invocation: Invocation) -> None:
    arguments = tuple([word.text for word in invocation.arguments])
    walk.emit(ProcessExec(invocation.program.text, arguments, family="wrapper"))


def _skip(walk: "Walk", wrapper: Wrapper, words: list[Word], name: str) -> list[Word]:
    """Words after the options; one that is not listed is opaque and skipped."""
    while words and words[0].text[:1] == "-" and words[0].text != "-":
        word = words.pop(0)
        text = word.text
        if text == "--":
            break
        option, sign, _ = text.partition("=")
        if not word.known:
            walk.opaque(f"{name} with an option", text)
        elif text in wrapper.values:
            if words and not words.pop(0).known:
                walk.opaque(f"{name} with a value that is not known", text)
        elif text in wrapper.flags or (sign and option in wrapper.values):
            continue
        elif text[:2] == "--" or text[:2] not in wrapper.values:
            walk.opaque(f"{name} with an option", text)
    return words


def inner(
    walk: "Walk",
    invocation: Invocation,
    words: Sequence[Word],
    name: str,
    *,
    empty: bool = False,
    environment: Sequence[tuple[str, Word]] = (),
) -> None:
    """Analyse the command that a wrapper starts."""
    if not words:
        if not empty:
            walk.opaque(f"{name} without a command", "")
        return
    walk.run(
        Invocation(
            words[0],
            words[1:],
            invocation.stdin,
            invocation.piped,
            (*invocation.environment, *environment),
            invocation.cwd,
        )
    )


def _shell(walk: "Walk", invocation: Invocation, words: Sequence[Word]) -> None:
    if len(words) != 1 or not words[0].known:
        walk.opaque("text that is known only when it runs", "")
        return
    walk.shell(words[0].text, invocation.cwd)


def _env(walk: "Walk", invocation: Invocation, name: str) -> None:
    """`env`: without a command it shows every variable."""
    _exec(walk, invocation)
    words = list(invocation.arguments)
    given: list[tuple[str, Word]] = []
    cwd = invocation.cwd
    while words:
        text = words[0].text
        variable, sign, value = text.partition("=")
        if sign and text[:1] != "-":
            # Any word with a sign is one for env, whatever stands before it.
            if not is_name(variable):
                walk.opaque("env sets a variable of no plain name", text)
            given.append((variable, Word(value)))
            if not words[0].known:
                given[-1] = (variable, Word(UNKNOWN))
        elif text in {"-u", "--unset", "-C", "--chdir"} and len(words) > 1:
            target = words.pop(1)
            if text in {"-C", "--chdir"}:
                cwd = join(cwd, target.text) if target.known else ""
        elif text not in {"-i", "-", "--ignore-environment", "-0", "--"}:
            if text[:1] != "-" and words[0].known:
                break
            walk.opaque("env with an option", text)
        words.pop(0)
    if not words:
        walk.emit(EnvironmentRead())
        return
    moved = Invocation(
        invocation.program,
        (),
        invocation.stdin,
        invocation.piped,
        invocation.environment,
        cwd,
    )
    inner(walk, moved, words, name, environment=given)


_SUDO = Wrapper(
    _set("-E -n -H -S -k -b -A --preserve-env --non-interactive --set-home --stdin"),
    _set("-u -g -p --user --group --prompt"),
)


def _sudo(walk: "Walk", invocation: Invocation, name: str) -> None:
    """`sudo`, `doas`: the command runs with another user's rights."""
    _exec(walk, invocation)
    walk.emit(SystemChange("privilege", name))
    words = list(invocation.arguments)
    if len(words) == 1 and words[0].text in {"-v", "-l", "-V", "-K", "-k"}:
        return
    rest = _skip(walk, _SUDO, words, name)
    while rest and is_name(rest[0].text.partition("=")[0]) and "=" in rest[0].text:
        walk.opaque("a variable for another user's program", rest.pop(0).text)
    inner(walk, invocation, rest, name)


_WATCH = Wrapper(
    _set("-d -t -b -e -g -c -p -x --differences --no-title --color --exec"),
    _set("-n --interval"),
)


def _watch(walk: "Walk", invocation: Invocation, name: str) -> None:
    """`watch`: its words are text of a shell."""
    _exec(walk, invocation)
    words = list(invocation.arguments)
    rest = _skip(walk, _WATCH, words, name)
    if all(word.known for word in rest) and rest:
        walk.shell(" ".join(word.text for word in rest), invocation.cwd)
    else:
        walk.opaque("text that is known only when it runs", "")


def _busybox(walk: "Walk", invocation: Invocation, name: str) -> None:
    _exec(walk, invocation)
    inner(walk, invocation, list(invocation.arguments), name, empty=True)


def _closed(walk: "Walk", invocation: Invocation, name: str) -> None:
    """Programs that start others in ways that are not followed."""
    _exec(walk, invocation)
    walk.opaque(f"{name} starts commands that are not followed", "")
    rest = [word for word in invocation.arguments if word.text[:1] != "-"]
    if rest:
        inner(walk, invocation, rest, name)


type Unwrap = Callable[["Walk", Invocation, str], None]

WRAPPERS: dict[str, Unwrap] = {
    **dict.fromkeys(_PLAIN, _plain),
    "env": _env,
    "sudo": _sudo,
    "doas": _sudo,
    "watch": _watch,
    "busybox": _busybox,
    "toybox": _busybox,
    **dict.fromkeys(
        ("parallel", "unshare", "nsenter", "chroot", "script", "strace", "ltrace",
         "gdb", "firejail", "bwrap", "proot", "runuser", "su", "pkexec", "systemd-run",
         "entr", "unbuffer", "expect", "setarch", "chrt", "numactl", "daemonize"),
        _closed,
    ),
}  # fmt: skip
