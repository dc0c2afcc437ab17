"""What tools do that the gate does not know itself: a map that a policy teaches.

One entry names a tool's arguments, the effects of a call as templates that refer to
the arguments, what its answer carries, and what it costs. An argument that is not in
the entry makes the call opaque; one of the wrong type is refused. The shape is
documented in docs/tool-map.md.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, cast

import msgspec
from msgspec import Meta, Struct

from clawlaw.core.actions import AnyEffect, Json, Opaque
from clawlaw.core.errors import ClawLawError, ProposalError

type Kind = Literal["text", "integer", "boolean", "texts", "any"]
type Carried = Literal["untrusted", "personal", "secret", "internal"]

_MARK = "${"
# Fields of effects that are no text (:mod:`clawlaw.core.actions`).
_NUMBERS = frozenset({
    "amount", "bytes", "bytes_out", "closes", "count", "depth", "left", "lost",
    "kept", "members", "opens", "port", "tokens",
})  # fmt: skip
_LISTS = frozenset({
    "argv", "hosts", "joins", "labels", "names", "packages", "paths", "programs",
    "recipients", "tiers", "traits", "uses",
})  # fmt: skip


class ToolMapError(ClawLawError):
    """An entry of a tool map is not usable; the message names the part."""


class ArgumentSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """One argument of a tool.

    Attributes:
        type: "texts" is a list of text, or one text that stands for a list of one;
            "any" is only counted as known, whatever its shape.
        required: A call without it is refused.
        default: Taken where the argument is absent.
        path: The text is a path; it is joined to the working directory.
    """

    type: Kind = "text"
    required: bool = False
    default: Json = None
    path: bool = False


class ToolSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """What one tool does.

    Attributes:
        effects: Templates: fields of one effect each, `kind` included. A text that is
            exactly `${name}` takes the argument's value with its type; `${name}`
            inside a text takes it as text. An entry `when: name` in a template keeps
            the effect for calls that give that argument (and not as false).
        arguments: By name.
        returns: What an answer carries: written by others, personal data, secrets,
            internal data.
        cost: By budget unit, for each call.
        also: Further names of the same tool.
    """

    effects: tuple[dict[str, Json], ...]
    arguments: Mapping[str, ArgumentSpec] = {}
    returns: tuple[Carried, ...] = ()
    cost: Mapping[str, Annotated[int, Meta(ge=0)]] = {}
    also: tuple[str, ...] = ()


def check(name: str, spec: ToolSpec) -> None:
    """Refuse an entry whose templates cannot become effects.

    Raises:
        ToolMapError: A template refers to no argument or makes no effect.
    """
    if not spec.effects:
        raise ToolMapError(f"tool {name}: no effects")
    sample: dict[str, Json] = {
        key: _sample(argument) for key, argument in spec.arguments.items()
    }
    for index, template in enumerate(spec.effects):
        where = f"tool {name}: effects[{index}]"
        when = template.get("when")
        if when is not None and when not in spec.arguments:
            raise ToolMapError(f"{where}.when: {when!r} is not an argument")
        try:
            _effect(template, sample)
        except KeyError as error:
            raise ToolMapError(
                f"{where}: {error.args[0]!r} is not an argument"
            ) from None
        except msgspec.ValidationError as error:
            raise ToolMapError(f"{where}: {error}") from None


def _sample(argument: ArgumentSpec) -> Json:
    samples: dict[str, Json] = {
        "text": "/x" if argument.path else "x",
        "integer": 1,
        "boolean": True,
        "texts": ["/x" if argument.path else "x"],
        "any": "x",
    }
    return samples[argument.type]


def effects_of(
    spec: ToolSpec, arguments: Mapping[str, Json], cwd: str
) -> list[AnyEffect]:
    """Effects of one call.

    Args:
        spec: Checked by :func:`check`.
        arguments: As the client gave them.
        cwd: Absolute directory that paths are relative to.

    Raises:
        ProposalError: An argument is missing, of the wrong type, or out of range.
    """
    values: dict[str, Json] = {}
    for name, argument in spec.arguments.items():
        values[name] = _value(name, argument, arguments.get(name), cwd)
    found: list[AnyEffect] = []
    for template in spec.effects:
        when = template.get("when")
        if isinstance(when, str) and not arguments.get(when):
            continue
        try:
            found += _spread(template, values, spec)
        except msgspec.ValidationError as error:
            raise ProposalError("arguments", str(error)) from None
    found += [
        Opaque("an argument that the tool map does not know", name)
        for name in sorted(arguments)
        if name not in spec.arguments
    ]
    return found


def _value(name: str, argument: ArgumentSpec, given: Json, cwd: str) -> Json:
    field = f"arguments.{name}"
    if given is None:
        if argument.required:
            raise ProposalError(field, "missing")
        return _empty(argument) if argument.default is None else argument.default
    kind = argument.type
    if kind == "texts" and isinstance(given, str):
        given = [given]
    fits = {
        "text": isinstance(given, str),
        "integer": isinstance(given, int) and not isinstance(given, bool),
        "boolean": isinstance(given, bool),
        "texts": isinstance(given, list) and all(isinstance(i, str) for i in given),
        "any": True,
    }
    if not fits[kind]:
        raise ProposalError(field, f"not {kind}")
    if argument.path and isinstance(given, str):
        return _joined(given, cwd, field)
    if argument.path and isinstance(given, list):
        return [_joined(str(item), cwd, field) for item in given]
    return given


def _empty(argument: ArgumentSpec) -> Json:
    empty: dict[str, Json] = {
        "text": "",
        "integer": 0,
        "boolean": False,
        "texts": [],
        "any": "",
    }
    return empty[argument.type]


def _joined(path: str, cwd: str, field: str) -> str:
    if not path or "\0" in path:
        raise ProposalError(field, "not a path")
    return path if path.startswith("/") else f"{cwd.rstrip('/')}/{path}"


def _spread(
    template: Mapping[str, Json],
    values: Mapping[str, Json],
    spec: ToolSpec,
    fixed: Mapping[str, Json] = MappingProxyType({}),
) -> list[AnyEffect]:
    """One effect, or one for each item where a text refers to a list of texts."""
    for key, value in template.items():
        name = None if key in _LISTS or key in fixed else _reference(value)
        if name is None or spec.arguments[name].type != "texts":
            continue
        items = cast("list[Json]", values[name])
        if not items and key != "path":
            items = [""]  # whom it concerns is not said; it happens all the same
        return [
            effect
            for item in items
            for effect in _spread(template, values, spec, {**fixed, key: item})
        ]
    return [_effect(template, values, fixed)]


def _reference(value: Json) -> str | None:
    if isinstance(value, str) and value.startswith(_MARK) and value.endswith("}"):
        name = value[2:-1]
        return name if "}" not in name else None
    return None


def _effect(
    template: Mapping[str, Json],
    values: Mapping[str, Json],
    fixed: Mapping[str, Json] = MappingProxyType({}),
) -> AnyEffect:
    """One effect; what is `fixed` is a value and no template."""
    fields = {
        key: _fitted(key, fixed[key] if key in fixed else _filled(value, values))
        for key, value in template.items()
        if key != "when"
    }
    for key, value in fields.items():
        if isinstance(value, list) and key not in _LISTS and value:
            fields[key] = value[0]  # of the sample that a check is made with
    return msgspec.convert(fields, type=AnyEffect)  # type: ignore[no-any-return]  # msgspec types a union as Any


def _fitted(key: str, value: Json) -> Json:
    """A number where a text belongs is its digits, one text a list of one."""
    if key in _LISTS:
        items = value if isinstance(value, list) else [value] if value != "" else []
        return [_fitted("", item) for item in items]
    if key not in _NUMBERS and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _filled(value: Json, values: Mapping[str, Json]) -> Json:
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if not isinstance(value, str) or _MARK not in value:
        return value
    name = _reference(value)
    if name is not None:
        return values[name]
    text = ""
    rest = value
    while _MARK in rest:
        before, _, rest = rest.partition(_MARK)
        name, _, rest = rest.partition("}")
        text += before + str(values[name])
    return text + rest
