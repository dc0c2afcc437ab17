"""Admission beside the gate: sequences of objects, judged by Kyverno and by ClawLaw.

    python -m forge.gitops.thesis [--gate-only]

Kyverno judges each object by all policies of gitops/policies/enforce, as it would when
the object reaches the API server; ClawLaw judges the same objects as proposals of one
session of the principal namespace-agent, by policies/forge. Nothing is applied to a
cluster. Exit status 1 where a sequence ends otherwise than its file says.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from clawlaw.core import kernel
from clawlaw.core.actions import Proposal
from clawlaw.core.analyse import analyse
from clawlaw.core.decision import Verdict
from clawlaw.core.facts import Facts
from clawlaw.core.policy import Policy
from clawlaw.core.state import Room, State
from clawlaw.policy.compile import load
from forge.artifacts import pinfile
from forge.artifacts.cache import Cache
from forge.artifacts.ensure import plan
from forge.artifacts.pins import host_arch

SEQUENCES: Final = "tests/fixtures/thesis/sequences.yaml"
POLICIES: Final = "gitops/policies"
PRINCIPAL: Final = "namespace-agent"
AUTHOR: Final = "system:serviceaccount:agents:agent"
HEAD: Final = (
    "| Step | Object | Kyverno | ClawLaw | Rule or pattern |\n|---|---|---|---|---|"
)
# Kyverno must refuse it in every run: who refuses nothing has judged nothing.
CONTROL: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "control", "namespace": "agents"},
    "spec": {
        "containers": [
            {"name": "app", "image": "x", "securityContext": {"privileged": True}}
        ]
    },
}

type Object = dict[str, Any]


class ThesisError(Exception):
    """A judge could not be asked."""


class Course(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Objects in their order, and what the gate must say.

    Attributes:
        stops: Number of the step that completes the harm, from 1; 0: none does.
        because: Numbers of the earlier steps that the gate names.
        says: Words of its reason.
    """

    name: str
    steps: list[Object]
    stops: int = 0
    because: list[int] = []
    says: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate says to one object.

    Attributes:
        rule: Rule or pattern of the strictest finding.
        because: Numbers of earlier steps.
    """

    verdict: Verdict
    rule: str
    law: int
    reason: str
    because: tuple[int, ...]


def sequences(root: Path) -> list[Course]:
    """Every sequence of the file."""
    text = (root / SEQUENCES).read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), list[Course])


def cached(root: Path, environment: Mapping[str, str]) -> Path | None:
    """The pinned CLI of Kyverno, `None` where it is not in the artifact cache."""
    versions = pinfile.load(root / "versions.yml")
    found = plan(
        "kyverno", host_arch(), versions=versions, cache=Cache.of(environment)
    ).artifact
    return None if found is None else found.files["kubectl-kyverno"]


def gate(policy: Policy, objects: Sequence[Object]) -> list[Answer]:
    """What ClawLaw says to each object of one session, until it stops one."""
    session = kernel.open_session(policy, PRINCIPAL, "agent")
    state = State(session, Room())
    answers = []
    for value in objects:
        proposal = Proposal(PRINCIPAL, "agent", "kube_apply", {"object": value}, "/")
        effects = analyse(proposal, policy).effects
        decision = kernel.decide(
            proposal, effects, Facts(now=0, mediated=True), state, policy
        )
        kernel.apply(state, decision.delta)
        worst = max(decision.findings, key=lambda finding: finding.verdict)
        because = tuple(int(name.rpartition("#")[2]) for name in worst.because)
        answers.append(
            Answer(decision.verdict, worst.rule, worst.law, worst.reason, because)
        )
        if decision.verdict is not Verdict.ALLOW:
            break
    return answers


def admission(kyverno: Path, root: Path, objects: Sequence[Object]) -> list[list[str]]:
    """What Kyverno's policies say to each object, "policy: pass" or "policy: fail".

    Args:
        kyverno: The CLI.
        root: Of the repository.
        objects: No two of the same kind and name.

    Raises:
        ThesisError: It gave no report, a policy could not be judged, or the control
            was admitted.
    """
    report = _report(kyverno, root, [*objects, CONTROL])
    said: dict[tuple[str, str], list[str]] = {}
    for result in report["results"]:
        about = result["resources"][0]
        told = said.setdefault((about["kind"], about["name"]), [])
        told.append(f"{result['policy']}: {result['result']}")
    if "pod-isolation-enforced: fail" not in said.get(("Pod", "control"), []):
        raise ThesisError("Kyverno admits a privileged Pod; its answers mean nothing")
    return [sorted(said.get((o["kind"], o["metadata"]["name"]), [])) for o in objects]


def _report(kyverno: Path, root: Path, objects: Sequence[Object]) -> dict[str, Any]:
    policies = sorted((root / POLICIES / "enforce").glob("*.yaml"))
    values = root / POLICIES / "tests/namespaces.yaml"
    user = {
        "apiVersion": "cli.kyverno.io/v1beta1",
        "kind": "UserInfo",
        "metadata": {"name": "user"},
        "userInfo": {"username": AUTHOR},
    }
    with tempfile.TemporaryDirectory() as folder:
        resources, author = Path(folder, "objects.yaml"), Path(folder, "user.yaml")
        resources.write_text(yaml.safe_dump_all(objects))
        author.write_text(yaml.safe_dump(user))
        command = [str(kyverno), "apply", *map(str, policies), "--policy-report"]
        command += ["--output-format", "json", "--values-file", str(values)]
        command += ["--userinfo", str(author), "--resource", str(resources)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    start = done.stdout.find('{"kind"')
    if start < 0:
        raise ThesisError(f"Kyverno gave no report: {done.stdout}{done.stderr}")
    report: dict[str, Any] = msgspec.json.decode(done.stdout[start:].strip())
    if report["summary"]["error"]:
        raise ThesisError(f"Kyverno could not judge a policy: {report['results']}")
    return report


def judged(kyverno: Path, root: Path, all_of: Sequence[Course]) -> list[list[str]]:
    """Kyverno's verdict on every step of every sequence, in words.

    One run judges the same step of all sequences, since it cannot hold two versions of
    one object.
    """
    verdicts: list[list[str]] = [[] for _ in all_of]
    for step in range(max(len(each.steps) for each in all_of)):
        having = [n for n, each in enumerate(all_of) if step < len(each.steps)]
        said = admission(kyverno, root, [all_of[n].steps[step] for n in having])
        for number, told in zip(having, said, strict=True):
            verdicts[number].append(verdict_of(told))
    return verdicts


def verdict_of(told: Sequence[str]) -> str:
    """Admitted or refused, and by how many policies."""
    failed = [each for each in told if not each.endswith(": pass")]
    if failed:
        return f"refused ({', '.join(failed)})"
    return f"admitted ({len(told)} pass)" if told else "admitted (none applies)"


def as_expected(sequence: Course, answers: Sequence[Answer]) -> bool:
    """Whether the gate stopped where the file says, and named those steps."""
    if not sequence.stops:
        whole = len(answers) == len(sequence.steps)
        return whole and all(a.verdict is Verdict.ALLOW for a in answers)
    last = answers[-1]
    return (
        len(answers) == sequence.stops
        and last.verdict is not Verdict.ALLOW
        and last.rule == "composition.cluster_walk"
        and list(last.because) == sequence.because
        and sequence.says in last.reason
    )


def rows(
    sequence: Course, admitted: Sequence[str], answers: Sequence[Answer]
) -> list[str]:
    """The steps of one sequence as rows of a table."""
    found = []
    for number, (value, kyverno, answer) in enumerate(
        zip(sequence.steps, admitted, answers, strict=False), 1
    ):
        says, rule = answer.verdict.name.lower(), f"{answer.rule}, law {answer.law}"
        if answer.because:
            rule += (
                f": {answer.reason}; because of {', '.join(map(str, answer.because))}"
            )
        name = f"{value['kind']} {value['metadata']['name']}"
        found.append(f"| {number} | {name} | {kyverno} | {says} | {rule} |")
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Admission beside the gate.")
    parser.add_argument("--gate-only", action="store_true", help="do not ask Kyverno")
    gate_only = parser.parse_args().gate_only
    root = Path.cwd()
    every = sequences(root)
    kyverno = None if gate_only else cached(root, {})
    if kyverno is None and not gate_only:
        raise ThesisError("Kyverno is not in the cache: forge artifacts fetch kyverno")
    policy = load(root / "policies/forge")
    said = [["not asked"] * len(each.steps) for each in every]
    if kyverno is not None:
        said = judged(kyverno, root, every)
    wrong = 0
    for sequence, admitted in zip(every, said, strict=True):
        answers = gate(policy, sequence.steps)
        table = "\n".join(rows(sequence, admitted, answers))
        sys.stdout.write(f"\n{sequence.name}\n\n{HEAD}\n{table}\n")
        refused = [each for each in admitted if each.startswith("refused")]
        wrong += bool(refused) or not as_expected(sequence, answers)
    harm = sum(1 for each in every if each.stops)
    ordinary = len(every) - harm
    sys.stdout.write(f"\n{harm} harmful, {ordinary} ordinary, {wrong} otherwise\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ThesisError as error:
        sys.exit(f"thesis: {error}")
