"""A drift report of real local hosts, through the command."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from forge.cli import main
from forge.drift.model import Report, State, Verdict, decode

HIDDEN = "geheim-and-long"
CENSORED = "the task's result is secret"
PLAYBOOK = """
- name: Converge
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the setting
      ansible.builtin.copy:
        content: "colour = {{ colour }}\\npassword={{ word }}\\n"
        dest: "{{ folder }}/{{ inventory_hostname }}.conf"
        mode: "0600"
      notify: Say it
    - name: Make folders
      ansible.builtin.file:
        path: "{{ folder }}/{{ item }}"
        state: directory
        mode: "0700"
      loop: [one, two]
    - name: Write the secret
      ansible.builtin.copy:
        content: "{{ secret }}"
        dest: "{{ folder }}/{{ inventory_hostname }}.secret"
        mode: "0600"
      no_log: true
    - name: Refuse where asked to
      ansible.builtin.fail: {msg: no such colour}
      when: colour == "none"
  handlers:
    - name: Say it
      ansible.builtin.file: {path: "{{ folder }}/said", state: directory, mode: "0700"}
"""
type Run = Callable[..., tuple[int, Report]]


def make_checkout(folder: Path) -> Path:
    (folder / "playbooks").mkdir()
    (folder / "playbooks" / "site.yml").write_text(PLAYBOOK)
    (folder / "versions.yml").touch()
    (folder / "ansible.cfg").write_text("[defaults]\n")
    (folder / "files").mkdir()
    write_hosts(folder, {"first": "local", "second": "local"})
    return folder


def write_hosts(checkout: Path, hosts: dict[str, str], **more: Any) -> None:
    variables = {
        "ansible_python_interpreter": sys.executable,
        "folder": str(checkout / "files"),
        "colour": "green",
        "word": "open-sesame",
        "secret": HIDDEN,
        **more,
    }
    rows = {
        name: {"ansible_connection": connection, "ansible_host": "127.0.0.1"}
        for name, connection in hosts.items()
    }
    inventory = {"all": {"hosts": rows, "vars": variables}}
    (checkout / "hosts.json").write_text(json.dumps(inventory))


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make_checkout(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hosts that the playbook made what it says, once for all tests."""
    folder = make_checkout(tmp_path_factory.mktemp("converged"))
    program = Path(sys.executable).with_name("ansible-playbook")
    subprocess.run(
        [program, "-i", "hosts.json", "playbooks/site.yml"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def converged(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = shutil.copytree(made, tmp_path / "copy")
    write_hosts(folder, {"first": "local", "second": "local"})
    monkeypatch.chdir(folder)
    return folder


def run(*words: str) -> tuple[int, Report]:
    status = main(["drift", "--inventory", "hosts.json", *words])
    return status, decode(Path("build/drift/drift.json").read_bytes())


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_first_installation_is_reported_without_secrets(checkout: Path) -> None:
    status, report = run()
    assert (status, report.verdict) == (1, Verdict.DRIFT)
    first = [change for change in report.changes if change.host == "first"]
    assert [(change.task, change.is_handler) for change in first] == [
        ("Write the setting", False),
        ("Make folders", False),
        ("Write the secret", False),
        ("Say it", True),
    ]
    assert '+ "state": "directory"' in first[1].diff
    assert (first[2].withheld, first[2].diff) == (CENSORED, "")
    assert [*(checkout / "files").iterdir()] == []
    for name in ("drift.json", "drift.html"):
        text = (checkout / "build" / "drift" / name).read_text()
        assert "password=secret:" in text
        assert "open-sesame" not in text
        assert HIDDEN not in text


@pytest.mark.usefixtures("converged")
def test_converged_hosts_have_no_drift(capsys: pytest.CaptureFixture[str]) -> None:
    status, report = run("--json")
    assert (status, report.verdict, report.changes) == (0, Verdict.NONE, ())
    assert [(host.name, host.state) for host in report.hosts] == [
        ("first", State.IN_SYNC),
        ("second", State.IN_SYNC),
    ]
    assert "No drift" in Path("build/drift/drift.html").read_text()
    printed = capsys.readouterr()
    assert decode(printed.out.encode()) == report
    assert "Converge" in printed.err


def test_what_was_edited_is_found_and_left_as_it_is(converged: Path) -> None:
    edited = converged / "files" / "second.conf"
    edited.write_text("colour = red\npassword=open-sesame\n")
    (converged / "files" / "first.secret").write_text("another")
    status, report = run()
    assert (status, report.verdict) == (1, Verdict.DRIFT)
    assert edited.read_text() == "colour = red\npassword=open-sesame\n"
    # The handler's folder is there already: only the files would change.
    hidden, change = report.changes
    assert (hidden.host, hidden.task, hidden.withheld) == (
        "first",
        "Write the secret",
        CENSORED,
    )
    assert (change.host, change.task) == ("second", "Write the setting")
    assert change.where == "playbooks/site.yml:6"
    assert "-colour = red\n+colour = green" in change.diff


def test_a_limit_is_named_in_the_report(converged: Path) -> None:
    (converged / "files" / "second.conf").unlink()
    status, report = run("--limit", "first")
    assert status == 0
    assert [host.name for host in report.hosts] == ["first"]
    assert report.scope == "--limit first"


def test_an_unreachable_host_leaves_the_report_incomplete(
    converged: Path, closed_port: int
) -> None:
    write_hosts(
        converged, {"first": "local", "second": "ssh"}, ansible_port=closed_port
    )
    status, report = run()
    assert (status, report.verdict) == (2, Verdict.INCOMPLETE)
    assert [host.state for host in report.hosts] == [State.IN_SYNC, State.UNREACHABLE]
    assert "Connection refused" in report.hosts[1].why


def test_a_check_that_fails_is_told_beside_the_drift(checkout: Path) -> None:
    write_hosts(checkout, {"first": "local"}, colour="none")
    status, report = run()
    assert status == 2
    (host,) = report.hosts
    assert (host.state, host.changes) == (State.FAILED, 3)
    assert host.why == "Refuse where asked to: no such colour"
    assert len(report.changes) == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--inventory", "gone.yml"], "no such inventory"),
        (["--inventory", "hosts.json", "--playbook", "gone.yml"], "no such playbook"),
        (["--inventory", "hosts.json", "--limit", "nobody"], "nobody"),
        (["--testbed"], "not up"),
    ],
)
def test_invalid_input_writes_no_report(
    checkout: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main(["drift", *words]) == 2
    assert told in capsys.readouterr().err
    assert not (checkout / "build").exists()


def test_a_broken_playbook_is_told_and_writes_no_report(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "playbooks" / "site.yml").write_text("- hosts: all\n  tasks: [1]\n")
    assert main(["drift", "--inventory", "hosts.json"]) == 2
    assert "did not start" in capsys.readouterr().err
    assert not (checkout / "build").exists()
