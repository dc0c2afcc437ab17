"""What a program is told about its standard input."""

from dataclasses import replace

import pytest

from clawlaw.core.policy import Policy
from clawlaw.core.shell.walk import analyse_shell
from clawlaw.core.shell.words import Context, Input, Invocation

SEEN = [
    ("probe", Input()),
    ("true | probe", Input()),
    ("x=1 | probe", Input()),
    ("cd b | probe", Input()),
    ("printf '' | probe", Input()),
    ("probe < /dev/null", Input()),
    ("show a > f | probe", Input()),
    ("echo | probe", Input("agent")),
    ("probe <<< ''", Input("agent")),
    ("printf ' \\n' | probe", Input("agent")),
    ("echo a b | probe", Input("agent", "a b\n")),
    ("{ echo a; echo b; } | probe", Input("agent", "a\nb\n")),
    ("(echo a && echo b) | probe", Input("program")),
    ("printf '%s,%s\\n' a b c | probe", Input("agent", "a,b\nc,\n")),
    ("probe <<< 'a b'", Input("agent", "a b\n")),
    ("probe <<'E'\n$a\nE", Input("agent", "$a\n")),
    ("a=1; probe <<E\n$a \\$a\nE", Input("agent", "1 $a\n")),
    ("probe <<-E\n\ta\n\tE", Input("agent", "a\n")),
    ("probe <<E\n$(cat f)\nE", Input("program")),
    ("probe < f", Input("file")),
    ("cat f | probe", Input("file")),
    ("cat f | show | probe", Input("file")),
    ("get u | probe", Input("network")),
    ("show | probe", Input("program")),
    ("nosuch | probe", Input("unknown")),
    ("probe < <(echo a)", Input("agent", "a\n")),
    ("env -i timeout 5 nohup probe <<< a", Input("agent", "a\n")),
    ("if true; then probe; fi <<< a", Input("agent", "a\n")),
    ("f() { probe; }; echo a | f", Input("agent", "a\n")),
    ("true && probe <<< a", Input("agent", "a\n")),
    ("echo b | probe <<< a", Input("agent", "a\n")),
    ("find src | probe", Input("program", within="/workspace/src", base="/workspace")),
    (
        "find src | sort -u | grep -v x | probe",
        Input("program", within="/workspace/src", base="/workspace"),
    ),
    ("find src | sort -o f | probe", Input("program")),
    ("find src | grep x f | probe", Input("file")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "given"), SEEN)
def test_a_program_reads_what_the_text_gives_it(
    policy: Policy, text: str, given: Input
) -> None:
    seen: list[Input] = []

    class Probe:
        def apply(self, invocation: Invocation, _context: Context) -> None:
            seen.append(invocation.stdin)

    class Programs:
        def lookup(self, name: str) -> object:
            return Probe() if name == "probe" else policy.profiles.lookup(name)

    analyse_shell(text, "/workspace", replace(policy, profiles=Programs()))
    assert seen == [given]
