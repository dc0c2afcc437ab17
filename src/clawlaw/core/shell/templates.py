"""Effects that a profile states as data, made ready to be added to a command's."""

from collections.abc import Callable
from typing import Any, get_args

import msgspec

from clawlaw.core import actions
from clawlaw.core.shell.run import Run
from clawlaw.core.shell.spec import EffectSpec, SpecError
from clawlaw.core.shell.words import Word

type Emit = Callable[[Run], None]

_CLOSED: tuple[type[actions.Effect], ...] = get_args(actions.AnyEffect.__value__)
KINDS = {str(kind.__struct_config__.tag): kind for kind in _CLOSED}
PATHS = frozenset({"path", "to"})


def compile_effect(spec: EffectSpec, where: str) -> Emit:
    """Make a function that adds the effect to a command's.

    Args:
        spec: One kind with its first field, or with a mapping of fields; `$NAME` is
            what was captured, nothing where nothing was.
        where: For the message.

    Raises:
        SpecError: Unknown kind or field, or a value of the wrong type.
    """
    if len(spec) != 1:
        raise SpecError(f"{where}: an effect has one kind, got {len(spec)}")
    name, value = next(iter(spec.items()))
    kind = KINDS.get(name)
    if kind is None:
        raise SpecError(f"{where}: unknown effect {name!r}, one of {', '.join(KINDS)}")
    names = kind.__struct_fields__
    fields: dict[str, Any] = dict(value) if isinstance(value, dict) else {}
    if not isinstance(value, dict):
        fields[names[0]] = [value] if _is_list(kind, names[0]) else value
    _check(kind, fields, where)
    if not any(_is_open(key, item) for key, item in fields.items()):
        fixed = msgspec.convert({"kind": name, **fields}, kind)
        return lambda run: run.effects.append(fixed)  # type: ignore[arg-type]  # of AnyEffect
    return _opened(kind, fields)


def _is_open(key: str, item: object) -> bool:
    """Whether a field depends on the command line."""
    if key in PATHS:
        return True
    items = item if isinstance(item, list) else [item]
    return any(isinstance(i, str) and i.startswith("$") for i in items)


def _is_list(kind: type[actions.Effect], field: str) -> bool:
    defaults = kind.__struct_defaults__
    index = kind.__struct_fields__.index(field) - len(kind.__struct_fields__)
    return -index <= len(defaults) and isinstance(defaults[index], tuple)


def _check(kind: type[actions.Effect], fields: dict[str, Any], where: str) -> None:
    sample = {
        key: (["x"] if _is_list(kind, key) else "/x") if _is_open(key, item) else item
        for key, item in fields.items()
    }
    try:
        msgspec.convert({"kind": kind.__struct_config__.tag, **sample}, kind)
    except msgspec.ValidationError as error:
        raise SpecError(f"{where}: {kind.__struct_config__.tag}: {error}") from error


def _opened(kind: type[actions.Effect], fields: dict[str, Any]) -> Emit:
    lists = {key: _is_list(kind, key) for key in fields}

    def emit(run: Run) -> None:
        values: dict[str, Any] = {}
        for key, item in fields.items():
            found = _filled(run, item)
            if key in PATHS:
                path = run.path(Word(found[0] if found else "."))
                if path is None:
                    return
                values[key] = path
            elif lists[key]:
                values[key] = tuple(found)
            elif isinstance(item, str):
                values[key] = " ".join(found)
            else:
                values[key] = item
        if run.recursive and "recursive" in kind.__struct_fields__:
            values.setdefault("recursive", True)
        run.effects.append(kind(**values))  # type: ignore[arg-type]  # of AnyEffect

    return emit


def _filled(run: Run, item: object) -> list[str]:
    found: list[str] = []
    for part in item if isinstance(item, list) else [item]:
        if isinstance(part, str) and part.startswith("$"):
            found += run.captures.get(part[1:], [])
        else:
            found.append(str(part))
    return found
