"""Profile files that cannot be used are refused with file, line and what was meant."""

import pytest

from clawlaw.core.shell.words import Context, Invocation
from clawlaw.policy.errors import PolicyError
from clawlaw.policy.profiles import build, builtin, read_files

HEAD = "family: trial\n"


def build_one(text: str) -> None:
    build({"trial.yaml": (HEAD + text).encode()}, {})


REFUSED = [
    pytest.param(
        "profiles:\n  a:\n    flag: x",
        "trial.yaml:4: unknown field 'flag' of a ProfileSpec (did you mean 'flags'?)",
        id="misspelt field",
    ),
    pytest.param(
        "profiles:\n  a:\n    commands:\n      b:\n        runer: true",
        "trial.yaml:6: unknown field 'runer' of a TableSpec (did you mean 'runner'?)",
        id="misspelt field of a subcommand",
    ),
    pytest.param(
        "profiles:\n  a:\n    options:\n      -x: {refused: why}",
        "trial.yaml:5: unknown field 'refused' of a OptionSpec "
        "(did you mean 'refuse'?)",
        id="misspelt field of an option",
    ),
    pytest.param(
        "profiles:\n  a: {}\n  b c:\n    style: gnome",
        "trial.yaml:4: Invalid enum value 'gnome' - at `$.style`",
        id="unknown style",
    ),
    pytest.param(
        "profiles:\n  a: {}\n  a: {}",
        "trial.yaml:4: key 'a' stands twice",
        id="key twice",
    ),
    pytest.param(
        "profiles:\n  a: {}\n  b a: {}",
        "trial.yaml:4: program a is described in trial.yaml as well",
        id="program twice",
    ),
    pytest.param(
        "profiles:\n  a: {options: {-x: tekst}}",
        "trial.yaml:3: a -x: unknown kind 'tekst', one of flag, text",
        id="unknown kind",
    ),
    pytest.param(
        "profiles:\n  a: {options: {x: text}}",
        "trial.yaml:3: a: option 'x' has no dash",
        id="option without a dash",
    ),
    pytest.param(
        "profiles:\n  a: {flags: xy, options: {-x: text}}",
        "trial.yaml:3: a: option -x is listed twice",
        id="option twice",
    ),
    pytest.param(
        "profiles:\n  a: {positionals: [text*, read+]}",
        "trial.yaml:3: a: two positionals take any number of operands",
        id="two places for any number",
    ),
    pytest.param(
        "profiles:\n  a: {use: [b]}",
        "trial.yaml:3: a: unknown group 'b'",
        id="unknown group",
    ),
    pytest.param(
        "profiles:\n  a: {variants: [{when: deep, refuse: why}]}",
        "trial.yaml:3: a: no option sets deep",
        id="a variant that never holds",
    ),
    pytest.param(
        "profiles:\n  a: {safe_options: true, options: {-o: write}}",
        "trial.yaml:3: a: -o is not safe, safe_options is set",
        id="safe options that write",
    ),
    pytest.param(
        "profiles:\n  a: {options: {-k: {kind: read, only: [x]}}}",
        "trial.yaml:3: a -k: only a text can be held to a list",
        id="list for a path",
    ),
    pytest.param(
        "profiles:\n  a: {effects: [{file.reed: x}]}",
        "trial.yaml:3: a: unknown effect 'file.reed', one of file.read",
        id="unknown effect",
    ),
    pytest.param(
        "profiles:\n  a: {effects: [{net.request: {hosts: x}}]}",
        "trial.yaml:3: a: net.request: Object contains unknown field `hosts`",
        id="unknown field of an effect",
    ),
    pytest.param(
        "profiles:\n  a: {effects: [{file.read: x, file.write: z}]}",
        "trial.yaml:3: a: an effect has one kind, got 2",
        id="two kinds",
    ),
    pytest.param(
        "profiles:\n  a: {commands: {b c: {}, c: {}}}",
        "trial.yaml:3: a: command c is listed twice",
        id="subcommand twice",
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        build_one(text)
    assert str(caught.value).startswith(message)


def test_a_judge_that_does_not_exist_is_refused() -> None:
    def judge(invocation: Invocation, context: Context) -> None: ...

    raw = {"a.yaml": b"family: a\nprofiles: {x: {handler: sedd}}"}
    with pytest.raises(PolicyError, match=r"a\.yaml:2: .*did you mean 'sed'"):
        build(raw, {"sed": judge})


def test_the_digest_is_of_the_data_and_not_of_its_spelling() -> None:
    one = build({"a.yaml": b"family: a\nprofiles: {x: {flags: ab}}"}, {})
    same = build({"a.yaml": b"# why\nfamily: a\nprofiles:\n  x: {flags: ab}"}, {})
    other = build({"a.yaml": b"family: a\nprofiles: {x: {flags: abc}}"}, {})
    assert one.digest == same.digest != other.digest
    assert one.digest.startswith("sha256:")


def test_what_is_shipped_is_whole() -> None:
    names = builtin().names()
    assert len(names) > 1000
    assert {"ls", "git", "npm", "kubectl", "launchctl", "[", "true"} <= set(names)
    assert all(name.endswith(".yaml") for name in read_files())
