"""Compiling: the same documents give the same policy, and rules do what they say."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.clawlaw.policy.scenes import BASE, effect, known, view

from clawlaw.core.decision import Verdict
from clawlaw.core.policy import Policy
from clawlaw.core.state import Label
from clawlaw.policy.builtin import NAMES, builtin
from clawlaw.policy.compile import compile_policy, load, read_folder
from clawlaw.policy.document import decode_document
from clawlaw.policy.errors import PolicyError
from clawlaw.policy.kernel import kernel_digest
from clawlaw.policy.paths import Bindings

LAW = b"""document: law
law: 0
title: Boundary
rules:
  - id: b.second
    on: [file.read, file.write]
    when: {path: {in: [work]}}
    unless: {path: {in: [keys]}}
    then: allow
    because: it is in the work
    match: [{effect: {kind: file.read, path: "${workspace}/x"}}]
    not_match: [{effect: {kind: file.read, path: "${workspace}/.ssh/x"}}]
  - id: a.first
    on: [file.read]
    when: {path: {outside: [work]}}
    unless: {path: {in: [keys]}}
    then: escalate
    because: it is not in the work
    remedy: stay inside
    risk: 7
    match: [{effect: {kind: file.read, path: /etc/x}}]
    not_match: [{effect: {kind: file.read, path: /etc/.ssh/x}}]
  - id: c.third
    on: [file.delete]
    then: deny
    because: nothing is deleted
    match: [{effect: {kind: file.delete, path: /x}}]
    not_match: [{effect: {kind: file.read, path: /x}}]
"""


def compiled(law: bytes = LAW, bindings: Bindings | None = None) -> Policy:
    documents = [*read_folder(BASE), decode_document("law.yaml", law)]
    return compile_policy(documents, bindings or Bindings())


def test_rules_stand_by_kind_in_order_of_law_and_id() -> None:
    rules = compiled().rules
    assert {kind: [r.id for r in some] for kind, some in rules.items()} == {
        "file.read": ["a.first", "b.second"],
        "file.write": ["b.second"],
        "file.delete": ["c.third"],
    }


def test_a_rule_carries_what_its_entry_says() -> None:
    first, second = compiled().rules["file.read"]
    third = compiled().rules["file.delete"][0]
    assert (first.law, first.verdict, first.risk) == (0, Verdict.ESCALATE, 7)
    assert (first.reason, first.remedy) == ("it is not in the work", "stay inside")
    assert [r.waivable for r in (first, second, third)] == [True, False, False]
    said = compiled(LAW.replace(b"    risk: 7\n", b"    waivable: false\n"))
    assert not said.rules["file.read"][0].waivable


def test_what_allows_wants_certainty_and_what_refuses_does_not() -> None:
    first, second = compiled().rules["file.read"]
    link = {"resolved": "/etc/x", "linked": True}
    scenes: dict[str, tuple[dict[str, Any], bool, bool]] = {
        "/workspace/x": ({}, False, True),
        "/etc/x": ({}, True, False),
        "/workspace/link": (link, True, False),
        "/workspace/.ssh/x": ({}, False, False),
        "/etc/.ssh/x": ({}, False, False),
        "/workspace/gone": ({"kind": "unknown"}, False, False),
    }
    for path, (fact, refuses, allows) in scenes.items():
        judged = effect("file.read", path=path)
        scene = view(paths=known(path, **fact))
        assert first.test(judged, scene) is refuses, path
        assert second.test(judged, scene) is allows, path


def test_the_digest_tells_documents_and_bindings_apart() -> None:
    one = compiled().digest
    assert compiled().digest == one
    assert compiled(LAW + b"# a comment changes nothing\n").digest == one
    others = {
        compiled(LAW.replace(b"risk: 7", b"risk: 8")).digest,
        compiled(bindings=Bindings(workspace=("/w",))).digest,
        compiled(bindings=Bindings(home="/h")).digest,
        compiled(bindings=Bindings(protect=("/p",))).digest,
    }
    assert len(others | {one}) == 5


@settings(max_examples=20, deadline=None)
@given(st.permutations(LAW.split(b"\n")[:3]), st.permutations(range(3)))
def test_neither_order_of_keys_nor_of_documents_changes_a_policy(
    head: list[bytes], order: list[int]
) -> None:
    lines = [*head, *LAW.split(b"\n")[3:]]
    documents = [*read_folder(BASE), decode_document("law.yaml", b"\n".join(lines))]
    policy = compile_policy([documents[place] for place in order], Bindings())
    assert policy.digest == compiled().digest
    assert [r.id for r in policy.rules["file.read"]] == ["a.first", "b.second"]


def test_the_digest_is_the_same_in_every_process() -> None:
    code = (
        "from clawlaw.policy.compile import load;"
        "from clawlaw.policy.builtin import builtin;"
        "p = load(builtin('reference')); print(p.digest, p.kernel)"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "7")
    }
    policy = load(builtin("reference"))
    assert seen == {f"{policy.digest} {policy.kernel}\n"}
    assert policy.kernel == kernel_digest()


def test_principals_purposes_labels_and_rooms() -> None:
    raw = (BASE / "policy.yaml").read_bytes()
    raw += b"labels: {secret: [keys]}\ninternal: [docs]\nown: [keys, work]\n"
    sets = (BASE / "sets.yaml").read_bytes()
    documents = [decode_document("p.yaml", raw), decode_document("s.yaml", sets)]
    policy = compile_policy(documents, Bindings(protect=("/gate",)))
    agent = policy.principals["agent"]
    assert agent.ceiling.hosts == ("docs.example.org", ".docs.example.org")
    assert agent.ceiling.paths == ("/",)
    assert (agent.budgets, agent.tier) == ({"actions": 100}, 3)
    assert "file.move" in policy.purposes["work"].kinds
    assert policy.label_of("/home/x/.ssh/id") == Label.SECRET
    assert policy.label_of("/home/x/.ssh/known_hosts") == 0
    assert policy.internal("docs.example.org")
    assert not policy.internal("docs.example.com")
    assert policy.own == ("/workspace", "/gate")


def test_several_workspaces_are_one_set() -> None:
    policy = compiled(bindings=Bindings(workspace=("/a", "/b")))
    rule = policy.rules["file.write"][0]
    for path, allowed in (("/a/x", True), ("/b/x", True), ("/c/x", False)):
        judged = effect("file.write", path=path)
        assert rule.test(judged, view(paths=known(path))) is allowed


def test_the_policies_that_come_with_the_gate_are_found() -> None:
    assert {builtin(name).name for name in NAMES} == {"forge", "infra", "reference"}
    with pytest.raises(PolicyError, match="did you mean 'forge'"):
        builtin("forg")


def test_an_installed_wheel_has_its_own_policies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clawlaw" / "policies" / "forge").mkdir(parents=True)
    monkeypatch.setattr(
        "clawlaw.policy.builtin.files", lambda name: tmp_path / str(name)
    )
    assert builtin("forge") == tmp_path / "clawlaw" / "policies" / "forge"
