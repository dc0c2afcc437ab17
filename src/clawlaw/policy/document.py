"""The documents that a policy is written in, as structs with nothing left open.

Every file holds one document and says which kind it is (`document: law`). A field, a
value or a type that is not listed here is refused with its line. Conditions are typed
by the effects they look at; :mod:`clawlaw.policy.conditions` reads them.
"""

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct, field

from clawlaw.core.toolmap import ToolSpec
from clawlaw.policy.errors import PolicyError, nearest
from clawlaw.policy.source import Place, Source, read_source

type Id = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9.-]{0,79}$")]
type Namespace = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
type Sentence = Annotated[str, Meta(min_length=8, max_length=400)]
type Amount = Annotated[int, Meta(ge=0, le=2**53 - 1)]
type LabelName = Literal[
    "untrusted",
    "secret",
    "downloaded",
    "written",
    "personal",
    "internal",
    "executable",
    "code",
    "staged",
]


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a document."""


class ExamplePath(Entry, frozen=True):
    """What an example finds at a path; by default a file that is what it is called."""

    resolved: str = ""
    kind: Literal["file", "directory", "other", "absent", "unknown"] = "file"
    links: int = 1
    linked: bool = False


class Example(Entry, frozen=True):
    """An action that a rule applies to, or not.

    Exactly one of the tools or `effect` is given: the command of `exec`, the path of
    `read`, `write`, `edit` and `delete`, the address of `fetch`; or `call`, a tool
    with its arguments; or one effect with its fields.
    """

    exec: str | None = None
    read: str | None = None
    write: str | None = None
    edit: str | None = None
    delete: str | None = None
    fetch: str | None = None
    call: dict[str, Any] | None = None
    effect: dict[str, Any] | None = None
    cwd: str = ""
    paths: dict[str, ExamplePath] = {}
    globs: dict[str, list[str]] = {}
    missing: list[str] = []
    writable: list[str] = []
    labels: dict[str, list[LabelName]] = {}
    session: list[LabelName] = []
    flow: list[LabelName] = []
    sandbox: bool = False
    mediated: bool = True
    purpose: str = ""
    principal: str = ""
    namespaces: list[str] = []  # of the session's scope


class RuleEntry(Entry, frozen=True):
    """One rule: on these effects, when this holds, then that verdict."""

    id: Id
    on: list[str]
    then: Literal["allow", "escalate", "deny"]
    because: Sentence
    when: dict[str, Any] = {}
    unless: dict[str, Any] = {}
    remedy: Annotated[str, Meta(max_length=400)] = ""
    risk: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    waivable: bool | None = None  # as a rule what escalates is, what denies is not
    match: Annotated[list[Example], Meta(min_length=1)] = field(default_factory=list)
    not_match: Annotated[list[Example], Meta(min_length=1)] = field(
        default_factory=list
    )


class LawDocument(
    Entry, frozen=True, forbid_unknown_fields=True, tag_field="document", tag="law"
):
    """Rules under one law of the Codex."""

    law: Annotated[int, Meta(ge=0, le=10)]  # and not 7, which judges bodies that move
    title: str
    rules: list[RuleEntry]


class SetsDocument(
    Entry, frozen=True, forbid_unknown_fields=True, tag_field="document", tag="sets"
):
    """Named sets that conditions refer to."""

    paths: dict[Id, list[str]] = {}
    hosts: dict[Id, list[str]] = {}
    programs: dict[Id, list[str]] = {}


class CeilingEntry(Entry, frozen=True):
    """What a principal's sessions may touch at most."""

    paths: list[str] = []
    hosts: list[str] = []
    programs: list[str] = []
    namespaces: list[Namespace] = []


class PrincipalEntry(Entry, frozen=True):
    """An enrolled identity."""

    name: Id
    purposes: Annotated[list[Id], Meta(min_length=1)]
    ceiling: CeilingEntry
    budgets: dict[Literal["actions", "tokens", "seconds", "bytes_out"], Amount]
    room_budgets: dict[Literal["actions", "tokens", "seconds", "bytes_out"], Amount] = (
        field(default_factory=dict)
    )
    sessions: Annotated[int, Meta(ge=1, le=1024)] = 8
    depth: Annotated[int, Meta(ge=0, le=8)] = 1
    tier: Annotated[int, Meta(ge=1, le=4)] = 3
    baseline: dict[str, Annotated[int, Meta(ge=0, le=1_000_000)]] = field(
        default_factory=dict
    )


class PurposeEntry(Entry, frozen=True):
    """What sessions of one purpose ordinarily do."""

    name: Id
    kinds: Annotated[list[str], Meta(min_length=1)]
    programs: list[str] = []
    off: Literal["escalate", "deny"] = "escalate"


class PolicyDocument(
    Entry, frozen=True, forbid_unknown_fields=True, tag_field="document", tag="policy"
):
    """Name, version, numbers, purposes and principals; one a folder."""

    name: Id
    version: Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]
    description: str = ""
    settings: dict[str, int] = {}
    # Labels that files carry from the start, by sets of paths.
    labels: dict[Literal["secret", "personal", "internal"], list[Id]] = field(
        default_factory=dict
    )
    # Sets of hosts that belong to the room: what they receive has not left it.
    internal: list[Id] = []
    # Set of paths that no rule can open.
    own: list[Id] = []
    purposes: list[PurposeEntry] = []
    principals: list[PrincipalEntry] = []


class ToolsDocument(
    Entry, frozen=True, forbid_unknown_fields=True, tag_field="document", tag="tools"
):
    """What the tools of a client do, by their names."""

    tools: dict[str, ToolSpec]


type Document = LawDocument | SetsDocument | PolicyDocument | ToolsDocument
_KINDS: dict[str, type[Struct]] = {
    "law": LawDocument,
    "sets": SetsDocument,
    "policy": PolicyDocument,
    "tools": ToolsDocument,
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document with the lines of its source."""

    document: Document
    source: Source


def decode_document(file: str, raw: bytes) -> Loaded:
    """Read one document.

    Args:
        file: Name for messages.
        raw: UTF-8 YAML.

    Raises:
        PolicyError: With file, line, what is wrong and what was probably meant.
    """
    source = read_source(file, raw)
    kind = source.data.get("document")
    if not isinstance(kind, str) or kind not in _KINDS:
        near = nearest(str(kind), _KINDS) or "law"
        problem = f"`document` is one of {', '.join(_KINDS)}, not {kind!r}"
        raise source.error(("document",), problem, near)
    struct = _KINDS[kind]
    return Loaded(convert_source(source, struct), source)  # type: ignore[arg-type]  # of the kinds above


def convert_source[T: Struct](source: Source, struct: type[T]) -> T:
    """The data of a document as one struct.

    Raises:
        PolicyError: With file, line, what is wrong and what was probably meant.
    """
    try:
        return msgspec.convert(source.data, struct)
    except msgspec.ValidationError as error:
        raise _located(source, struct, str(error)) from error


def _located(source: Source, struct: type[Struct], message: str) -> PolicyError:
    """The message of msgspec with the line, and the word that was probably meant."""
    text, _, path = message.partition(" - at `")
    in_key, _, path = ("$", "", path) if path[:1] == "$" else path.partition("` in `")
    place, kind = _follow(source.data, struct, path.rstrip("`"))
    if in_key == "key":
        kind = get_args(kind)[0]
        place = (*place, _wrong_key(source.data, place, kind))
    word = text.partition("`")[2].partition("`")[0]
    suggestion = ""
    if "unknown field" in text and _is_struct(kind):
        suggestion = nearest(word, get_type_hints(kind))
        place = (*place, word)
    elif "Invalid enum value" in text:
        word = text.partition("'")[2].partition("'")[0]
        suggestion = nearest(word, map(str, get_args(_bare(kind))))
    return source.error(place, text, suggestion)


def _wrong_key(data: Any, place: Place, kind: Any) -> str:
    for step in place:
        data = data[step]
    return next((key for key in data if not _fits(key, kind)), "")


def _follow(data: Any, kind: Any, path: str) -> tuple[Place, Any]:
    """Where a path of msgspec leads; `[...]` is the key whose value does not fit."""
    place: Place = ()
    steps = path.removeprefix("$").replace("[...]", "[*]").replace("[", ".[")
    for part in steps.split(".")[1:]:
        kind = _bare(kind)
        if not part.startswith("["):
            key: str | int = part
            kind = get_type_hints(kind, include_extras=True)[part]
        elif isinstance(data, dict):
            kind = get_args(kind)[1]
            key = next((k for k, v in data.items() if not _fits(v, kind)), "")
        else:
            key, kind = int(part.strip("[]")), get_args(kind)[0]
        place, data = (*place, key), data[key] if key != "" else None
    return place, _bare(kind)


def _fits(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _bare(kind: Any) -> Any:
    """A type without its aliases, bounds and `None`."""
    while True:
        if hasattr(kind, "__value__"):
            kind = kind.__value__
        elif get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in {Union, types.UnionType}:
            kind = next(k for k in get_args(kind) if k is not type(None))
        else:
            return kind


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
