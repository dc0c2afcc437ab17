"""The guide says what is so: its documents load, its words are the words."""

import re
from pathlib import Path

import pytest
from tests.unit.clawlaw.policy.scenes import effect, known, triple, view

from clawlaw.core.decision import Verdict
from clawlaw.core.prepared import REQUIRED
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import compile_policy, read_folder
from clawlaw.policy.document import decode_document
from clawlaw.policy.paths import Bindings

GUIDE = (Path(__file__).resolve().parents[4] / "docs" / "policy-guide.md").read_text(
    "utf-8"
)
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)
DOCUMENTS = [block for block in BLOCKS if block.startswith("document:")]


def test_the_tutorial_makes_a_law() -> None:
    parts = [
        decode_document(f"guide-{n}.yaml", b.encode()) for n, b in enumerate(DOCUMENTS)
    ]
    assert [p.source.data["document"] for p in parts] == ["sets", "law", "tools"]
    policy = compile_policy([*read_folder(builtin("forge")), *parts], Bindings())
    (rule,) = [r for r in policy.rules["file.write"] if r.id == "team.migrations"]
    assert rule.verdict is Verdict.ESCALATE
    judged = effect("file.write", path="/workspace/db/migrations/1.sql")
    assert rule.test(judged, view(paths=known("/workspace/db/migrations/1.sql")))
    assert {"add_event", "read_mail"} <= policy.tools.keys()


def test_the_examples_of_the_guide_are_examples() -> None:
    (block,) = [block for block in BLOCKS if block.startswith("match:")]
    law = (
        "document: law\nlaw: 0\ntitle: Guide\nrules:\n  - id: a.b\n"
        "    on: [file.read, service.read, process.exec]\n"
        "    then: deny\n    because: as the test needs it\n"
        + "".join(f"    {line}\n" for line in block.splitlines())
        + "    not_match: [{effect: {kind: system.read, what: x}}]\n"
    )
    parts = [
        *read_folder(builtin("forge")),
        decode_document("guide.yaml", law.encode()),
    ]
    compile_policy(parts, Bindings())


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("file.read", {"path": {"at": ["work"]}}),
        ("net.request", {"host": {"empty": True}}),
        ("process.exec", {"program": "git"}),
        ("process.exec", {"family": {"outside": ["shells"]}}),
        ("net.request", {"port": {"at_least": 1, "at_most": 9}}),
        ("package.install", {"packages": {"count": 3}}),
        ("file.read", {"fact": {"linked": True, "strange": False}}),
        ("process.exec", {"trusted": True}),
    ],
)
def test_forms_of_the_table_are_understood(kind: str, condition: object) -> None:
    assert callable(triple(kind, condition).sure)


def test_what_must_be_there_is_named() -> None:
    for law in REQUIRED:
        assert re.search(rf"\b{law} \(\w+\)", GUIDE)
    for variable in ("${workspace}", "${home}", "${policy}", "${protect}"):
        assert variable in GUIDE
