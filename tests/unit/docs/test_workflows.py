"""Workflows run what people run, with actions that cannot change and few rights."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
USES = re.compile(r"uses:\s*(\S.*)")
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*")
MAKE = re.compile(r"\bmake ([a-z][a-z0-9-]*)")
HOSTED = "ubuntu-24.04"
IN_CLUSTER = "forge-tier1"
# Every machine and group of tiers II and III, and what would run there.
OTHERS = re.compile(
    r"m4-pro|mac-studio|boundary|inference|tier[-_ ]?(2|3|ii)|site\.yml|--limit|-i\b"
)
# The lines of steps that are no target: they make the hosted machine fit, and hand back
# what root wrote.
ELSE = {
    "sudo apt-get install --yes --no-install-recommends bubblewrap",
    "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    'if [ -d "$FORGE_CACHE" ]; then sudo chown -R "$(id -u)" "$FORGE_CACHE"; fi',
}
TARGET = re.compile(
    r"(sudo --preserve-env=[A-Z_,]+ )?make [a-z][a-z0-9-]*( [A-Z]+=\S+)*"
)


def unpinned(text: str) -> list[str]:
    """The actions that are not pinned by commit with their version beside it."""
    return [item for item in USES.findall(text) if not PINNED.fullmatch(item)]


def findings(text: str) -> Iterator[str]:
    """What is wrong with a workflow's rights, runners, steps and ends."""
    workflow = yaml.safe_load(text)
    triggers = workflow[True]  # `on`, which YAML 1.1 takes for a boolean
    if workflow.get("permissions") != {"contents": "read"}:
        yield "may do more than read the repository"
    if "group" not in workflow.get("concurrency", {}):
        yield "has no concurrency group"
    if "secrets." in text:
        yield "holds a secret"
    if "pull_request_target" in triggers:
        yield "runs a fork's code with this repository's rights"
    if "inputs" in str(triggers):
        yield "takes inputs"
    for name, job in workflow["jobs"].items():
        yield from (f"{name}: {found}" for found in _job_findings(job, triggers))
    if IN_CLUSTER in text and (named := OTHERS.search(text)):
        yield f"names {named[0]}, which is no business of the cluster's runner"


def _job_findings(job: dict[str, Any], triggers: object) -> Iterator[str]:
    if "timeout-minutes" not in job:
        yield "has no time-out"
    if "permissions" in job:
        yield "gives itself rights"
    if job["runs-on"] not in {HOSTED, IN_CLUSTER}:
        yield f"runs on {job['runs-on']}"
    if job["runs-on"] == IN_CLUSTER:
        yield from _in_cluster(str(job.get("if", "")), triggers)
    for step in job["steps"]:
        yield from _step_findings(step)


def _in_cluster(guard: str, triggers: object) -> Iterator[str]:
    if "pull_request" in str(triggers):
        yield "runs a pull request inside the cluster"
    if "!github.event.repository.fork && " not in guard:
        yield "runs for forks"
    if "github.ref == 'refs/heads/main'" not in guard:
        yield "runs other branches than main"


def _step_findings(step: dict[str, Any]) -> Iterator[str]:
    if step.get("uses", "").startswith("actions/checkout@"):
        kept = step.get("with", {}).get("persist-credentials", True)
        if kept:
            yield "leaves the token in the checkout"
    for line in step.get("run", "").splitlines():
        if line not in ELSE and not TARGET.fullmatch(line):
            yield f"a step is no target of the Makefile: {line}"


def test_every_action_is_pinned_by_commit() -> None:
    assert WORKFLOWS
    for file in WORKFLOWS:
        text = file.read_text(encoding="utf-8")
        assert USES.search(text)
        assert unpinned(text) == [], file.name


def test_one_action_has_one_pin() -> None:
    texts = [file.read_text(encoding="utf-8") for file in WORKFLOWS]
    pins = {item for text in texts for item in USES.findall(text)}
    assert len({item.split("@")[0] for item in pins}) == len(pins)


def test_workflows_call_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    called = {name for file in WORKFLOWS for name in MAKE.findall(file.read_text())}
    assert {"check", "test", "plan", "apply-tier1", "drift-tier1"} <= called
    for name in called:
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_have_few_rights(file: Path) -> None:
    assert list(findings(file.read_text(encoding="utf-8"))) == []


def test_unpinned_actions_are_found() -> None:
    good = f"actions/checkout@{'a' * 40} # v5.0.0"
    bad = [
        "actions/checkout@v5",
        f"actions/checkout@{'a' * 40}",
        "a/b@main # v1",
        "a/b@unresolved # v1",
    ]
    text = "\n".join(f"- uses: {item}" for item in [good, *bad])
    assert unpinned(text) == bad


def test_faults_of_a_workflow_are_found() -> None:
    text = """
on:
  pull_request_target:
  workflow_dispatch: {inputs: {host: {}}}
permissions: write-all
jobs:
  one:
    runs-on: forge-tier1
    permissions: {contents: write}
    steps:
      - uses: actions/checkout@v5
      - run: ansible-playbook --limit ${{ inputs.host }} playbooks/site.yml
        env: {TOKEN: "${{ secrets.TOKEN }}"}
  two:
    runs-on: self-hosted
    timeout-minutes: 1
    steps: []
"""
    assert list(findings(text)) == [
        "may do more than read the repository",
        "has no concurrency group",
        "holds a secret",
        "runs a fork's code with this repository's rights",
        "takes inputs",
        "one: has no time-out",
        "one: gives itself rights",
        "one: runs a pull request inside the cluster",
        "one: runs for forks",
        "one: runs other branches than main",
        "one: leaves the token in the checkout",
        (
            "one: a step is no target of the Makefile: "
            "ansible-playbook --limit ${{ inputs.host }} playbooks/site.yml"
        ),
        "two: runs on self-hosted",
        "names --limit, which is no business of the cluster's runner",
    ]
