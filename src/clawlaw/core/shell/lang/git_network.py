"""git commands that talk to other machines."""

from clawlaw.core.actions import NetRequest
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.git_tree import Git
from clawlaw.core.shell.lang.options import Parsed
from clawlaw.core.shell.lang.urls import PORT_MAX, read_url
from clawlaw.core.shell.words import UNKNOWN, Word


def _remote(git: Git, word: Word, *, sends: bool) -> None:
    """A remote: an address, `host:path`, a directory, or a configured name."""
    text = word.text
    if not word.known or "::" in text:
        emit.give_up(git.context, "git: remote is not known", text)
        git.asks("", sends=sends)
        return
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme in ("http", "https"):
        url = read_url(text)
        if url is None:
            emit.give_up(git.context, "git: address is not certain", text)
            git.asks("", sends=sends)
            return
        _ask(git, url.scheme, url.host, url.port, url.path, sends=sends)
    elif scheme in ("ssh", "git", "git+ssh"):
        _ssh(git, text.partition("://")[2], "/", sends=sends)
    elif scheme == "file":
        _local(git, Word(text[7:]), sends=sends)
    elif scheme:
        emit.give_up(git.context, "git: address is not certain", text)
        git.asks("", sends=sends)
    elif ":" in text and "/" not in text.partition(":")[0]:
        _ssh(git, text, ":", sends=sends)
    elif "/" in text or text in (".", ".."):
        _local(git, word, sends=sends)
    else:
        git.asks(text, sends=sends)


def _local(git: Git, word: Word, *, sends: bool) -> None:
    if sends:
        emit.write(git.context, word, git.cwd, source="file", recursive=True)
    else:
        emit.read(git.context, word, git.cwd, recursive=True)


def _ssh(git: Git, text: str, mark: str, *, sends: bool) -> None:
    authority, _, path = text.partition(mark)
    host = authority.rpartition("@")[2]
    port = 0
    if mark == "/":
        host, _, digits = host.partition(":")
        port = int(digits) if digits.isascii() and digits.isdigit() else 0
    if (
        authority.startswith("-")
        or read_url(f"http://{host}/") is None
        or port > PORT_MAX
    ):
        emit.give_up(git.context, "git: address is not certain", text)
        host = ""
    _ask(git, "ssh", host.lower(), port, path, sends=sends)


def _ask(
    git: Git, scheme: str, host: str, port: int, path: str, *, sends: bool
) -> None:
    git.context.emit(
        NetRequest(
            host=host,
            port=port,
            scheme=scheme,
            method="PUT" if sends else "GET",
            path=path,
            carries="file" if sends else "nothing",
        )
    )


def clone(git: Git, parsed: Parsed) -> None:
    """Fetch a repository and write its files."""
    if parsed.has("--recurse-submodules", "--recursive"):
        emit.give_up(git.context, "git: the repository names further ones", "clone")
    if not parsed.operands:
        return
    source = parsed.operands[0]
    _remote(git, source, sends=False)
    if len(parsed.operands) > 1:
        target = parsed.operands[1]
    else:
        base = source.text.rstrip("/").removesuffix("/.git").removesuffix(".git")
        name = base.rpartition("/")[2].rpartition(":")[2]
        if name in ("", ".", "..") or UNKNOWN in name:
            emit.give_up(git.context, "git: directory of the clone", source.text)
            return
        target = Word(name)
    emit.write(git.context, target, git.cwd, source="network", recursive=True)


def fetch(git: Git, parsed: Parsed) -> None:
    """Get history; no file of the tree changes."""
    many = parsed.has("--multiple", "--all")
    if any(w.text[:1] == "+" or ":" in w.text for w in parsed.operands[1:]):
        emit.give_up(git.context, "git: writes over branches", "fetch")
    if parsed.operands and not many:
        _remote(git, parsed.operands[0], sends=False)
        return
    git.asks(parsed.operands[0].text if parsed.operands else "origin", sends=False)


def pull(git: Git, parsed: Parsed) -> None:
    """Get history and change the tree by it."""
    fetch(git, parsed)
    how = parsed.last("--rebase")
    if how is not None and how.text not in ("true", "false", "merges"):
        emit.give_up(git.context, "git: starts an editor", "pull")
    git.changes()


def push(git: Git, parsed: Parsed) -> None:
    """Send history."""
    if parsed.operands:
        _remote(git, parsed.operands[0], sends=True)
    else:
        git.asks("", sends=True)
    unsafe = parsed.has("-f", "--force", "--mirror", "--delete", "-d", "--prune")
    if unsafe or any(w.text[:1] in ("+", ":") for w in parsed.operands[1:]):
        emit.give_up(git.context, "git: removes history of the remote", "push")


def ls_remote(git: Git, parsed: Parsed) -> None:
    """Ask a remote for its names."""
    if parsed.operands:
        _remote(git, parsed.operands[0], sends=False)
    else:
        git.asks("", sends=False)
