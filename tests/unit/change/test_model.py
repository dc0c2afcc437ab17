"""A plan keeps its form, and its digest notices every edit."""

import msgspec
import pytest

from forge.change.model import (
    NOTHING_APPLIED,
    BlastRadius,
    Change,
    Inputs,
    Kind,
    Plan,
    Scope,
    decode_plan,
    encode_plan,
    plan_digest,
)


def plan() -> Plan:
    made = Plan(
        digest="",
        applied_digest=NOTHING_APPLIED,
        inputs=Inputs(inventory="a", extra_vars="b", pins="c", tree="d", ansible="e"),
        scope=Scope(),
        is_first=True,
        changes=(Change(host="*", subject="vars.x", kind=Kind.CHANGED, after=[1]),),
        impacts=(),
        blast=BlastRadius(),
        hosts_before=(),
        hosts_after=(),
    )
    return msgspec.structs.replace(made, digest=plan_digest(made))


def test_a_plan_survives_its_byte_form() -> None:
    assert decode_plan(encode_plan(plan())) == plan()


def test_an_edited_plan_is_refused() -> None:
    edited = encode_plan(plan()).replace(b'"is_first":true', b'"is_first":false')
    with pytest.raises(ValueError, match="it was changed"):
        decode_plan(edited)
