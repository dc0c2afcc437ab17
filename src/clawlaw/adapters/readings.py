"""Tools of clients that say what they do in a form of their own.

Each reading is given the arguments in snake case and returns the call in the gate's
words, or `None` where not every part of it is understood: the call is unknown then.
"""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clawlaw.adapters.patch import Change, read_patch
from clawlaw.core.actions import (
    AnyEffect,
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
)
from clawlaw.core.reaching import reaches


@dataclass(frozen=True, slots=True)
class Known:
    """A call in the gate's words.

    Attributes:
        effects: What the call does besides what its arguments say.
    """

    tool: str
    arguments: dict[str, Any]
    effects: tuple[AnyEffect, ...] = ()


def joined(cwd: str, path: str) -> str:
    """An absolute path: as it is, or below `cwd`; `..` is kept."""
    return path if path.startswith("/") else posixpath.join(cwd, path)


def _is_plain(path: str) -> bool:
    """Whether every client takes the text for the same path."""
    return not path.startswith("~") and "://" not in path and "\0" not in path


type Reading = Callable[[Mapping[str, Any], str], Known | None]
# The commands of the editor tool that models were trained on, as tools of the gate.
_EDITOR = {
    "view": ("read", frozenset({"path", "view_range"})),
    "create": ("write", frozenset({"path", "file_text"})),
    "str_replace": ("edit", frozenset({"path", "old_str", "new_str"})),
    "insert": ("edit", frozenset({"path", "insert_line", "insert_text", "new_str"})),
    "append": ("edit", frozenset({"path", "new_str"})),
}
_NOTED = frozenset({"command", "security_risk", "summary", "explanation"})


def _editor(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    del cwd
    said = {k: v for k, v in arguments.items() if k not in _NOTED}
    command = arguments.get("command")
    tool, names = _EDITOR.get(str(command), ("", frozenset[str]()))
    if not tool or not said.keys() <= names:
        return None
    if "insert_text" in said:
        said["new"] = said.pop("insert_text")
        if "new_str" in said:
            return None
    return Known(tool, said)


def _many(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    """Files by paths and patterns in one call."""
    names = next((arguments[n] for n in ("paths", "include") if n in arguments), None)
    if not isinstance(names, list) or not names:
        return None
    if not all(isinstance(name, str) and _is_plain(name) for name in names):
        return None
    plain = [name for name in names if not _is_pattern(name)]
    effects = tuple(
        FileRead(joined(cwd, name), glob=True) for name in names if _is_pattern(name)
    )
    return Known("read", {"paths": plain or [cwd]}, effects)


def _is_pattern(name: str) -> bool:
    return any(mark in name for mark in "*?[")


_PATTERNS = ("pattern", "query", "glob_pattern", "glob", "name", "file_pattern")
_PLACES = (
    "path", "dir_path", "directory", "folder", "root", "search_directory",
    "target_directory",
)  # fmt: skip
_NAMES = frozenset({
    *_PATTERNS, *_PLACES, "case_sensitive", "exclude", "excludes", "exclude_patterns",
    "explanation", "extensions", "full_path", "limit", "max_depth", "max_results",
    "respect_git_ignore", "tool_summary", "type",
})  # fmt: skip


def _names(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    """Names of files by a pattern: everything beneath one directory is looked at."""
    said = [arguments[n] for n in _PATTERNS if arguments.get(n) is not None]
    places = [arguments[n] for n in _PLACES if arguments.get(n) is not None]
    if len(said) != 1 or len(places) > 1 or arguments.keys() - _NAMES:
        return None
    pattern, place = said[0], places[0] if places else cwd
    if not isinstance(pattern, str) or not isinstance(place, str):
        return None
    fixed = pattern.split("/")
    head = next((i for i, part in enumerate(fixed) if _is_pattern(part)), len(fixed))
    if ".." in fixed[head:] or not _is_plain(pattern) or not _is_plain(place):
        return None
    start = "/".join(fixed[:head]) or ("/" if pattern.startswith("/") else "")
    return Known(
        "search", {"path": joined(joined(cwd, place), start).rstrip("/") or "/"}
    )


def _patch(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    texts = [arguments.get(n) for n in ("input", "patch", "patch_text")]
    text = next((t for t in texts if t is not None), None)
    changes = read_patch(text) if isinstance(text, str) else None
    if not changes or not all(_is_plain(c.path) and _is_plain(c.to) for c in changes):
        return None
    effects: list[AnyEffect] = []
    for change in changes[1:]:
        effects += _effects(change, cwd)
    first = changes[0]
    if first.to:
        effects += [FileMove(joined(cwd, first.path), joined(cwd, first.to))]
    if first.action == "delete":
        return Known("delete", {"path": first.path}, tuple(effects))
    tool, name = ("write", "content") if first.action == "add" else ("edit", "new")
    return Known(tool, {"path": first.path, name: first.added}, tuple(effects))


def _effects(change: Change, cwd: str) -> list[AnyEffect]:
    path = joined(cwd, change.path)
    if change.action == "delete":
        return [FileDelete(path)]
    how = FileWrite(
        path,
        how="create" if change.action == "add" else "modify",
        reaches=reaches(path, change.added),
    )
    return [how, FileMove(path, joined(cwd, change.to))] if change.to else [how]


def _move(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    pair = _pair(arguments)
    if pair is None:
        return None
    moved = FileMove(joined(cwd, pair[0]), joined(cwd, pair[1]))
    return Known("read", {"path": pair[0]}, (moved,))


def _copy(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    pair = _pair(arguments)
    if pair is None:
        return None
    made = FileWrite(joined(cwd, pair[1]), recursive=True, source="file")
    return Known("read", {"path": pair[0]}, (made,))


_FROM = ("source", "from", "src", "old_path", "source_path", "from_path")
_TO = ("destination", "to", "dst", "dest", "new_path", "destination_path", "to_path")


def _pair(arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    """Two plain paths, where nothing else is said."""
    source = [arguments[n] for n in _FROM if n in arguments]
    target = [arguments[n] for n in _TO if n in arguments]
    if len(source) != 1 or len(target) != 1 or len(arguments) != len(source + target):
        return None
    pair = source[0], target[0]
    return (
        pair if all(isinstance(p, str) and p and _is_plain(p) for p in pair) else None
    )


def _directory(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    names = ("path", "dir_path", "directory", "directory_path", "folder_path", "dir")
    said = [arguments[n] for n in names if n in arguments]
    if len(said) != 1 or arguments.keys() - {*names, "recursive", "parents"}:
        return None
    if not isinstance(said[0], str) or not said[0] or not _is_plain(said[0]):
        return None
    made = FileWrite(joined(cwd, said[0]), how="directory")
    return Known("search", {"path": posixpath.dirname(made.path)}, (made,))


_LINES = frozenset({"path", "mode", "start_line", "end_line", "summary", "depth"})


def _lines(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    """One file or directory, or several by `operations`, each with a mode."""
    items = arguments.get("operations")
    if items is None:
        items = [arguments]
    elif arguments.keys() - {"operations", "summary"} or not isinstance(items, list):
        return None
    paths = [_line(item) for item in items]
    if not paths or None in paths:
        return None
    del cwd
    return Known("read", {"paths": paths})


def _line(item: Any) -> str | None:  # noqa: ANN401  # any JSON value
    if not isinstance(item, dict) or item.keys() - _LINES:
        return None
    path = item.get("path")
    shown = item.get("mode", "Line") in ("Line", "Directory", "Image")
    return path if shown and isinstance(path, str) else None


def _action(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    """A command in an object of its own, or in the call itself."""
    action = arguments.get("action")
    if action is None:
        said = dict(arguments)
    elif not isinstance(action, dict) or len(arguments) > 1:
        return None
    else:
        said = {k: v for k, v in action.items() if v is not None and v != {}}
        if said.pop("type", "exec") != "exec":
            return None
    del cwd
    return Known("exec", said)


def _page(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    """A page by a list of one address."""
    urls = arguments.get("urls")
    said = {k: v for k, v in arguments.items() if k not in {"urls", "query"}}
    if isinstance(urls, list) and len(urls) == 1 and isinstance(urls[0], str):
        said["url"] = urls[0]
    elif urls is not None:
        return None
    del cwd
    return Known("fetch", said)


# By names in the form of :func:`clawlaw.core.spelling.snake`.
READINGS: Mapping[str, Reading] = {
    "str_replace_editor": _editor,
    "str_replace_based_edit_tool": _editor,
    "fs_write": _editor,
    "fs_read": _lines,
    "read_many_files": _many,
    **dict.fromkeys(
        ("file_search", "find_by_name", "find_files", "glob", "glob_file_search"),
        _names,
    ),
    "apply_patch": _patch,
    "local_shell": _action,
    "fetch_webpage": _page,
    **dict.fromkeys(("move_file", "rename_file"), _move),
    "copy_file": _copy,
    **dict.fromkeys(("create_directory", "make_directory", "create_dir"), _directory),
}
