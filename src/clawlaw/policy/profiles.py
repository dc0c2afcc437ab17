"""The argv profiles that come with the gate: read, checked and made ready for use."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import cast

import msgspec
from msgspec import Struct

from clawlaw.core.canonical import Json, digest
from clawlaw.core.shell.profile import Judge, Profile, Profiles
from clawlaw.core.shell.spec import (
    FileSpec,
    GroupSpec,
    OptionSpec,
    ProfileSpec,
    SpecError,
    TableSpec,
    VariantSpec,
)
from clawlaw.core.shell.tables import Table, compile_table
from clawlaw.policy.errors import nearest
from clawlaw.policy.source import Place, Plain, Source, read_source

FOLDER = "profiles"


def read_files() -> dict[str, bytes]:
    """The profile files of this installation, by name."""
    folder = files("clawlaw").joinpath(FOLDER)
    found = {f.name: f.read_bytes() for f in folder.iterdir() if f.name[-5:] == ".yaml"}
    return dict(sorted(found.items()))


@cache
def builtin() -> Profiles:
    """The profiles of this installation; read once.

    Raises:
        PolicyError: A file is not usable; names file, line and what was meant.
    """
    from clawlaw.core.shell.lang import HANDLERS  # noqa: PLC0415  # judges look back here

    return build(read_files(), HANDLERS)


def build(raw: Mapping[str, bytes], judges: Mapping[str, Judge]) -> Profiles:
    """Make profiles from the bytes of their files.

    Args:
        raw: UTF-8 YAML by file name.
        judges: Of small languages, by the names that `handler` uses.

    Raises:
        PolicyError: A file is not usable, or two describe one program.
    """
    by_name: dict[str, Profile] = {}
    owner: dict[str, str] = {}
    sources = [read_source(name, content) for name, content in raw.items()]
    for source in sources:
        spec = read_spec(source)
        for names, profile in spec.profiles.items():
            place: Place = ("profiles", names)
            first = names.split()[0]
            table = _compile(source, place, first, profile, spec.groups)
            judge = _judge(source, place, profile, judges)
            for name in names.split():
                if name in by_name:
                    problem = f"program {name} is described in {owner[name]} as well"
                    raise source.error(place, problem)
                owner[name] = source.file
                by_name[name] = Profile(name, spec.family, table, judge)
    return Profiles(by_name, digest({s.file: cast("Json", s.data) for s in sources}))


def _compile(
    source: Source,
    place: Place,
    name: str,
    spec: ProfileSpec,
    groups: Mapping[str, GroupSpec],
) -> Table:
    try:
        return compile_table(spec, name, groups)
    except SpecError as error:
        raise source.error(place, str(error)) from error


def _judge(
    source: Source, place: Place, spec: ProfileSpec, judges: Mapping[str, Judge]
) -> Judge | None:
    if not spec.handler:
        return None
    if spec.handler not in judges:
        problem = f"no judge is called {spec.handler!r}"
        raise source.error(place, problem, nearest(spec.handler, judges))
    return judges[spec.handler]


def read_spec(source: Source) -> FileSpec:
    """The closed form of one file.

    Raises:
        PolicyError: A field is unknown or has the wrong type.
    """
    _check_fields(source, (), source.data, FileSpec)
    data = source.data
    for part, kind in (("profiles", ProfileSpec), ("groups", GroupSpec)):
        for name, value in _items(data.get(part)):
            try:
                msgspec.convert(value, kind)
            except msgspec.ValidationError as error:
                raise source.error((part, name), str(error)) from error
    try:
        return msgspec.convert(data, FileSpec)
    except msgspec.ValidationError as error:
        raise source.error((), str(error)) from error


# Fields that hold further structures, by the key or index that leads to them.
_INSIDE: dict[str, type[Struct]] = {
    "profiles": ProfileSpec,
    "groups": GroupSpec,
    "commands": TableSpec,
    "options": OptionSpec,
    "variants": VariantSpec,
}


def _items(value: Plain) -> Iterable[tuple[str | int, Plain]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _check_fields(
    source: Source, place: Place, data: Plain, kind: type[Struct]
) -> None:
    if not isinstance(data, dict):
        return
    known = kind.__struct_fields__
    for key, value in data.items():
        here = (*place, key)
        if key not in known:
            problem = f"unknown field {key!r} of a {kind.__name__}"
            raise source.error(here, problem, nearest(key, known))
        inner = _INSIDE.get(key)
        if inner is not None:
            for name, item in _items(value):
                _check_fields(source, (*here, name), item, inner)
