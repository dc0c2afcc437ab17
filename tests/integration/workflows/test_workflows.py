"""Every step of every workflow, run in a clone.

Doubles: the actions and the runner (``actions.py``); ``sudo``, which says what it was
asked; in ``apply``, ``ansible-playbook``, which lists the hosts of each play and
connects to none; in ``validate``, ``make``, which only shows what it would do, unless
``FORGE_WORKFLOWS=real`` (``make test-workflows``).
"""

import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.workflows.actions import (
    Clone,
    Result,
    commit,
    evaluate,
    git,
    load,
    matrix,
    play,
    write_program,
)

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = ROOT / ".github" / "workflows"
MAIN = {
    "github.event.repository.fork": False,
    "github.ref": "refs/heads/main",
    "runner.arch": "X64",
}
NODES = {"control-01", *(f"worker-0{number}" for number in range(1, 6))}


def job_of(name: str, job: str) -> dict[str, Any]:
    found = load(WORKFLOWS / f"{name}.yml")["jobs"][job]
    assert isinstance(found, dict)
    return found


def run_steps(results: list[Result]) -> list[tuple[str, int]]:
    return [(result.name, result.status) for result in results]


@pytest.fixture
def doubles(clone: Clone) -> Path:
    """A folder of doubles that comes first in the steps' PATH."""
    folder = clone.path.parent / "doubles"
    folder.mkdir()
    clone.environment["PATH"] = f"{folder}:{clone.environment['PATH']}"
    return folder


@pytest.fixture
def access(clone: Clone) -> Path:
    """What the runner's Secret mounts: a key that opens nothing."""
    folder = clone.path.parent / "access"
    folder.mkdir()
    (folder / "id_ed25519").write_text("no key\n")
    (folder / "known_hosts").touch()
    clone.environment["FORGE_TIER1_ACCESS"] = str(folder)
    return folder


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def validate_jobs() -> list[Any]:
    jobs = load(WORKFLOWS / "validate.yml")["jobs"]
    return [
        pytest.param(job, contexts, id=" ".join([name, *contexts.values()]))
        for name, job in jobs.items()
        for contexts in matrix(job)
    ]


@pytest.mark.timeout(10_800)
@pytest.mark.parametrize(("job", "contexts"), validate_jobs())
def test_validate(
    clone: Clone, doubles: Path, job: dict[str, Any], contexts: dict[str, str]
) -> None:
    write_program(doubles / "sudo", 'echo "sudo $*"')
    real = os.environ.get("FORGE_WORKFLOWS") == "real"
    if not real:
        program = shutil.which("make")
        write_program(doubles / "make", f'exec {program} --dry-run "$@"')
    results = play(job, clone, {**MAIN, **contexts})
    assert [item.printed for item in results if item.status] == []
    played = [step["run"] for step in job["steps"] if "run" in step]
    assert len([item for item in results if item.printed or real]) >= 2
    assert any("make " in text for text in played)


def test_a_target_that_is_not_there_fails_validate(clone: Clone, doubles: Path) -> None:
    program = shutil.which("make")
    write_program(doubles / "make", f'exec {program} --dry-run "$@"')
    step = {"name": "Fly", "run": "make fly"}
    (result,) = play({"steps": [step]}, clone, MAIN)
    assert result.status == 2
    assert "No rule to make target 'fly'" in result.printed


def merge(clone: Clone, name: str, line: str) -> None:
    """Add a line to a file, as GitHub shows a pull request: as its merge into main."""
    git(clone.path, "checkout", "--quiet", "-b", "change")
    with (clone.path / name).open("a") as file:
        file.write(f"{line}\n")
    commit(clone.path, "A change")
    git(clone.path, "checkout", "--quiet", "-")
    git(clone.path, "merge", "--quiet", "--no-ff", "--no-edit", "change")


@pytest.mark.parametrize(
    ("file", "line", "status", "told"),
    [
        (
            "inventory/forge/group_vars/k3s_cluster.yml",
            "k3s_limit_nofile: 20001",
            0,
            "| worker-05 |",
        ),
        ("src/forge/errors.py", "# Another line.", 4, "| all | tree.src/forge |"),
        (
            "inventory/forge/group_vars/k3s_cluster.yml",
            "forge_memory_gb: none",
            2,
            "forge_memory_gb",
        ),
    ],
    ids=["allow", "escalate", "invalid"],
)
def test_a_pull_request_is_planned(
    clone: Clone, file: str, line: str, status: int, told: str
) -> None:
    merge(clone, file, line)
    results = play(job_of("plan", "plan"), clone, MAIN)
    step, upload = results[-2:]
    assert (step.name, step.outputs["status"]) == ("Plan", str(status)), step.printed
    # make's own status is 2 for every failure; the output has the plan's.
    assert step.status == (2 if status else 0)
    assert told in step.outputs["summary"]
    assert upload.status == 0
    files = {item.name: item.read_text() for item in (clone.uploads / "plan").iterdir()}
    assert files["plan.md"] == step.outputs["summary"]
    if status == 2:
        assert files.keys() == {"plan.md"}
    else:
        assert json.loads(files["plan.json"])["exit_status"] == status
        assert "<svg" in files["plan.html"]


def listed(printed: str) -> dict[str, set[str]]:
    """The hosts of each play of ``ansible-playbook --list-hosts``."""
    plays = re.findall(
        r"play #\d+ \(.*?\): (.*?)\tTAGS.*?hosts \(\d+\):(.*?)(?=\n\n|\Z)",
        printed,
        re.DOTALL,
    )
    return {name: set(hosts.split()) for name, hosts in plays}


@pytest.mark.usefixtures("access")
def test_apply_reaches_the_nodes_of_the_cluster_alone(clone: Clone) -> None:
    program = (clone.path / ".venv" / "bin" / "ansible-playbook").resolve()
    write_program(
        clone.path / ".venv" / "bin" / "ansible-playbook",
        f'echo "$ANSIBLE_PRIVATE_KEY_FILE"; exec {program} "$@" --list-hosts',
    )
    results = play(job_of("apply", "tier1"), clone, MAIN)
    *_, (name, status) = run_steps(results)
    assert (name, status) == ("Apply", 0), results[-1].printed
    assert "access/id_ed25519" in results[-1].printed
    plays = listed(results[-1].printed)
    assert plays["Base of the nodes"] == NODES
    assert set().union(*plays.values()) - {"localhost"} == NODES


def test_without_the_runners_access_nothing_is_applied(clone: Clone) -> None:
    clone.environment["FORGE_TIER1_ACCESS"] = str(clone.path / "nothing")
    results = play(job_of("apply", "tier1"), clone, MAIN)
    assert run_steps(results)[-1] == ("Apply", 2)
    assert "id_ed25519 cannot be read" in results[-1].printed
    assert "PLAY" not in results[-1].printed


@pytest.mark.parametrize("words", ["boundary", "apply --limit=all", "drift x", ""])
def test_tier_one_takes_no_other_words(clone: Clone, words: str) -> None:
    step = {"name": "Try", "run": f"scripts/tier1 {words}"}
    (result,) = play({"steps": [step]}, clone, MAIN)
    assert result.status == 2
    assert "apply or drift, and nothing else" in result.printed


@pytest.mark.usefixtures("access")
def test_drift_reports_hosts_that_it_cannot_reach(
    clone: Clone, closed_port: int
) -> None:
    # Never an address of the inventory, which something may have here.
    nowhere = f"-o HostName=127.0.0.1 -o Port={closed_port}"
    clone.environment["ANSIBLE_SSH_EXTRA_ARGS"] = nowhere
    # A program for the fans that nobody has built yet is another test's matter.
    fans = {"all": {"vars": {"node_base_fan_backend": "none"}}}
    (clone.path / "inventory" / "forge" / "zz.yml").write_text(json.dumps(fans))
    results = play(job_of("drift", "tier1"), clone, MAIN)
    assert run_steps(results)[-2:] == [("Drift", 2), ("actions/upload-artifact", 0)]
    report = json.loads((clone.uploads / "drift" / "drift.json").read_bytes())
    assert report["verdict"] == "incomplete", results[-2].printed
    assert {host["name"] for host in report["hosts"]} == NODES
    assert {host["state"] for host in report["hosts"]} == {"unreachable"}
    page = (clone.uploads / "drift" / "drift.html").read_text()
    assert "Not every host could be checked" in page
    # The check is a run as every other: it has left its record.
    assert git(clone.path, "status", "--porcelain") == "?? inventory/forge/zz.yml\n"


@pytest.mark.parametrize("name", ["apply", "drift"])
@pytest.mark.parametrize(
    ("fork", "ref", "runs"),
    [
        (False, "refs/heads/main", True),
        (True, "refs/heads/main", False),
        (False, "refs/heads/other", False),
        (False, "refs/pull/1/merge", False),
    ],
)
def test_the_clusters_runner_takes_main_alone_and_no_fork(
    name: str, ref: str, *, fork: bool, runs: bool
) -> None:
    contexts = {"github.event.repository.fork": fork, "github.ref": ref}
    assert evaluate(job_of(name, "tier1")["if"], contexts) is runs


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("always()", True),
        ("${{ a.b == 'c' }}", True),
        ("!a.b", False),
        ("a.b != 'c' || (a.b == 'c' && !d)", True),
    ],
)
def test_expressions(expression: str, *, value: bool) -> None:
    assert evaluate(expression, {"a.b": "c", "d": False}) is value


def test_an_unknown_context_and_a_call_are_errors() -> None:
    with pytest.raises(KeyError, match=r"secrets\.TOKEN"):
        evaluate("secrets.TOKEN", MAIN)
    with pytest.raises(ValueError, match=r"cannot read '\[0\]'"):
        evaluate("github[0]", {"github": "x"})
