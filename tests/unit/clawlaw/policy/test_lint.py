"""Lint: each finding where it belongs, and none where nothing is wrong."""

import pytest
from tests.unit.clawlaw.policy.scenes import BASE

from clawlaw.policy.compile import read_folder
from clawlaw.policy.document import decode_document
from clawlaw.policy.lint import lint, lint_profiles
from clawlaw.policy.paths import Bindings

RULE = """  - id: {id}
    on: [{on}]
    when: {when}
    then: {then}
    because: as the test needs it
    match: [{{effect: {{kind: file.read, path: /x}}}}]
    not_match: [{{effect: {{kind: file.read, path: /x}}}}]
"""


def law(*rules: dict[str, str], number: int = 0) -> bytes:
    text = f"document: law\nlaw: {number}\ntitle: Law\nrules:\n"
    plain = {"on": "file.read", "when": "{path: {in: [work]}}", "then": "allow"}
    return (text + "".join(RULE.format(**(plain | rule)) for rule in rules)).encode()


def found(*laws: bytes, sets: bytes = b"") -> set[tuple[str, int, str]]:
    documents = read_folder(BASE)
    documents += [decode_document(f"{n}.yaml", raw) for n, raw in enumerate(laws)]
    if sets:
        documents.append(decode_document("more.yaml", sets))
    return {(f.file, f.line, f.code) for f in lint(documents, Bindings())}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"id": "a.b", "when": "{what: list}"}], ("0.yaml", 5, "unbounded-allow")),
        (
            [{"id": "a.b", "when": "{not: {path: {in: [work]}}}"}],
            ("0.yaml", 5, "unbounded-allow"),
        ),
        (
            [{"id": "a.b", "when": "{any: [{path: {in: [work]}}, {what: list}]}"}],
            ("0.yaml", 5, "unbounded-allow"),
        ),
        (
            [{"id": "a.b", "when": "{}", "on": "net.request"}],
            ("0.yaml", 5, "unbounded-allow"),
        ),
        ([{"id": "a.b"}, {"id": "a.c"}], ("0.yaml", 12, "repeated-rule")),
        (
            [{"id": "a.b"}, {"id": "a.c", "then": "deny"}],
            ("0.yaml", 5, "shadowed-rule"),
        ),
        (
            [{"id": "a.b"}, {"id": "a.c", "then": "escalate", "when": "{}"}],
            ("0.yaml", 5, "shadowed-rule"),
        ),
        ([{"id": "a.b", "then": "deny"}], ("policy.yaml", 0, "allows-nothing")),
        ([{"id": "a.b"}], ("policy.yaml", 0, "missing-law")),
        ([{"id": "a.b"}], ("sets.yaml", 4, "unused-set")),
        ([{"id": "a.b"}], ("policy.yaml", 6, "unclaimed-kind")),
    ],
)
def test_a_fault_is_found(
    rules: list[dict[str, str]], expected: tuple[str, int, str]
) -> None:
    assert expected in found(law(*rules))


def test_bounded_rules_are_no_fault() -> None:
    clean = law(
        {"id": "a.b"},
        {"id": "a.c", "when": "{all: [{path: {in: [keys]}}, {what: list}]}"},
        {"id": "a.d", "when": "{any: [{path: {at: [keys]}}, {path: {in: [work]}}]}"},
        {"id": "a.e", "on": "net.request", "when": "{host: {in: [docs]}}"},
        {"id": "a.f", "on": "process.exec", "when": "{program: {in: [shells]}}"},
        {"id": "a.g", "on": "file.write", "then": "escalate"},
        {"id": "a.h", "on": "file.delete, file.move", "then": "escalate"},
    )
    others = [
        law({"id": "a.i", "on": "file.delete", "then": "deny"}, number=4),
        law({"id": "a.j", "on": "file.move", "then": "deny"}, number=8),
    ]
    codes = {code for _, _, code in found(clean, *others)}
    assert codes == {"law-without-rules"}


def test_a_set_that_another_set_names_is_used() -> None:
    sets = b'document: sets\npaths:\n  whole: ["@part"]\n  part: [/x]\n'
    unused = {f for f in found(law({"id": "a.b"}), sets=sets) if f[2] == "unused-set"}
    assert ("more.yaml", 3, "unused-set") in unused
    assert ("more.yaml", 4, "unused-set") not in unused


def test_open_principals_are_told() -> None:
    raw = (BASE / "policy.yaml").read_bytes()
    raw = raw.replace(b'"@docs"', b'"*"').replace(b"{actions: 100}", b"{}")
    documents = [
        decode_document("policy.yaml", raw),
        decode_document("sets.yaml", (BASE / "sets.yaml").read_bytes()),
    ]
    codes = {f.code for f in lint(documents, Bindings())}
    assert {"open-ceiling", "no-budget"} <= codes


def test_an_example_of_a_profile_that_does_not_hold_is_an_error() -> None:
    wrong = b"family: a\nprofiles: {ls: {examples: {ls -l: [opaque]}}}"
    (told,) = lint_profiles({"a.yaml": wrong})
    assert (told.file, told.line, told.code) == ("a.yaml", 2, "profile-example")
    assert told.message.startswith("ls -l: expected ['opaque']")
