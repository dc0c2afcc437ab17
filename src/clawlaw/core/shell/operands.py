"""What one word of a command line does, by the kind that its place has."""

from collections.abc import Sequence

from clawlaw.core.actions import (
    EnvironmentRead,
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
    NetRequest,
    PackageInstall,
    ProcessSignal,
)
from clawlaw.core.shell.address import read_address, read_remote
from clawlaw.core.shell.run import Action, Run
from clawlaw.core.shell.spec import Carries
from clawlaw.core.shell.words import UNKNOWN, Input, Invocation, Place, Word

# Devices that keep nothing and tell nothing.
SINKS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"})
SOURCES = frozenset({"-", "/dev/null", "/dev/stdin"})
ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".gem", ".deb", ".rpm", ".jar")
PERMISSION_DIGITS = 3  # a fourth gives the rights of the file's owner


def _reader(what: str) -> Action:
    def read(run: Run, word: Word) -> None:
        if word.text in SOURCES:
            return
        found = run.context.place(word, run.cwd)
        if found is not None:
            deep = run.recursive or found.recursive
            run.effects.append(FileRead(found.path, found.glob, deep, what))  # type: ignore[arg-type]  # see KINDS

    return read


_read = _reader("content")


def _writer(how: str, *, inert: bool = False) -> Action:
    def write(run: Run, word: Word) -> None:
        if word.text in SINKS:
            return
        found = run.context.place(word, run.cwd)
        if found is not None:
            write_place(run, found, how, inert=inert)

    return write


def write_place(run: Run, found: Place, how: str, *, inert: bool = False) -> None:
    """Note that a file or a tree is written."""
    effect = FileWrite(
        found.path,
        glob=found.glob,
        recursive=run.recursive or found.recursive,
        how=how,  # type: ignore[arg-type]  # see KINDS
        executable=run.executable,
        source=run.written_from(),
        inert=inert or run.spec.inert,
    )
    run.effects.append(effect)


def _delete(run: Run, word: Word) -> None:
    found = run.context.place(word, run.cwd)
    if found is not None:
        deep = run.recursive or found.recursive
        run.effects.append(FileDelete(found.path, found.glob, deep))


def _cwd(run: Run, word: Word) -> None:
    run.cwd = run.path(word) or "" if word.known else ""
    if not run.cwd:
        run.context.opaque("working directory is not known", word.text)


def _url(run: Run, word: Word) -> None:
    address = read_address(word.text, run.spec.scheme)
    carries = run.spec.carries
    if UNKNOWN in address.path and carries == "nothing":
        carries = "unknown"
    effect = NetRequest(
        host=address.host,
        port=address.port or run.spec.port,
        scheme=address.scheme,
        method=run.spec.method,
        path=address.path,
        carries=carries,
    )
    run.effects.append(effect)


def _host(run: Run, word: Word) -> None:
    known = word.known
    effect = NetRequest(
        host=word.text.rpartition("@")[2] if known else "",
        port=run.spec.port,
        scheme=run.spec.scheme,
        method=run.spec.method,
        carries=run.spec.carries if known else "unknown",
    )
    run.effects.append(effect)


def _remote(run: Run, word: Word, *, out: bool) -> None:
    """A place of scp, rsync or a repository: another machine's or a local path."""
    address = read_remote(word.text)
    if address is None:
        _writer("modify")(run, word) if out else _read(run, word)
        return
    carries: Carries = "file" if out else "nothing"
    effect = NetRequest(
        host=address.host,
        port=address.port,
        scheme=address.scheme,
        method="PUT" if out else "GET",
        path=address.path,
        carries=carries,
    )
    run.effects.append(effect)


def _remote_in(run: Run, word: Word) -> None:
    _remote(run, word, out=False)


def _remote_out(run: Run, word: Word) -> None:
    _remote(run, word, out=True)


def _package(run: Run, word: Word) -> None:
    text = word.text
    source = ""
    if not word.known:
        run.context.opaque("package is not known", text)
    if "://" in text or text.startswith("git+"):
        source = text
        _url(run, Word(text.rpartition("@ ")[2].removeprefix("git+")))
    elif text[:1] in {".", "/", "~"} or text.endswith(ARCHIVES):
        source = run.path(word) or ""
    effect = PackageInstall(
        manager=run.spec.manager, packages=(text,), source=source, scope=run.scope
    )
    run.effects.append(effect)


def _script(run: Run, word: Word) -> None:
    path = run.path(word)
    if path is not None:
        run.script = path


def _inline(run: Run, word: Word) -> None:  # noqa: ARG001  # the code is in argv
    run.inline = True


def _mode(run: Run, word: Word) -> None:
    """A mode of chmod: whether it makes executable, and what nobody should grant."""
    text = word.text
    if not word.known:
        run.context.opaque("mode is not known", text)
        run.executable = True
    elif text.isascii() and text.isdigit():
        digits = text.lstrip("0") or "0"
        shared = int(digits[-1]) & 2  # others may write
        if len(digits) > PERMISSION_DIGITS or shared:
            run.context.opaque("mode grants rights of the owner, or to everyone", text)
        run.executable = any(digit in "1357" for digit in digits)
    else:
        for clause in text.split(","):
            _clause(run, clause)


def _clause(run: Run, clause: str) -> None:
    start = min((clause.find(c) for c in "+=" if c in clause), default=-1)
    if start < 0:
        return
    who, granted = clause[:start], clause[start:]
    run.executable = run.executable or "x" in granted or "X" in granted
    everyone = "w" in granted and ("o" in who or "a" in who)
    if everyone or "s" in granted or not set(clause) <= set("ugoarwxXst+-="):
        run.context.opaque("mode grants rights of the owner, or to everyone", clause)


def _program(run: Run, word: Word) -> None:
    run.context.opaque("names a program to run", word.text)


def _shell(run: Run, word: Word) -> None:
    context, cwd, text = run.context, run.cwd, word.text
    if word.known:
        run.later.append(lambda: context.shell(text, cwd))
    else:
        context.opaque("shell text is not known", text)


def _signal(by: str) -> Action:
    def signal(run: Run, word: Word) -> None:
        effect = ProcessSignal(word.text, by=by)  # type: ignore[arg-type]  # see KINDS
        run.effects.append(effect)

    return signal


def _variable(run: Run, word: Word) -> None:
    run.effects.append(EnvironmentRead((word.text,)))


def run_command(run: Run, words: Sequence[Word], stdin: Input | None = None) -> None:
    """Start the command that the words are, after the effects of this one."""
    if not words:
        return
    before = run.invocation
    started = Invocation(
        program=words[0],
        arguments=tuple(words[1:]),
        stdin=stdin or before.stdin,
        piped=before.piped,
        environment=before.environment,
        cwd=run.cwd,
    )
    context = run.context
    run.later.append(lambda: context.run(started))


# "command" is not here: it takes all words that are left.
KINDS: dict[str, Action | None] = {
    "flag": None,
    "text": None,
    "number": None,
    "pattern": None,
    "name": None,
    "read": _read,
    "list": _reader("list"),
    "attributes": _reader("attributes"),
    "write": _writer("modify"),
    "append": _writer("append"),
    "create": _writer("create"),
    "touch": _writer("create", inert=True),
    "mkdir": _writer("directory", inert=True),
    "chmod": _writer("attributes", inert=True),
    "delete": _delete,
    "mode": _mode,
    "cwd": _cwd,
    "url": _url,
    "host": _host,
    "remote": _remote_in,
    "remote-out": _remote_out,
    "package": _package,
    "script": _script,
    "inline": _inline,
    "program": _program,
    "shell": _shell,
    "pid": _signal("id"),
    "process": _signal("name"),
    "process-pattern": _signal("pattern"),
    "variable": _variable,
}
HARMLESS = frozenset(kind for kind, action in KINDS.items() if action is None)


def place(run: Run, shape: str, sources: Sequence[Word], target: Word | None) -> None:
    """Effects of copy, move and link, whose last operand is where the others go.

    Args:
        run: The command.
        shape: copy, move or link.
        sources: What is copied, moved or led to.
        target: File or directory; `None`: the current directory (of a link).
    """
    into = target or Word(".")
    base = run.path(into)
    if base is None:
        return
    if into.glob:
        run.context.opaque("target is a pattern", into.text)
    text = into.text
    folder = target is None or text in {".", ".."} or text.endswith(("/", "/.", "/.."))
    inside = folder or len(sources) > 1 or "inside" in run.marks
    for source in sources:
        if shape == "link":
            for path in _targets(run, base, source, inside=inside):
                _link(run, source, path)
            continue
        found = run.context.place(source, run.cwd)
        if found is not None:
            for path in _targets(run, base, source, inside=inside):
                _carry(run, shape, found, path)


def _targets(run: Run, base: str, source: Word, *, inside: bool) -> tuple[str, ...]:
    """Where a source may end up: `base` may be a directory, which text cannot tell."""
    name = source.text.rstrip("/").rpartition("/")[2]
    if "exact" in run.marks or source.within or not source.known:
        return (base,)  # the names are not known: the directory stands for them
    if name in {"", ".", ".."}:
        return (base,)
    child = f"{base.rstrip('/')}/{name}"
    return (child,) if inside else (base, child)


def _carry(run: Run, shape: str, found: Place, target: str) -> None:
    if shape == "move":
        run.effects.append(FileMove(found.path, target, found.glob))
        return
    deep = run.recursive or found.recursive
    read = FileRead(found.path, found.glob, deep)
    if read not in run.effects:
        run.effects.append(read)
    if target not in SINKS:
        # What is copied by a pattern keeps its names, which only the facts know.
        open_names = found.glob or found.recursive
        write_place(run, Place(target, recursive=open_names), "modify")


def _link(run: Run, source: Word, link: str) -> None:
    folder = link.rpartition("/")[0] or "/"
    # A symbolic link's target is read from where the link stands, a hard link's here.
    start = folder if "symbolic" in run.marks else run.cwd
    target = run.context.path(source, start)
    if target is not None:
        effect = FileWrite(link, how="link", source="file", target=target)
        run.effects.append(effect)
