"""Tools that a map teaches."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from clawlaw.core.actions import (
    FileRead,
    FileWrite,
    MessageSend,
    Opaque,
    ServiceChange,
)
from clawlaw.core.analyse import Analysis
from clawlaw.core.errors import ProposalError
from clawlaw.core.toolmap import (
    ArgumentSpec,
    ToolMapError,
    ToolSpec,
    check,
    effects_of,
)

type Look = Callable[..., Analysis]

PAY = {
    "arguments": {
        "recipient": {"required": True},
        "amount": {"type": "integer", "required": True},
        "note": {"default": "none"},
        "urgent": {"type": "boolean"},
        "extra": {"type": "any"},
    },
    "effects": [
        {
            "kind": "service.change",
            "service": "bank",
            "action": "pay",
            "counterparty": "${recipient}",
            "amount": "${amount}",
            "item": "${note} for ${recipient}",
        },
        {"kind": "message.send", "channel": "chat", "when": "urgent"},
    ],
}
FILES = {
    "arguments": {"files": {"type": "texts", "path": True, "required": True}},
    "effects": [{"kind": "file.write", "path": "${files}", "how": "create"}],
}


def spec(entry: dict[str, Any]) -> ToolSpec:
    found = msgspec.convert(entry, ToolSpec)
    check("tool", found)
    return found


def test_arguments_fill_the_templates(look: Look) -> None:
    call = {"recipient": "bob", "amount": 5, "extra": {"any": [1]}}
    found = look("tool", call, tools={"tool": spec(PAY)})
    assert found.effects == (ServiceChange("bank", "pay", "none for bob", "bob", 5),)


def test_an_effect_can_depend_on_an_argument(look: Look) -> None:
    call = {"recipient": "bob", "amount": 5, "urgent": True}
    found = look("tool", call, tools={"tool": spec(PAY)})
    assert found.effects[1] == MessageSend("chat")
    call["urgent"] = False
    assert len(look("tool", call, tools={"tool": spec(PAY)}).effects) == 1


def test_a_list_of_paths_is_one_effect_each(look: Look) -> None:
    tools = {"tool": spec(FILES)}
    found = look("tool", {"files": ["a", "/b"]}, tools=tools)
    assert [e.path for e in found.effects if isinstance(e, FileWrite)] == [
        "/workspace/a",
        "/b",
    ]
    assert found.request.paths == ("/workspace/a", "/b")
    assert len(look("tool", {"files": "a"}, tools=tools).effects) == 1


def test_a_call_without_any_effect_is_opaque(look: Look) -> None:
    found = look("tool", {"files": []}, tools={"tool": spec(FILES)})
    assert isinstance(found.effects[0], Opaque)


def test_an_argument_that_the_map_does_not_list_is_opaque(look: Look) -> None:
    call = {"recipient": "bob", "amount": 5, "then": "x"}
    found = look("tool", call, tools={"tool": spec(PAY)})
    assert [e.at for e in found.effects if isinstance(e, Opaque)] == ["then"]


def test_a_path_argument_of_text_is_joined(look: Look) -> None:
    entry = {
        "arguments": {"path": {"path": True}},
        "effects": [{"kind": "file.read", "path": "${path}"}],
    }
    found = look("tool", {"path": "../x"}, tools={"tool": spec(entry)})
    assert found.effects == (FileRead("/workspace/../x"),)


REFUSED = [
    (PAY, {"amount": 5}, "arguments.recipient"),
    (PAY, {"recipient": "bob", "amount": "5"}, "arguments.amount"),
    (PAY, {"recipient": "bob", "amount": True}, "arguments.amount"),
    (PAY, {"recipient": "bob", "amount": -5}, "arguments"),
    (PAY, {"recipient": ["bob"], "amount": 5}, "arguments.recipient"),
    (PAY, {"recipient": "bob", "amount": 5, "urgent": 1}, "arguments.urgent"),
    (FILES, {"files": [1]}, "arguments.files"),
    (FILES, {"files": [""]}, "arguments.files"),
    (FILES, {"files": ["a\0"]}, "arguments.files"),
]


@pytest.mark.parametrize(("entry", "call", "field"), REFUSED)
def test_a_value_of_the_wrong_type_is_refused(
    look: Look, entry: dict[str, Any], call: dict[str, Any], field: str
) -> None:
    with pytest.raises(ProposalError) as caught:
        look("tool", call, tools={"tool": spec(entry)})
    assert caught.value.field == field


UNUSABLE = [
    ({"effects": []}, "no effects"),
    ({"effects": [{"kind": "file.read", "path": "${a}"}]}, "'a' is not an argument"),
    ({"effects": [{"kind": "file.raed", "path": "x"}]}, r"effects\[0\]"),
    ({"effects": [{"kind": "file.read", "paht": "x"}]}, "paht"),
    ({"effects": [{"kind": "file.read", "path": "x", "when": "b"}]}, "'b' is not"),
]


@pytest.mark.parametrize(("entry", "message"), UNUSABLE)
def test_a_map_that_cannot_work_is_refused_when_it_loads(
    entry: dict[str, Any], message: str
) -> None:
    with pytest.raises(ToolMapError, match=message):
        spec(entry)


def test_a_number_is_text_and_one_text_a_list_where_the_field_wants_it() -> None:
    spec = ToolSpec(
        effects=(
            {"kind": "service.change", "service": "s", "action": "a", "item": "${id}"},
            {"kind": "message.send", "channel": "c", "recipients": "${to}"},
        ),
        arguments={"id": ArgumentSpec("integer"), "to": ArgumentSpec()},
    )
    check("t", spec)
    assert effects_of(spec, {"id": 7, "to": "ann"}, "/w") == [
        ServiceChange("s", "a", "7"),
        MessageSend("c", ("ann",)),
    ]
    assert effects_of(spec, {}, "/w")[1] == MessageSend("c")


def test_a_list_in_a_field_for_one_text_is_one_effect_a_value() -> None:
    template = {"kind": "service.change", "service": "s", "action": "a"}
    spec = ToolSpec(
        effects=({**template, "counterparty": "${to}", "item": "${id}"},),
        arguments={"to": ArgumentSpec("texts"), "id": ArgumentSpec()},
    )
    check("t", spec)
    found = effects_of(spec, {"to": ["a", "${id}"], "id": "7"}, "/w")
    assert found == [
        ServiceChange("s", "a", "7", "a"),
        ServiceChange("s", "a", "7", "${id}"),
    ]
    assert effects_of(spec, {"to": []}, "/w") == [ServiceChange("s", "a")]
