"""Bytes that are no proposal, and what the message says of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.actions import MAX_DEPTH, MAX_TEXT, FileRead, Proposal
from clawlaw.core.canonical import MAX_INTEGER
from clawlaw.core.decode import decode_proposal
from clawlaw.core.errors import ProposalError

WHOLE: dict[str, Any] = {
    "principal": "agent",
    "session": "s-1",
    "tool": "exec",
    "arguments": {"command": "git status"},
    "cwd": "/workspace",
}


def encoded(**changed: object) -> bytes:
    return json.dumps({**WHOLE, **changed}).encode()


def raw(arguments: str, more: str = "") -> bytes:
    """A proposal with arguments (and other members) exactly as written."""
    return (
        '{"principal":"agent","session":"s","tool":"mcp","cwd":"/w",'
        f'"arguments":{arguments}{more}}}'
    ).encode()


def refusal(data: bytes) -> ProposalError:
    with pytest.raises(ProposalError) as caught:
        decode_proposal(data)
    return caught.value


def outcome(data: bytes) -> str:
    """The tool or the reason; any other exception goes through."""
    try:
        return decode_proposal(data).tool
    except ProposalError as error:
        return error.reason


def test_a_whole_proposal() -> None:
    data = encoded(
        id="call-1",
        goal="sha256:00",
        effects=[{"kind": "file.read", "path": "/workspace/a"}],
        parents=["r-1"],
    )
    assert decode_proposal(data) == Proposal(
        "agent",
        "s-1",
        "exec",
        {"command": "git status"},
        "/workspace",
        "call-1",
        "",
        "sha256:00",
        (FileRead("/workspace/a"),),
        ("r-1",),
    )


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    ("data", "field", "reason"),
    [
        (b"", "", "not JSON"),
        (b"[]", "", "a proposal is a JSON object"),
        (b"nul", "", "not JSON"),
        (b'\xef\xbb\xbf{"a":1}', "", "not JSON"),
        (encoded() + b"{}", "", "not JSON"),
        (encoded(surprise=1), "surprise", "no such field"),
        (b'{"principal":"a"}', "session", "missing"),
        (encoded(principal=7), "principal", "Expected `str`"),
        (encoded(principal=""), "principal", "length >= 1"),
        (encoded(principal="a" * 201), "principal", "length <= 200"),
        (encoded(cwd="workspace"), "cwd", "regex"),
        (encoded(arguments=[]), "arguments", "Expected `object`"),
        (encoded(effects=[{"kind": "file.fly"}]), "effects[0].kind", "file.fly"),
        (encoded(effects=[{"path": "/a"}]), "effects[0].kind", "missing"),
        (
            encoded(effects=[{"kind": "file.read", "path": "/a", "mode": 1}]),
            "effects[0].mode",
            "no such field",
        ),
        (
            encoded(effects=[{"kind": "file.read", "path": "/a"}] * 65),
            "effects",
            "length <= 64",
        ),
        (raw('{"a":1,"a":2}'), "arguments", "'a' is there twice"),
        (raw('{"a":1,"\\u0061":2}'), "arguments", "'a' is there twice"),
        (raw('{"l":[{"b":{"c":1,"c":1}}]}'), "arguments.l[0].b", "'c' is there twice"),
        (raw("{}", ',"tool":"exec"'), "", "'tool' is there twice"),
        (raw('{"a":NaN}'), "arguments.a", "NaN is not"),
        (raw('{"a":[-Infinity]}'), "arguments.a[0]", "-Infinity is not"),
        (raw('{"a":9007199254740992}'), "arguments.a", "integer beyond"),
        (raw('{"a":-9007199254740992}'), "arguments.a", "integer beyond"),
        (raw('{"a":' + "9" * 5000 + "}"), "arguments.a", "integer beyond"),
        (raw("{}", ',"id":1.5'), "id", "fraction"),
        (
            raw(
                "{}", ',"effects":[{"kind":"model.generate","model":"m","tokens":1e3}]'
            ),
            "effects[0].tokens",
            "fraction or an exponent",
        ),
        (raw('{"a":"\\u0000"}'), "arguments.a", "NUL"),
        (raw('{"\\u0000":1}'), "arguments key", "NUL"),
        (raw('{"a":"\0"}'), "", "not JSON"),
        (raw('{"a":["\\ud800"]}'), "arguments.a[0]", "surrogate"),
        (raw('{"a":"\\udc00\\ud800"}'), "arguments.a", "surrogate"),
        (raw('{"a":"x"}').replace(b"x", b"\xff"), "", "not UTF-8 at byte"),
        (raw('{"a":"x"}').replace(b"x", b"\xed\xa0\x80"), "", "not UTF-8 at byte"),
        (raw(nested(MAX_DEPTH + 1)), "arguments.a", "deeper than 16"),
        (raw("[" * 100_000), "", "deeper than 16"),
        (encoded(arguments={"a": "x" * MAX_TEXT}), "", "at most"),
        (encoded(session="s\n1"), "session", "control"),
        (encoded(cwd="/work\u200bspace"), "cwd", "invisible"),
    ],
)
def test_what_is_refused_is_named(data: bytes, field: str, reason: str) -> None:
    error = refusal(data)
    assert error.field == field or (field and error.field.startswith(field))
    assert reason in error.reason
    assert str(error) == (f"{error.field}: {error.reason}" if field else error.reason)


def test_arguments_nest_as_deep_as_allowed() -> None:
    assert decode_proposal(raw(nested(MAX_DEPTH))).tool == "mcp"


def test_the_largest_integers_are_exact() -> None:
    data = raw(f'{{"a":{MAX_INTEGER},"b":-{MAX_INTEGER}}}')
    assert decode_proposal(data).arguments == {"a": MAX_INTEGER, "b": -MAX_INTEGER}


def test_fractions_in_arguments_stay_as_they_were_written() -> None:
    proposal = decode_proposal(raw('{"t":0.70,"deep":[{"x":-1E400}],"n":3}'))
    assert proposal.arguments == {"t": "0.70", "deep": [{"x": "-1E400"}], "n": 3}
    kept = proposal.arguments["t"]
    assert type(kept) is str


def test_text_about_unicode_escapes_is_no_escape() -> None:
    arguments = {"content": "\\u0000 and \\ud800 in a source file"}
    assert decode_proposal(encoded(arguments=arguments)).arguments == arguments


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert decode_proposal(raw('{"a":"\\ud83d\\ude00"}')).arguments == {
        "a": "\U0001f600"
    }


def test_a_tool_with_listed_arguments_takes_no_others() -> None:
    tools = {"exec": frozenset({"command", "timeout"})}
    assert decode_proposal(encoded(), tools).tool == "exec"
    with pytest.raises(ProposalError) as caught:
        decode_proposal(encoded(arguments={"command": "ls", "shell": "/x"}), tools)
    assert caught.value.field == "arguments.shell"
    assert decode_proposal(raw('{"any":1}'), tools).tool == "mcp"


def test_a_message_holds_no_control_characters() -> None:
    error = refusal(raw('{"\\u001b[31m":"\\u0000"}'))
    assert str(error).isprintable()
    assert str(error).isascii()


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    assert outcome(data)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(), max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from([*WHOLE, "id", "purpose", "effects", "parents", "x"]),
        json_values,
    )
)
def test_no_json_raises_anything_else(changed: dict[str, Any]) -> None:
    for ascii_only in (True, False):
        text = json.dumps({**WHOLE, **changed}, ensure_ascii=ascii_only)
        assert outcome(text.encode("utf-8", "surrogatepass"))


@given(st.data())
def test_one_byte_changed_raises_nothing_else(data: st.DataObject) -> None:
    whole = bytearray(
        raw(
            '{"a":[1,{"b":"x\\u00e9"}]}', ',"effects":[{"kind":"file.read","path":"/"}]'
        )
    )
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    assert outcome(bytes(whole))


exact = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(
                st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
                max_size=4,
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", max_size=3), exact, max_size=4))
def test_what_is_exact_comes_through_as_it_was(arguments: dict[str, Any]) -> None:
    for ascii_only in (True, False):
        text = json.dumps({**WHOLE, "arguments": arguments}, ensure_ascii=ascii_only)
        assert decode_proposal(text.encode()).arguments == arguments
