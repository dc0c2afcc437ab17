"""The tools that the gate knows: exec, read, write, edit, delete, fetch, send, search.

`kube_apply` takes one object of a cluster, whole.

Every argument is taken under the names that clients use for it; docs/tool-map.md has
the table. `null` is an argument that is not there. One that no table has makes the call
opaque; a missing one, or one of the wrong type, is refused with its field.
"""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from clawlaw.core.actions import (
    AnyEffect,
    FileDelete,
    FileRead,
    FileWrite,
    Json,
    MessageSend,
    NetRequest,
    Opaque,
    Proposal,
)
from clawlaw.core.errors import ProposalError
from clawlaw.core.inert import is_inert
from clawlaw.core.manifest import read_object
from clawlaw.core.policy import Policy
from clawlaw.core.reaching import reaches
from clawlaw.core.shell.address import read_address
from clawlaw.core.shell.paths import join
from clawlaw.core.shell.shells import transport
from clawlaw.core.shell.walk import analyse_command, analyse_shell
from clawlaw.core.shell.words import UNKNOWN

_MAX_NAMES = 64  # paths or recipients of one call
_PATH = ("path", "file_path", "filepath", "filename", "file", "target_file")
_PATHS = (*_PATH, "paths")
_ROOTS = frozenset({
    "Library", "System", "Users", "Volumes", "bin", "boot", "dev", "etc", "home", "lib",
    "mnt", "opt", "private", "proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr",
    "var", "workspace",
})  # fmt: skip
_CONTENT = frozenset({"create", "modify", "append"})
_TEXT = ("content", "contents", "text", "file_text", "file_content", "body", "data")


class Arguments:
    """Arguments of one call, each taken once; what is left over is not known."""

    def __init__(self, given: Mapping[str, Json]) -> None:
        """Begin with all of them."""
        self._left = {name: value for name, value in given.items() if value is not None}

    def _take(self, names: tuple[str, ...]) -> tuple[str, Json]:
        left = self._left
        if left.keys().isdisjoint(names):  # as of most
            return names[0], None
        found = [name for name in names if name in left]
        if len(found) > 1:
            raise ProposalError(f"arguments.{found[1]}", f"says again {found[0]}")
        return found[0], left.pop(found[0])

    def text(self, *names: str, default: str | None = None) -> str:
        """A text.

        Raises:
            ProposalError: It is missing and has no default, is no text or holds NUL.
        """
        name, value = self._take(names)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise ProposalError(
                f"arguments.{name}", "missing" if value is None else "not text"
            )
        if "\0" in value:
            raise ProposalError(f"arguments.{name}", "holds NUL")
        return value

    def texts(self, *names: str) -> list[str]:
        """A list of text; one text is a list of one, nothing an empty list."""
        name, value = self._take(names)
        values = value if isinstance(value, list) else [] if value is None else [value]
        if len(values) > _MAX_NAMES:
            raise ProposalError(f"arguments.{name}", f"more than {_MAX_NAMES}")
        found = []
        for index, item in enumerate(values):
            if not isinstance(item, str) or "\0" in item:
                raise ProposalError(f"arguments.{name}[{index}]", "not text")
            found.append(item)
        return found

    def flag(self, *names: str) -> bool:
        """True or false; false where it is missing."""
        name, value = self._take(names)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise ProposalError(f"arguments.{name}", "not true or false")
        return value

    def number(self, *names: str) -> int:
        """A whole number, zero or more; zero where it is missing."""
        name, value = self._take(names)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ProposalError(f"arguments.{name}", "not a number from 0")
        return value

    def any(self, *names: str) -> Json:
        """Whatever is given."""
        return self._take(names)[1]

    def ignore(self, *names: str) -> None:
        """Take arguments that only shape the answer; they are plain values."""
        if self._left.keys().isdisjoint(names):
            return
        for name in names:
            value = self._left.pop(name, None)
            if isinstance(value, dict):
                raise ProposalError(f"arguments.{name}", "not a plain value")

    def left(self) -> list[str]:
        """Names that nothing took."""
        return sorted(self._left)


type Tool = Callable[[Arguments, Proposal, Policy], list[AnyEffect]]


def absolute(text: str, cwd: str, home: str, field: str) -> str:
    """Absolute path of an argument; `~` is the home that clients put in its place.

    Raises:
        ProposalError: It is empty or names another user's home.
    """
    if not text:
        raise ProposalError(field, "empty path")
    if UNKNOWN in text:
        raise ProposalError(field, "holds a character that stands for none")
    if text.startswith("file://"):
        text = text.removeprefix("file://").removeprefix("localhost")
        if not text.startswith("/") or "%" in text:
            raise ProposalError(field, "not a plain file address")
    if text == "~" or text.startswith("~/"):
        return home + text[1:]
    return join(cwd, text)


def _exec(given: Arguments, proposal: Proposal, policy: Policy) -> list[AnyEffect]:
    cwd = given.text(
        "cwd", "workdir", "working_directory", "directory", default=proposal.cwd
    )
    cwd = absolute(cwd, proposal.cwd, policy.home, "arguments.cwd")
    given.number("timeout", "timeout_ms", "timeout_seconds")
    behind = given.flag("background", "run_in_background", "is_background")
    given.text("description", "explanation", "justification", default="")
    name, command = given._take(("command", "cmd", "script", "code"))  # noqa: SLF001  text or list, only here
    if isinstance(command, str) and command and "\0" not in command:
        return _noted(analyse_shell(command, cwd, policy, background=behind), command)
    if isinstance(command, list) and command:
        words = [word for word in command if isinstance(word, str) and "\0" not in word]
        if len(words) == len(command):
            text = transport(words)
            if text is not None:
                return _noted(analyse_shell(text, cwd, policy, background=behind), text)
            return analyse_command(words, cwd, policy, background=behind)
    raise ProposalError(f"arguments.{name}", "not a command: text or a list of text")


def _noted(effects: list[AnyEffect], command: str) -> list[AnyEffect]:
    """What a command writes may be any part of its text, or of what it makes of it."""
    text = command.replace("\\n", "\n").replace("\\t", "\t")
    return [
        replace(effect, reaches=True)
        if isinstance(effect, FileWrite)
        and effect.how in _CONTENT
        and reaches(effect.path, text)
        else effect
        for effect in effects
    ]


def _paths(given: Arguments, proposal: Proposal, policy: Policy) -> list[str]:
    name, value = given._take(_PATHS)  # noqa: SLF001  text or list
    values = value if isinstance(value, list) else [value]
    if not values or len(values) > _MAX_NAMES:
        raise ProposalError(f"arguments.{name}", f"not 1 to {_MAX_NAMES} paths")
    found = []
    for item in values:
        if not isinstance(item, str) or "\0" in item:
            raise ProposalError(
                f"arguments.{name}", "missing" if item is None else "not text"
            )
        found.append(absolute(item, proposal.cwd, policy.home, f"arguments.{name}"))
    return found


def _read(given: Arguments, proposal: Proposal, policy: Policy) -> list[AnyEffect]:
    given.ignore("offset", "limit", "start_line", "end_line", "view_range", "lines")
    given.ignore("start", "end", "line", "max_lines", "encoding", "description")
    return [FileRead(path) for path in _paths(given, proposal, policy)]


def _write(given: Arguments, proposal: Proposal, policy: Policy) -> list[AnyEffect]:
    (path,) = _one(_paths(given, proposal, policy))
    text = given.text(*_TEXT)
    append = given.flag("append") or given.text("mode", default="") in {"a", "append"}
    executable = given.flag("executable")
    given.ignore("create_directories", "overwrite", "encoding", "description")
    return [
        FileWrite(
            path,
            how="append" if append else "modify",
            executable=executable,
            inert=not append and is_inert(path, text),
            reaches=reaches(path, text),
        )
    ]


def _edit(given: Arguments, proposal: Proposal, policy: Policy) -> list[AnyEffect]:
    (path,) = _one(_paths(given, proposal, policy))
    given.text("old", "old_string", "old_str", "old_text", "search", default="")
    texts = [
        given.text(
            "new", "new_string", "new_str", "new_text", "replace", "replacement",
            "content", "text", default="",
        )
    ]  # fmt: skip
    edits = given.any("edits", "changes")
    if edits is not None:
        if not isinstance(edits, list):
            raise ProposalError("arguments.edits", "not a list")
        texts += [_changed(index, edit) for index, edit in enumerate(edits)]
    given.ignore("replace_all", "expected_replacements", "insert_line", "description")
    given.ignore("instructions", "start_line", "end_line")
    inert = all(is_inert(path, text) for text in texts)
    out = any(reaches(path, text) for text in texts)
    return [FileRead(path), FileWrite(path, inert=inert, reaches=out)]


def _changed(index: int, edit: Json) -> str:
    field = f"arguments.edits[{index}]"
    if not isinstance(edit, dict):
        raise ProposalError(field, "not an object")
    inner = Arguments(edit)
    inner.text("old", "old_string", "old_str", "old_text", "search", default="")
    text = inner.text("new", "new_string", "new_str", "new_text", "replace", default="")
    inner.ignore("replace_all", "start_line", "end_line")
    if inner.left():
        raise ProposalError(f"{field}.{inner.left()[0]}", "not known")
    return text


def _delete(given: Arguments, proposal: Proposal, policy: Policy) -> list[AnyEffect]:
    recursive = given.flag("recursive", "force_recursive")
    given.ignore("explanation", "description")
    return [
        FileDelete(path, recursive=recursive)
        for path in _paths(given, proposal, policy)
    ]


def _one(paths: list[str]) -> list[str]:
    if len(paths) != 1:
        raise ProposalError("arguments.paths", "more than one path")
    return paths


def _fetch(given: Arguments, proposal: Proposal, policy: Policy) -> list[AnyEffect]:
    text = given.text("url", "uri", "address", "href")
    if text.startswith("file:"):
        path = absolute(text, proposal.cwd, policy.home, "arguments.url")
        return [FileRead(path)]
    if not text.isprintable() or " " in text or UNKNOWN in text:
        raise ProposalError("arguments.url", "not an address")
    address = read_address(text)
    if not address.host:
        raise ProposalError("arguments.url", "has no plain host")
    method = given.text("method", default="GET").upper()
    body = given.any("body", "data", "json", "payload")
    headers = given.any("headers")
    given.ignore("prompt", "max_length", "timeout", "raw", "start_index", "format")
    given.ignore("description", "extract")
    sent = _size(body) + _size(headers)
    return [
        NetRequest(
            address.host,
            address.port,
            address.scheme[:20],
            method[:20],
            address.path,
            "text" if sent or address.login else "nothing",
            sent + len(address.path.encode()),
        )
    ]


def _size(value: Json) -> int:
    """Bytes of text in a value, about as many as are sent."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list):
        return sum(map(_size, value))
    if isinstance(value, dict):
        return sum(len(key) + _size(item) for key, item in value.items())
    return 0 if value is None else len(str(value))


def _send(given: Arguments, proposal: Proposal, policy: Policy) -> list[AnyEffect]:
    to = given.texts("to", "recipients", "recipient", "channel_id", "email")
    more = given.texts("cc") + given.texts("bcc")
    if not to:
        raise ProposalError("arguments.to", "missing")
    channel = given.text("channel", "via", "medium", default="message")
    subject = given.text("subject", "title", default="")
    body = given.text("body", "text", "message", "content", default="")
    attached = given.texts("attachments")
    if not channel:
        raise ProposalError("arguments.channel", "empty")
    found: list[AnyEffect] = [
        FileRead(absolute(path, proposal.cwd, policy.home, "arguments.attachments"))
        for path in attached
    ]
    size = len(subject.encode()) + len(body.encode())
    return [*found, MessageSend(channel[:200], tuple(to + more), size)]


def _search(given: Arguments, proposal: Proposal, policy: Policy) -> list[AnyEffect]:
    pattern = given.text("pattern", "query", "regex", "q", "search_term", default="")
    roots = given.texts(
        "path", "directory", "dir", "folder", "root", "paths", "target_directories"
    )
    glob = given.texts("glob", "include", "include_pattern", "file_pattern", "type")
    for name in ("output_mode", "head_limit", "multiline", "case_sensitive", "limit",
                 "max_results", "context", "-A", "-B", "-C", "-n", "-i", "exclude",
                 "exclude_pattern", "explanation", "description", "offset", "recursive",
                 "case_insensitive", "fixed_strings", "before", "after"):  # fmt: skip
        given.ignore(name)
    paths = [
        absolute(root or ".", proposal.cwd, policy.home, "arguments.path")
        for root in roots or [proposal.cwd]
    ]
    found: list[AnyEffect] = [FileRead(path, recursive=True) for path in paths]
    place = _named_place(pattern)
    if place:
        path = absolute(place, paths[0], policy.home, "arguments.pattern")
        found.append(FileRead(path, recursive=True, what="list"))
    found += [FileRead(join(paths[0], name)) for name in map(_example, glob) if name]
    if any(part.startswith("/") or ".." in part.split("/") for part in glob):
        found.append(Opaque("a pattern that leaves the searched directory", glob[0]))
    return found


def _kube_apply(
    given: Arguments, _proposal: Proposal, _policy: Policy
) -> list[AnyEffect]:
    value = given.any("object", "manifest")
    if not isinstance(value, dict):
        raise ProposalError("arguments.object", "not one object of a cluster")
    return [read_object(value)]


def _example(glob: str) -> str:
    """A name that a pattern of names fits, "" for none that could be told.

    What is read is still the tree; the name shows what of it is looked for.
    """
    name = glob.rpartition("/")[2].strip()
    name = f"x{name.lstrip('*')}" if name.startswith("*.") else name.replace("*", "")
    return name if {"?", "[", "]", "{", "}", "!"}.isdisjoint(name) else ""


def _named_place(pattern: str) -> str:
    """Directory that a pattern names by itself, if it is one of paths and not of text.

    Some clients search for names with the same tool as for text; a pattern that begins
    like a path of this machine is taken for both.
    """
    fixed: list[str] = []
    for part in pattern.split("/"):
        if not {"*", "?", "["}.isdisjoint(part):
            break
        fixed.append(part)
    begins = fixed[:2]
    if begins[:1] in (["~"], [".."]) or (
        begins[:1] == [""] and begins[1:] and begins[1] in _ROOTS
    ):
        return "/".join(fixed)
    return ""


TOOLS: dict[str, Tool] = {
    "exec": _exec,
    "read": _read,
    "write": _write,
    "edit": _edit,
    "delete": _delete,
    "fetch": _fetch,
    "send": _send,
    "search": _search,
    "kube_apply": _kube_apply,
}
