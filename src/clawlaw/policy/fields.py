"""What every effect kind has, for conditions: names and types from the structs."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from clawlaw.core import actions
from clawlaw.policy.errors import nearest

# Fields that hold paths of files; the `path` of a request is part of an address.
_PATHS = {
    ("file.read", "path"),
    ("file.write", "path"),
    ("file.write", "target"),
    ("file.delete", "path"),
    ("file.move", "path"),
    ("file.move", "to"),
    ("process.exec", "script"),
}
_SPECIAL = {
    ("net.request", "host"): "host",
    ("process.exec", "program"): "program",
    ("process.exec", "family"): "family",
}


@dataclass(frozen=True, slots=True)
class FieldType:
    """Type of one field of an effect.

    Attributes:
        kind: path, host, program, family, text, choice, flag, number, texts.
        choices: Of a choice.
    """

    kind: str
    choices: tuple[str, ...] = ()


def _field_type(effect: str, name: str, hint: Any) -> FieldType:
    while True:
        if hasattr(hint, "__value__"):
            hint = hint.__value__
        elif get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        else:
            break
    if (effect, name) in _PATHS:
        return FieldType("path")
    if (effect, name) in _SPECIAL:
        return FieldType(_SPECIAL[effect, name])
    if get_origin(hint) is Literal:
        return FieldType("choice", get_args(hint))
    if get_origin(hint) is tuple:
        return FieldType("texts")
    return FieldType({bool: "flag", int: "number", str: "text"}[hint])


def _kinds() -> dict[str, dict[str, FieldType]]:
    found: dict[str, dict[str, FieldType]] = {}
    for struct in get_args(actions.AnyEffect.__value__):
        tag = str(struct.__struct_config__.tag)
        hints = get_type_hints(struct, include_extras=True)
        found[tag] = {
            name: _field_type(tag, name, hints[name])
            for name in struct.__struct_fields__
        }
    return found


KINDS: dict[str, dict[str, FieldType]] = _kinds()
KIND_OF: dict[type[actions.Effect], str] = {
    struct: str(struct.__struct_config__.tag)
    for struct in get_args(actions.AnyEffect.__value__)
}


def expand_kinds(names: list[str]) -> tuple[str, ...]:
    """Effect kinds of `on:`; `file.*` stands for all of that family.

    Raises:
        ValueError: A kind that does not exist, or none at all.
    """
    if not names:
        raise ValueError("no effect kind")
    found: dict[str, None] = {}
    for name in names:
        some = [name] if name in KINDS else []
        if name.endswith(".*"):
            some = [kind for kind in KINDS if kind.startswith(name[:-1])]
        if not some:
            near = nearest(name, KINDS)
            hint = f" (did you mean {near!r}?)" if near else ""
            raise ValueError(f"no effect kind {name!r}{hint}")
        found.update(dict.fromkeys(some))
    return tuple(found)


def common_field(kinds: tuple[str, ...], name: str) -> FieldType:
    """Type of a field that all these kinds have alike.

    Raises:
        ValueError: A kind has no such field, or another type of it.
    """
    types = []
    for kind in kinds:
        if name not in KINDS[kind]:
            near = nearest(name, KINDS[kind])
            hint = f" (did you mean {near!r}?)" if near else ""
            raise ValueError(f"{kind} has no field {name!r}{hint}")
        types.append(KINDS[kind][name])
    if len({t.kind for t in types}) > 1:
        raise ValueError(f"{name!r} is not of one type in {', '.join(kinds)}")
    shared = [c for c in types[0].choices if all(c in t.choices for t in types)]
    return FieldType(types[0].kind, tuple(shared))
