"""The real ansible-playbook: a wrong inventory is refused before a host is touched.

The play that follows touches a file on behalf of every host, and one on behalf of
the controller alone. The valid inventories show that it would.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.topology.load import load_inventory

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests/fixtures/inventory"
VALID = sorted((FIXTURES / "valid").glob("*.yml"))
INVALID = sorted((FIXTURES / "invalid").glob("*.yml"))
# One of each kind, where the fault lies with another host than the limit names.
NARROWED = ("address_twice", "boundary_in_cluster", "flow_from_any", "pin_unknown")
VERSIONS = ("-e", f"forge_versions_file={FIXTURES / 'versions.yml'}")
PLAYBOOK = """
- import_playbook: {root}/playbooks/topology.yml
- name: Touch every host
  hosts: all
  gather_facts: false
  tasks:
    - name: Leave a trace of the host
      ansible.builtin.copy:
        content: "{{{{ forge_topology | to_json }}}}"
        dest: "{traces}/{{{{ inventory_hostname }}}}"
        mode: "0600"
      delegate_to: localhost
      connection: local
      tags: [touch]
- name: Touch the controller
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Leave a trace of the controller
      ansible.builtin.file:
        path: "{traces}/controller-itself"
        state: touch
        mode: "0600"
      tags: [touch]
"""

type Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    folder = tmp_path / "traces"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path: Path, traces: Path) -> Run:
    """Run the playbook on an inventory, as a user would in the checkout."""
    playbook = tmp_path / "touch.yml"
    playbook.write_text(PLAYBOOK.format(root=ROOT, traces=traces), encoding="utf-8")
    program = Path(sys.executable).with_name("ansible-playbook")

    def _run(inventory: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "-i", inventory, playbook, *words],
            cwd=ROOT,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "true",
                "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return _run


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_inventory_goes_on_to_every_host(
    path: Path, run: Run, traces: Path
) -> None:
    done = run(path, *VERSIONS)
    assert done.returncode == 0, done.stdout
    hosts = {*load_inventory([path]).hostvars}
    assert {trace.name for trace in traces.iterdir()} == {*hosts, "controller-itself"}


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_inventory_touches_nothing(path: Path, run: Run, traces: Path) -> None:
    done = run(path, *VERSIONS)
    assert done.returncode != 0
    assert list(traces.iterdir()) == []
    rule = path.read_text("utf-8").splitlines()[1].split()[2].removeprefix("rule=")
    assert f"[{rule}]" in done.stdout + done.stderr
    assert f"tests/fixtures/inventory/invalid/{path.name}:" in done.stdout + done.stderr


@pytest.mark.parametrize("name", NARROWED)
@pytest.mark.parametrize(
    "words",
    [("--limit", "control-01"), ("--tags", "touch"), ("--check",)],
    ids=lambda words: words[0].strip("-"),
)
def test_narrowed_run_is_refused_as_well(
    name: str, words: tuple[str, ...], run: Run, traces: Path
) -> None:
    done = run(FIXTURES / "invalid" / f"{name}.yml", *VERSIONS, *words)
    assert done.returncode != 0
    assert list(traces.iterdir()) == []
    assert "the inventory is invalid" in done.stdout + done.stderr


def test_limited_run_knows_the_whole_inventory(run: Run, traces: Path) -> None:
    done = run(FIXTURES / "valid/three_tiers.yml", *VERSIONS, "--limit", "control-01")
    assert done.returncode == 0, done.stdout
    fact = json.loads((traces / "control-01").read_text("utf-8"))
    assert {*fact["hosts"]} == {"control-01", "worker-02", "m4-pro", "mac-studio"}


@pytest.mark.parametrize("name", ["forge", "testbed"])
def test_roles_read_what_the_command_shows(name: str, run: Run, traces: Path) -> None:
    done = run(ROOT / "inventory" / name)
    assert done.returncode == 0, done.stdout
    facts = [json.loads(trace.read_text("utf-8") or "{}") for trace in traces.iterdir()]
    digests = {fact["digest"] for fact in facts if fact}
    shown = subprocess.run(
        [
            Path(sys.executable).with_name("forge"),
            "topology",
            "show",
            "--json",
            "--inventory",
            ROOT / "inventory" / name,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    shown_topology = json.loads(shown.stdout)
    assert digests == {shown_topology["digest"]}
    assert json.loads((traces / "m4-pro").read_text("utf-8")) == shown_topology


def test_missing_versions_stop_the_run(run: Run, traces: Path) -> None:
    done = run(FIXTURES / "valid/one_node.yml", "-e", "forge_versions_file=no-such.yml")
    assert done.returncode != 0
    assert "no-such.yml" in done.stdout + done.stderr
    assert list(traces.iterdir()) == []
