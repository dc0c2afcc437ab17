"""Read and write versions.yml.

The file has one byte form: the comment at its top, then YAML with sorted keys in
block style. So tools may rewrite it without disturbing a reviewer, and a
comment on a pin is its ``why`` field.
"""

import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import override

import msgspec
import yaml

from forge.artifacts.errors import PinError
from forge.artifacts.pins import Pins, Versions
from forge.artifacts.rules import findings

FILE = "versions.yml"
_DICT_STEP = "[...]"  # how msgspec writes "some key of this mapping"


class _Loader(yaml.SafeLoader):
    """YAML whose duplicate keys are errors instead of the last one winning."""

    @override
    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise PinError(
                    f"line {line}: key {key.value!r} stands twice in one mapping",
                    remedy="keep one of them",
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """YAML with list items indented below their key."""

    @override
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless  # the base class asks for it inside mappings
        super().increase_indent(flow, indentless=False)


def load(path: Path) -> Versions:
    """Read versions.yml strictly.

    Args:
        path: The file; its folder is the checkout.

    Raises:
        PinError: It cannot be read, is not YAML, breaks the schema (the message
            names the key) or breaks a rule (the message lists every finding).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PinError(
            f"{path}: cannot be read: {error}",
            remedy=f"name the checkout's {FILE}, or run in the checkout",
        ) from error
    try:
        return Versions(path=path.resolve(), pins=decode(text))
    except PinError as error:
        raise PinError(f"{path}: {error.what}", remedy=error.remedy) from error


def decode(text: str) -> Pins:
    """Read the text of versions.yml; see :func:`load`."""
    try:
        raw = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise PinError(f"not YAML: {error}") from error
    try:
        pins = msgspec.convert(raw, Pins)
    except msgspec.ValidationError as error:
        raise PinError(
            _named(raw, str(error)),
            remedy="correct that key; docs/artifacts.md shows the form of each",
        ) from error
    problems = findings(pins)
    if problems:
        raise PinError("\n  ".join([f"{len(problems)} problem(s):", *problems]))
    return pins


def encode(text: str, pins: Pins) -> str:
    """Return versions.yml in its one form.

    Args:
        text: The file as it is; its leading comment lines are kept.
        pins: What it shall hold.
    """
    header = re.match(r"(?:(?:---|#[^\n]*)?\n)*", text)
    top = header[0] if header else ""
    body = yaml.dump(
        _without_defaults(msgspec.to_builtins(pins)),
        Dumper=_Dumper,
        sort_keys=True,
        default_flow_style=False,
        allow_unicode=True,
        width=1000,
    )
    return f"{top}{body}"


def write(path: Path, pins: Pins) -> bool:
    """Replace versions.yml by ``pins`` in one step.

    Returns:
        Whether the file changed.
    """
    before = path.read_text(encoding="utf-8")
    after = encode(before, pins)
    if after == before:
        return False
    new = path.with_name(f".{path.name}.new")
    new.write_text(after, encoding="utf-8")
    os.replace(new, path)  # noqa: PTH105 - the atomic call by its own name
    return True


def _without_defaults(value: object) -> object:
    """Drop what is absent, so that a pin shows only what it says."""
    if isinstance(value, dict):
        return {
            key: _without_defaults(item)
            for key, item in value.items()
            if item not in (None, {}, [])
        }
    if isinstance(value, list | tuple):
        return [_without_defaults(item) for item in value]
    return value


def _named(raw: object, message: str) -> str:
    """Put the real keys in place of the dots of a msgspec message."""
    found = re.search(r"`\$(\S*)`$", message)
    if found is None:
        return message
    steps = re.findall(r"\[\.\.\.\]|\[\d+\]|\.[^.\[]+", found[1])
    path: list[object] = []
    for step in steps:
        if step == _DICT_STEP:
            path.append(_guilty(raw, path, message))
        elif step.startswith("["):
            path.append(int(step[1:-1]))
        else:
            path.append(step[1:])
    what, _, at = message.rpartition(" - at ")
    if at.startswith("`key` in "):  # the key itself is wrong, not its value
        path.append(_guilty(raw, path, message))
    where = ".".join(str(step) for step in path) or "the top"
    return f"{where}: {what}"


def _guilty(raw: object, path: list[object], message: str) -> object:
    """Return the key below ``path`` whose value, alone, gives the same error."""
    for key in _at(raw, path):
        try:
            msgspec.convert(_only(raw, path, key), Pins)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return key
    return "?"


def _at(raw: object, path: list[object]) -> list[object]:
    for step in path:
        raw = raw[step]  # type: ignore[index]  # the path exists: msgspec walked it
    return list(raw) if isinstance(raw, dict) else []


def _only(raw: object, path: list[object], key: object) -> object:
    if not path:
        return {key: raw[key]}  # type: ignore[index]  # same
    if isinstance(raw, dict):
        return {**raw, path[0]: _only(raw[path[0]], path[1:], key)}
    items = list(raw)  # type: ignore[call-overload]  # same
    items[path[0]] = _only(items[path[0]], path[1:], key)
    return items
