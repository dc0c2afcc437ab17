"""Bytes to a proposal, or one error that names the field.

JSON leaves open what readers then disagree on: two members of one name, numbers that
do not fit, text that is no text. Whoever decides and whoever performs must read the
same, so all of it is refused. One number is common in honest calls and has no exact
form: a number with a fraction or an exponent. Inside `arguments` it is kept as the
text it was written in; anywhere else it is refused.

A call costs one parse and one conversion. The path of a fault is looked for only when
there is one.

Source: RFC 8259, sections 4, 6, 8; RFC 7493 (I-JSON).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Never

import msgspec

from clawlaw.core.actions import MAX_DEPTH, MAX_TEXT, Proposal
from clawlaw.core.canonical import MAX_INTEGER
from clawlaw.core.errors import ProposalError

_DIGITS = 15  # an integer of so many characters is always exact
_SHOWN = 60  # characters of a field's path in a message


class _RefusedError(Exception):
    """The fast parse met something that is refused; the slow one says where."""


class _Members(list[tuple[str, Any]]):
    """Members of an object as they stood, repeated names included."""


class _Number(str):
    """A constant or an integer without an exact form, as it was written."""

    __slots__ = ()


class _Fraction(str):
    """A number with a fraction or an exponent, as it was written."""

    __slots__ = ()


def decode_proposal(
    data: bytes, tools: Mapping[str, frozenset[str]] | None = None
) -> Proposal:
    """Decode one proposal.

    Args:
        data: JSON text, UTF-8 without a byte order mark, at most `MAX_TEXT` bytes.
        tools: Names of the arguments that a tool takes, by tool; a tool that is not
            there may have any.

    Returns:
        The proposal; every string is valid Unicode without NUL, every integer is
        within 2^53 - 1, nothing is nested deeper than `MAX_DEPTH` in the arguments.

    Raises:
        ProposalError: Anything else, whatever the bytes are.
    """
    return to_proposal(read_strictly(data), tools)


def read_strictly(data: bytes) -> Any:  # noqa: ANN401  # any JSON value
    """Parse JSON text that every reader reads alike.

    Args:
        data: UTF-8 without a byte order mark, at most `MAX_TEXT` bytes.

    Returns:
        Plain data: numbers are integers within 2^53 - 1, fractions inside `arguments`
        stay text, every string is valid Unicode without NUL.

    Raises:
        ProposalError: Anything else.
    """
    if len(data) > MAX_TEXT:
        raise ProposalError("", f"{len(data)} bytes, at most {MAX_TEXT} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProposalError("", f"not UTF-8 at byte {error.start}") from error
    value = _parse(text)
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH or b"\\u" in data:
        _search(value, _fault_of_text)
    return value


def to_proposal(
    value: object, tools: Mapping[str, frozenset[str]] | None = None
) -> Proposal:
    """Make a proposal of what :func:`read_strictly` gave.

    Raises:
        ProposalError: A member is missing, of a wrong type, or not of a proposal.
    """
    try:
        proposal = msgspec.convert(value, Proposal)
    except msgspec.ValidationError as error:
        raise invalid(value, str(error)) from error
    _check_text(proposal)
    if tools is not None:
        _check_arguments(proposal, tools)
    return proposal


def _parse(text: str) -> Any:  # noqa: ANN401  # any JSON value; convert gives the type
    try:
        try:
            return _FAST.decode(text)
        except _RefusedError:
            members = _SLOW.decode(text)
            _search(members, _fault)
            return _plain(members)
    except json.JSONDecodeError as error:
        raise ProposalError(
            "", f"not JSON at character {error.pos}: {error.msg}"
        ) from error
    except RecursionError as error:
        raise ProposalError("", _too_deep()) from error


def _too_deep() -> str:
    return f"nested deeper than {MAX_DEPTH} levels"


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RefusedError
    return members


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        if len(text) > _DIGITS + 2:
            raise _RefusedError
        if abs(int(text)) > MAX_INTEGER:
            raise _RefusedError
    return int(text)


def _integer_or_number(text: str) -> int | _Number:
    try:
        return _integer(text)
    except _RefusedError:
        return _Number(text)


def _refused(_: str) -> Never:
    raise _RefusedError


def _plain(value: Any) -> Any:  # noqa: ANN401  # any JSON value
    """What the fast parse would have given, had it kept fractions."""
    if isinstance(value, _Members):
        return {str(key): _plain(item) for key, item in value}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


_FAST = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_float=_refused,
    parse_int=_integer,
    parse_constant=_refused,
)
_SLOW = json.JSONDecoder(
    object_pairs_hook=_Members,
    parse_float=_Fraction,
    parse_int=_integer_or_number,
    parse_constant=_Number,
)


def _walk(value: Any) -> Iterator[tuple[str, Any, int]]:  # noqa: ANN401  # any JSON
    """Every value with its path and depth, without recursion, and keys as values."""
    todo = [("", value, 0)]
    while todo:
        path, value, depth = todo.pop()
        yield path, value, depth
        if isinstance(value, (dict, _Members)):
            members = value.items() if isinstance(value, dict) else value
            for key, item in members:
                yield f"{path} key", key, depth
                todo.append((f"{path}.{key}" if path else key, item, depth + 1))
        elif isinstance(value, list):
            todo += [(f"{path}[{i}]", v, depth + 1) for i, v in enumerate(value)]


def _search(value: Any, fault: Callable[[str, Any], str]) -> None:  # noqa: ANN401  # any JSON
    """Raise for the first value that has a fault or is nested too deep."""
    for path, item, depth in _walk(value):
        # The arguments are the first level, the proposal around them is none.
        deep = depth > MAX_DEPTH and isinstance(item, (dict, list))
        reason = _too_deep() if deep else fault(path, item)
        if reason:
            raise ProposalError(_shown(path.strip()), reason)


def _shown(path: str) -> str:
    """A field's path that can be printed and is not long."""
    text = path.encode("ascii", "backslashreplace").decode("ascii")
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _fault(path: str, value: object) -> str:
    """What is refused in a value as it was written."""
    if isinstance(value, _Number):
        if value[-1:].isdigit():
            return "an integer beyond 2^53 - 1"
        return f"{value} is not a number of JSON"
    if isinstance(value, _Fraction) and not path.startswith("arguments."):
        return "a number with a fraction or an exponent"
    if isinstance(value, _Members):
        seen: set[str] = set()
        for key, _ in value:
            if key in seen:
                return f"the member {_shown(key)!r} is there twice"
            seen.add(key)
    return ""


def _fault_of_text(_: str, value: object) -> str:
    if isinstance(value, str):
        if "\0" in value:
            return "holds NUL"
        if not value.isascii():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                return "holds half of a surrogate pair"
    return ""


def _check_text(proposal: Proposal) -> None:
    """Refuse what no identifier or path may hold."""
    said = (proposal.principal, proposal.session, proposal.tool, proposal.cwd)
    if "".join((*said, proposal.id, proposal.purpose, proposal.goal)).isprintable():
        return
    for field in ("principal", "session", "tool", "cwd", "id", "purpose", "goal"):
        if not getattr(proposal, field).isprintable():
            raise ProposalError(field, "holds a control or invisible character")


def _check_arguments(proposal: Proposal, tools: Mapping[str, frozenset[str]]) -> None:
    listed = tools.get(proposal.tool)
    if listed is None:
        return
    for name in proposal.arguments:
        if name not in listed:
            raise ProposalError(
                _shown(f"arguments.{name}"),
                f"{proposal.tool} takes {', '.join(sorted(listed)) or 'no arguments'}",
            )


def invalid(value: object, message: str) -> ProposalError:
    """Split what msgspec says ("... - at `$.effects[0].path`") in field and reason."""
    reason, _, where = message.partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    unknown = reason.removeprefix("Object contains unknown field `")
    missing = reason.removeprefix("Object missing required field `")
    if unknown != reason:
        field, reason = f"{field}.{unknown.rstrip('`')}", "no such field"
    elif missing != reason:
        field, reason = f"{field}.{missing.rstrip('`')}", "is missing"
    elif not isinstance(value, dict):
        reason = "a proposal is a JSON object"
    return ProposalError(_shown(field.lstrip(".")), reason)
