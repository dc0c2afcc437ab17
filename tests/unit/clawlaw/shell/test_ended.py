"""The newline that the grammar gets at the end of a text changes no effect."""

import json
from pathlib import Path

import pytest

from clawlaw.core.actions import AnyEffect
from clawlaw.core.errors import ProposalError
from clawlaw.core.shell import parse
from clawlaw.core.shell.walk import analyse_shell
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load

CASES = Path(__file__).parents[3] / "adversarial" / "cases" / "evasion.jsonl"
POLICY = load(builtin("forge"))
# Where a newline would be part of the text, or would mend it.
ENDS = [
    "rm \\",
    "rm \\\n ",
    "cat <<E\nx\nE",
    "cat <<'E'\nrm -rf /",
    "echo x # y",
    "a |",
]


def texts() -> list[str]:
    """Commands of the cases, whole and broken off at every eighth character."""
    lines = CASES.read_text(encoding="utf-8").splitlines()
    commands = [json.loads(line)["input"].get("command", "") for line in lines]
    return ENDS + [c[:end] for c in commands for end in range(len(c), 0, -8)]


def effects(text: str) -> list[AnyEffect] | str:
    try:
        return analyse_shell(text, "/workspace", POLICY)
    except ProposalError as error:
        return str(error)


def test_no_effect_differs_from_the_text_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {text: effects(text) for text in texts()}
    assert len(given) > 400
    monkeypatch.setattr(parse, "_ended", lambda source: source)
    assert {text: effects(text) for text in given} == given
