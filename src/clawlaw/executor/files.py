"""Tools that need no program: read, write, edit, delete, move, by descriptors.

Every one works on the file that the permit names and that is held open, never on a
name that could have been given to another file meanwhile.
"""

import io
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from typing import Any, Final

from clawlaw.core.actions import FileDelete, FileMove, FileRead, FileWrite
from clawlaw.core.errors import ClawLawError
from clawlaw.core.tools import Arguments
from clawlaw.executor.grant import Grant
from clawlaw.executor.paths import ChangedError, Held, HeldTargets

MAX_EDIT: Final = 64 << 20  # bytes of a file that is edited
_NEW = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY | os.O_CLOEXEC
_OLD_TEXT: Final = ("old", "old_string", "old_str", "old_text", "search")
_NEW_TEXT: Final = (
    "new", "new_string", "new_str", "new_text", "replace", "replacement", "content",
    "text",
)  # fmt: skip
_CONTENT: Final = (
    "content", "contents", "text", "file_text", "file_content", "body", "data",
)  # fmt: skip


class ActionError(ClawLawError):
    """The action cannot be done as it stands; nothing was changed by it."""


def perform(grant: Grant, held: HeldTargets, limit: int) -> bytes:
    """Do one action of a file tool.

    Args:
        grant: What was judged.
        held: Its targets, checked.
        limit: Bytes that are shown at most.

    Returns:
        What the agent is shown.

    Raises:
        ActionError: It cannot be done, or no tool of this name is done here.
        ChangedError: A target changed while it was used.
        OSError: The system refuses.
    """
    act = _TOOLS.get(grant.tool)
    if act is None:
        raise ActionError(
            f"{grant.tool}: the executor does exec, {', '.join(sorted(_TOOLS))}"
        )
    return act(grant, held)[:limit]


def _read(grant: Grant, held: HeldTargets) -> bytes:
    reads = [effect for effect in grant.effects if isinstance(effect, FileRead)]
    return b"".join([_content(held.get(effect.path)) for effect in reads])


def _content(target: Held) -> bytes:
    if target.fd < 0:
        raise ActionError(f"{target.target.path}: there is no such file")
    if target.target.kind != "file":
        raise ActionError(f"{target.target.path}: not a regular file")
    with io.FileIO(_again(target, os.O_RDONLY)) as file:
        data = file.read(MAX_EDIT + 1) or b""
    if len(data) > MAX_EDIT:
        raise ActionError(f"{target.target.path}: more than {MAX_EDIT} bytes")
    return data


def _again(target: Held, flags: int) -> int:
    """Open what is held for use; the link of procfs leads to it and nothing else."""
    return os.open(f"/proc/self/fd/{target.fd}", flags | os.O_CLOEXEC)


def _write(grant: Grant, held: HeldTargets) -> bytes:
    given = Arguments(grant.arguments)
    data = given.text(*_CONTENT).encode()
    append = given.flag("append") or given.text("mode", default="") in {"a", "append"}
    executable = given.flag("executable")
    target = held.get(_written(grant))
    if append and target.fd >= 0:
        data = _content(target) + data
    _store(target, data, executable=executable)
    return f"{len(data)} bytes in {target.target.resolved}\n".encode()


def _written(grant: Grant) -> str:
    paths = [e.path for e in grant.effects if isinstance(e, FileWrite) and not e.glob]
    if len(paths) != 1:
        raise ActionError(f"{grant.tool}: {len(paths)} files to write, not one")
    return paths[0]


def _store(target: Held, data: bytes, *, executable: bool = False) -> None:
    """Let a file hold exactly `data`."""
    if target.fd < 0:
        folder = _folders(target)
        try:
            fd = os.open(
                target.name, _NEW, 0o755 if executable else 0o644, dir_fd=folder
            )
        except FileExistsError as error:
            raise ChangedError(f"{target.target.path}: appeared meanwhile") from error
        finally:
            if target.missing:
                os.close(folder)
    else:
        if target.target.kind != "file":
            raise ActionError(f"{target.target.path}: not a regular file")
        fd = _again(target, os.O_WRONLY)
    with io.FileIO(fd, "w") as file:
        if data:  # a full disk must not leave half of a file
            os.posix_fallocate(fd, 0, len(data))
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        os.ftruncate(fd, len(data))
        if executable and target.fd >= 0:
            os.fchmod(fd, os.fstat(fd).st_mode & 0o777 | 0o111)


def _folders(target: Held) -> int:
    """Make the directories that a new file needs; descriptor of the last."""
    folder = target.parent
    for name in target.missing:
        os.mkdir(name, dir_fd=folder)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        inner = os.open(name, flags, dir_fd=folder)
        if folder != target.parent:
            os.close(folder)
        folder = inner
    return folder


def _edit(grant: Grant, held: HeldTargets) -> bytes:
    target = held.get(_written(grant))
    edits = _edits(grant.arguments)
    if target.fd < 0:
        if len(edits) != 1 or edits[0][0]:
            raise ActionError(f"{target.target.path}: there is no such file")
        _store(target, edits[0][1].encode())
        return f"made {target.target.resolved}\n".encode()
    try:
        text = _content(target).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ActionError(f"{target.target.path}: not text") from error
    for number, (old, new, every) in enumerate(edits, 1):
        found = text.count(old) if old else 0
        if found == 0 or (found > 1 and not every):
            raise ActionError(
                f"{target.target.path}: edit {number}: its old text is there {found} "
                "times; give a text that is there once, or say replace_all"
            )
        text = text.replace(old, new)
    _store(target, text.encode())
    return f"{len(edits)} edits in {target.target.resolved}\n".encode()


def _edits(arguments: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """Old text, new text, and whether every place is meant; in order."""
    given = Arguments(arguments)
    several = given.any("edits", "changes")
    inner = several if isinstance(several, list) else [arguments]
    found = []
    for one in inner:
        if not isinstance(one, dict):
            raise ActionError("edit: an edit is an object")
        if one.get("insert_line") is not None or one.get("start_line") is not None:
            raise ActionError("edit: by line numbers is not done here; give old text")
        each = Arguments(one)
        old = each.text(*_OLD_TEXT, default="")
        new = each.text(*_NEW_TEXT, default="")
        found.append((old, new, each.flag("replace_all")))
    return found


def _delete(grant: Grant, held: HeldTargets) -> bytes:
    gone = []
    for effect in grant.effects:
        if isinstance(effect, FileDelete) and not effect.glob:
            target = held.get(effect.path)
            _take_away(target, recursive=effect.recursive)
            gone.append(target.target.resolved)
    return "".join(f"deleted {path}\n" for path in gone).encode()


def _take_away(target: Held, *, recursive: bool) -> None:
    """Remove what is held, and nothing that has its name by now."""
    if target.fd < 0:
        raise ActionError(f"{target.target.path}: there is no such file")
    if not target.name:
        raise ActionError("/: is never deleted")
    aside = _aside(target)
    folder = target.parent
    if target.target.kind != "directory":
        os.unlink(aside, dir_fd=folder)
    elif recursive:
        shutil.rmtree(aside, dir_fd=folder)
    else:
        try:
            os.rmdir(aside, dir_fd=folder)
        except OSError:
            os.rename(aside, target.name, src_dir_fd=folder, dst_dir_fd=folder)
            raise


def _aside(target: Held) -> str:
    """Give what is held a name that nobody else knows, in its own directory."""
    folder, aside = target.parent, f".clawlaw-{secrets.token_hex(8)}"
    os.rename(target.name, aside, src_dir_fd=folder, dst_dir_fd=folder)
    moved = os.stat(aside, dir_fd=folder, follow_symlinks=False)
    wanted = os.fstat(target.fd)
    if (moved.st_dev, moved.st_ino) != (wanted.st_dev, wanted.st_ino):
        os.rename(aside, target.name, src_dir_fd=folder, dst_dir_fd=folder)
        raise ChangedError(f"{target.target.path}: was replaced meanwhile")
    return aside


def _move(grant: Grant, held: HeldTargets) -> bytes:
    said = []
    for effect in grant.effects:
        if not isinstance(effect, FileMove) or effect.glob:
            continue
        source, to = held.get(effect.path), held.get(effect.to)
        if source.fd < 0:
            raise ActionError(f"{effect.path}: there is no such file")
        if to.fd >= 0 or to.missing:
            raise ActionError(f"{effect.to}: is there already, or its directory is not")
        aside = _aside(source)
        try:
            os.link(aside, to.name, src_dir_fd=source.parent, dst_dir_fd=to.parent,
                    follow_symlinks=False)  # fmt: skip
        except PermissionError:  # a directory: it has no second name
            os.rename(aside, to.name, src_dir_fd=source.parent, dst_dir_fd=to.parent)
        except OSError:
            folder = source.parent
            os.rename(aside, source.name, src_dir_fd=folder, dst_dir_fd=folder)
            raise
        else:
            os.unlink(aside, dir_fd=source.parent)
        said.append(f"{source.target.resolved} is {to.target.resolved}\n")
    return "".join(said).encode()


_TOOLS: Final[dict[str, Callable[[Grant, HeldTargets], bytes]]] = {
    "read": _read,
    "write": _write,
    "edit": _edit,
    "delete": _delete,
    "move": _move,
}
