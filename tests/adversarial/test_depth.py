"""Text within text ends in a question, not in the end of the process.

Compiled modules (docs/adr/0024) do not count frames as Python does, so each of these is
read in a process with little stack: a recursion that follows the text would end it.
"""

import json
import resource
import subprocess
import sys
from typing import Any

import pytest

STACK = 512 << 10  # bytes; eight MiB are usual
DEEP = 9000
READ = """
import json, sys
from clawlaw.core.analyse import analyse
from clawlaw.core.decode import decode_proposal
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load

policy = load(builtin("forge"))
for line in json.load(sys.stdin):
    call = {"principal": "developer", "session": "s", "tool": "exec",
            "arguments": {"command": line}, "cwd": "/workspace"}
    effects = analyse(decode_proposal(json.dumps(call).encode()), policy).effects
    print(any(type(effect).__name__ == "Opaque" for effect in effects))
"""
LINES = {
    "wrappers": "env " * DEEP + "ls",
    "eval": "eval " * DEEP + "ls",
    "substitutions": "echo " + "$(" * DEEP + ")" * DEEP,
    "defaults": "echo " + "${a:-" * DEEP + "}" * DEEP,
    "braces": "echo " + "{a," * 2000 + "}" * 2000,
    "braces side by side": "echo " + "{1..1}" * 3000,
    "sums": "echo $((" + "(" * DEEP + "1" + ")" * DEEP + "))",
    "conditions": "if true; then " * 2000 + "ls" + "; fi" * 2000,
    "functions": "f(){ g; }; g(){ f; }; f",
}


@pytest.fixture(scope="module")
def answers() -> dict[str, bool]:
    """Whether each line was not understood, by its name."""

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_STACK, (STACK, resource.RLIM_INFINITY))

    done: Any = subprocess.run(
        [sys.executable, "-c", READ],
        input=json.dumps(list(LINES.values())),
        preexec_fn=little,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(zip(LINES, map("True".__eq__, done.stdout.split()), strict=True))


@pytest.mark.parametrize("name", LINES)
def test_a_deep_line_is_a_question(name: str, answers: dict[str, bool]) -> None:
    assert answers[name]
