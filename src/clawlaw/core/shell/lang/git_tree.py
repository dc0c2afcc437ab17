"""git commands that change files of the working tree."""

from collections.abc import Sequence

from clawlaw.core.actions import FileDelete, FileMove, FileRead, FileWrite, NetRequest
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import Parsed
from clawlaw.core.shell.words import Context, Invocation, Word


class Git:
    """One git command.

    Attributes:
        context: Takes the effects.
        cwd: Directory it works in, "" where unknown.
        doubts: What is not understood before the subcommand.
        stdin: What it reads.
        silent: Its editor changes nothing.
    """

    __slots__ = ("context", "cwd", "doubts", "silent", "stdin")

    def __init__(self, context: Context, invocation: Invocation) -> None:
        """Begin in the directory of the invocation."""
        self.context = context
        self.cwd = invocation.cwd
        self.stdin = invocation.stdin
        self.doubts: list[tuple[str, str]] = []
        self.silent = False

    def enter(self, word: Word) -> bool:
        """Work in another directory, as `-C` says; whether that is understood."""
        if not word.known or not self.cwd:
            self.doubts.append(("git: directory is not known", word.text))
            return False
        before, self.cwd = self.cwd, self.context.path(word, self.cwd) or ""
        path = self.cwd
        near = f"{path}/".startswith(f"{before}/") or f"{before}/".startswith(
            f"{path}/"
        )
        if "/.." in path or not near:
            # Its settings are another's, and may name programs.
            self.doubts.append(("git: a repository elsewhere", word.text))
        return True

    def known(self) -> bool:
        """Whether the directory is known; says so where it is not."""
        if not self.cwd:
            emit.give_up(self.context, "git: directory is not known", "")
        return bool(self.cwd)

    def tells(self) -> None:
        """Say that the repository's names and history become known."""
        if self.known():
            self.context.emit(FileRead(path=self.cwd, recursive=True, what="list"))

    def changes(self) -> None:
        """Say that any file of the working tree may change."""
        if self.known():
            self.context.emit(
                FileWrite(path=self.cwd, recursive=True, how="modify", source="file")
            )

    def asks(self, remote: str, *, sends: bool) -> None:
        """Say that a remote is asked whose address only the configuration knows."""
        self.context.emit(
            NetRequest(
                host="",
                scheme="git",
                method="PUT" if sends else "GET",
                path=remote,
                carries="file" if sends else "nothing",
            )
        )


def tree_command(git: Git, name: str, parsed: Parsed, rest: Sequence[Word]) -> None:
    """Effects of a subcommand that changes the tree."""
    if name in ("checkout", "restore", "switch"):
        _checkout(git, name, parsed, rest)
    elif name == "reset":
        _reset(git, parsed)
    elif name == "clean":
        _clean(git, parsed)
    elif name in ("rm", "mv"):
        _rename(git, name, parsed)
    elif name == "stash":
        _stash(git, parsed)
    elif name in ("apply", "am"):
        _apply(git, name, parsed)
    elif name == "init":
        _init(git, parsed)
    elif name in ("gc", "format-patch"):
        _keeps(git, name, parsed)
    else:
        _join(git, name, parsed)


def _gives_up(git: Git, name: str, parsed: Parsed) -> None:
    if parsed.has("-B", "-C", "--force-create") and parsed.operands:
        emit.give_up(git.context, "git: sets a branch back", name)
    if parsed.has("-f", "--force", "--discard-changes"):
        emit.give_up(git.context, "git: discards changes that are kept nowhere", name)


def _checkout(git: Git, name: str, parsed: Parsed, rest: Sequence[Word]) -> None:
    _gives_up(git, name, parsed)
    words = list(rest)
    texts = [word.text for word in words]
    paths: list[Word] = []
    if "--" in texts:
        paths = words[texts.index("--") + 1 :]
    elif name == "restore":
        paths = parsed.operands
    elif name == "checkout":
        # A name may be a branch or a path; what looks like a path is taken for both.
        paths = [w for w in parsed.operands if "." in w.text or "/" in w.text]
    staged = name == "restore" and parsed.has("-S", "--staged")
    if staged and not parsed.has("-W", "--worktree"):
        git.tells()
        return
    fresh = parsed.has("-b", "-c", "--create", "--orphan") and not parsed.operands
    if fresh:
        git.tells()  # the new branch begins where the tree is
    elif not paths or (name == "checkout" and "--" not in texts):
        git.changes()
    for word in paths:
        last = word.text.rpartition("/")[2]
        folder = not word.known or not last or (last.islower() and last.isalnum())
        if folder and (name == "restore" or "--" in texts):
            reason = "git: discards changes of a whole directory"
            emit.give_up(git.context, reason, word.text)
        emit.write(
            git.context, word, git.cwd, how="modify", source="file", recursive=True
        )


def _reset(git: Git, parsed: Parsed) -> None:
    if parsed.has("--hard", "--merge", "--keep"):
        git.changes()
        if parsed.has("--hard", "--merge"):
            reason = "git: discards changes that are kept nowhere"
            emit.give_up(git.context, reason, "reset")
    else:
        git.tells()


def _clean(git: Git, parsed: Parsed) -> None:
    if parsed.has("-n", "--dry-run"):
        git.tells()
        return
    if git.known():
        # Only what git does not track, so never all of the directory.
        git.context.emit(FileDelete(f"{git.cwd}/**", recursive=True))
    emit.give_up(git.context, "git: removes files that are kept nowhere", "clean")


def _rename(git: Git, name: str, parsed: Parsed) -> None:
    if parsed.has("-n", "--dry-run") or (name == "rm" and parsed.has("--cached")):
        git.tells()
    elif name == "rm":
        for word in parsed.operands:
            emit.delete(git.context, word, git.cwd, recursive=parsed.has("-r"))
    elif parsed.operands:
        to = git.context.path(parsed.operands[-1], git.cwd)
        for word in parsed.operands[:-1]:
            place = git.context.place(word, git.cwd)
            if place is not None and to is not None:
                git.context.emit(FileMove(place.path, to, place.glob))


def _stash(git: Git, parsed: Parsed) -> None:
    verb = parsed.operands[0].text if parsed.operands else "push"
    if verb in ("list", "show"):
        git.tells()
        for word in parsed.operands[1:]:
            if "." in word.text:
                emit.read(git.context, word, git.cwd)
    elif verb in ("push", "save", "pop", "apply"):
        git.changes()
    elif verb in ("drop", "clear"):
        emit.give_up(git.context, "git: discards changes that are kept nowhere", verb)
    else:
        emit.give_up(git.context, "git: command is not understood", f"stash {verb}")


def _apply(git: Git, name: str, parsed: Parsed) -> None:
    """A patch names the files that it changes, in its own text."""
    for word in parsed.operands:
        emit.read(git.context, word, git.cwd)
    looks = ("--stat", "--numstat", "--summary", "--check")
    if name == "apply" and parsed.has(*looks):
        git.tells()
        return
    if git.stdin.source in ("network", "unknown") and not parsed.operands:
        emit.give_up(git.context, "git: changes that nobody has read", name)
    git.changes()
    if name == "am" and not parsed.operands and parsed.options:
        return
    if parsed.last("--directory") is not None:
        emit.give_up(git.context, "git: option is not understood", "--directory")


def _keeps(git: Git, name: str, parsed: Parsed) -> None:
    """Gc and format-patch: the tree stays as it is."""
    git.tells()
    if name == "gc":
        if parsed.last("--prune") is not None:
            emit.give_up(git.context, "git: forgets commits before their time", name)
    elif not parsed.has("--stdout"):
        folder = parsed.last("-o", "--output-directory") or Word(".")
        emit.write(git.context, folder, git.cwd, recursive=True, source="file")


def _init(git: Git, parsed: Parsed) -> None:
    for word in parsed.operands or [Word(".")]:
        emit.write(git.context, word, git.cwd, how="directory", source="program")


def _join(git: Git, name: str, parsed: Parsed) -> None:
    """merge, rebase, cherry-pick, revert."""
    git.changes()
    quiet = git.silent or parsed.has(
        "--abort", "--quit", "--skip", "--no-edit", "--no-commit", "-n"
    )
    if parsed.has("--root"):
        emit.give_up(git.context, "git: writes the whole history anew", name)
    if name == "revert" and not quiet:
        emit.give_up(git.context, "git: starts an editor", name)
    if parsed.has("--continue") and not (git.silent or parsed.has("--no-edit")):
        emit.give_up(git.context, "git: starts an editor", f"{name} --continue")
    for value in parsed.each("-F", "--file"):
        emit.read(git.context, value, git.cwd)
