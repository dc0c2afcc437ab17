"""The filters ``forge_changes`` and ``forge_blast_radius``, for plain data."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from forge.change.applied import Applied
from forge.change.model import Plan, Scope, decode_plan, encode_plan
from forge.change.plan import plan_of_hostvars
from forge.change.snapshot import Surroundings, plain
from forge.errors import InputError

LEAST_KEY = 16  # bytes


def changes(
    hostvars: Mapping[str, Any],
    groups: Mapping[str, Iterable[str]],
    *,
    key: str,
    applied: Mapping[str, Any] | None = None,
    surroundings: Mapping[str, Any] | None = None,
    scope: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the plan of a run as plain data.

    Args:
        hostvars: The magic variable of that name.
        groups: The magic variable of that name.
        key: For the digests of secrets, hexadecimal, at least 16 bytes.
        applied: The record of what is applied; None: nothing is known of any host.
        surroundings: Fields of :class:`Surroundings`.
        scope: Fields of :class:`Scope`.

    Raises:
        InputError: Something is not of its form.
    """
    plan = plan_of_hostvars(
        hostvars,
        groups,
        applied=None if applied is None else _read(applied, Applied, "applied"),
        surroundings=_read(surroundings or {}, Surroundings, "surroundings"),
        key=_key(key),
        scope=_read(scope or {}, Scope, "scope"),
    )
    return _data(plan)


def blast_radius(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the blast radius of a plan as plain data.

    Args:
        plan: What :func:`changes` returned.

    Raises:
        InputError: Not such a plan, or one that was edited.
    """
    try:
        found = decode_plan(msgspec.json.encode(plain(plan)))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"forge_blast_radius: {error}", remedy="give it what forge_changes returned"
        ) from error
    blast: dict[str, Any] = _data(found)["blast"]
    return blast


def _data(plan: Plan) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(encode_plan(plan))
    return data


def _read[T: (Applied, Surroundings, Scope)](
    value: Mapping[str, Any], kind: type[T], name: str
) -> T:
    try:
        return msgspec.convert(plain(value), kind)
    except msgspec.ValidationError as error:
        raise InputError(
            f"forge_changes: {name}: {error}", remedy="see ansible-doc -t filter"
        ) from error


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex("".join(text))
    except ValueError:
        key = b""
    if len(key) < LEAST_KEY:
        raise InputError(
            f"forge_changes: key is not {LEAST_KEY} bytes or more in hexadecimal",
            remedy="make one with `openssl rand -hex 32`, and keep it secret",
        )
    return key
