"""`clawlaw agents` against the real daemon: enrolment, settings, proof, removal."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clawlaw.evidence.keys import make_signer

# Agents have an account of their own; who is not root enrols himself.
UID = 65534 if os.getuid() == 0 else os.getuid()
SECONDS = 60  # a busy machine compiles a policy slowly

type Agents = Callable[..., subprocess.CompletedProcess[str]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Boundary:
    """A gate's files in one folder, and the gate itself while it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.etc, self.work = folder / "etc", folder / "work"
        self.config = self.etc / "gate.yaml"
        self.settings = folder / "managed-settings.json"
        self.tokens = self.etc / "agents"
        for made in (self.etc, self.work, self.tokens):
            made.mkdir()
        make_signer(self.etc / "log.key", "forge.example/test")
        self.config.write_text(
            f"""# A gate of a test.
document: gate
policy: {{folder: forge, workspace: ["{self.work}"], home: /home/agent}}
evidence:
  folder: "{folder / "log"}"
  origin: forge.example/test
  key: "{self.etc / "log.key"}"
agents: []
listeners:
  - {{tcp: "127.0.0.1:{free_port()}", rights: [propose, outcome]}}
"""
        )
        self.config.chmod(0o600)
        self.daemon: subprocess.Popen[str] | None = None

    def agents(self, *words: str) -> subprocess.CompletedProcess[str]:
        places = ["--config", str(self.config)]
        if words[0] != "settings":
            places += ["--credentials", str(self.tokens)]
        if words[0] in {"settings", "verify"}:
            places += ["--file", str(self.settings)]
        return subprocess.run(
            [sys.executable, "-m", "clawlaw", "agents", *words, *places],
            capture_output=True, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip

    def start(self) -> None:
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", "clawlaw", "gate", "--config", str(self.config)],
            stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.daemon.stdout is not None
        deadline = time.monotonic() + SECONDS
        for line in self.daemon.stdout:
            if '"serving"' in line:
                return
            assert time.monotonic() < deadline, line
        pytest.fail("the gate ended before it served")

    def stop(self) -> None:
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.communicate(timeout=SECONDS)
            self.daemon = None


@pytest.fixture
def boundary(tmp_path: Path) -> Iterator[Boundary]:
    tmp_path.chmod(0o755)
    made = Boundary(tmp_path)
    yield made
    made.stop()


def test_an_agent_from_enrolment_to_removal(boundary: Boundary) -> None:
    added = boundary.agents("add", "developer", "--uid", str(UID))
    assert added.returncode == 0, added.stderr
    again = boundary.agents("add", "developer", "--uid", str(UID))
    assert "kept" in again.stdout
    assert boundary.config.read_text().startswith("# A gate of a test.\n")
    listed = json.loads(boundary.agents("list", "--json").stdout)["agents"]
    assert [(a["principal"], a["token"]) for a in listed] == [("developer", "good")]

    assert boundary.agents("settings").returncode == 1
    assert boundary.agents("settings", "--write").returncode == 0
    assert boundary.agents("settings").returncode == 0

    boundary.start()
    proven = boundary.agents("verify", "developer", "--json")
    said = json.loads(proven.stdout)
    assert said["good"], said
    assert [p["name"] for p in said["agents"]["developer"]] == [
        "managed settings",
        "credentials",
        "an ordinary action is allowed",
        "a write outside is denied",
        "the session is closed",
        "another token is refused",
    ]
    assert proven.returncode == 0

    walked = boundary.agents("exercise", "developer", "--actions", "50", "--json")
    said = json.loads(walked.stdout)
    assert (walked.returncode, said["verdicts"]) == (0, {"allow": 50}), said
    assert [(p["name"], p["said"]) for p in said["probes"]] == [
        ("traversal", "deny"),
        ("hosts file", "deny"),
        ("malformed", "deny"),
        ("chain: the page alone", "allow"),
        ("chain: a file is read", "allow"),
        ("chain: then the page", "escalate"),
    ]
    assert 0 < said["milliseconds"]["p50"] <= said["milliseconds"]["p99"]

    weakened = boundary.settings.read_text().replace('"block"', '"continue"', 1)
    boundary.settings.write_text(weakened)
    proven = boundary.agents("verify", "developer", "--json")
    assert proven.returncode == 1
    assert "onFailure" in proven.stdout

    assert boundary.agents("remove", "developer").returncode == 0
    assert "developer" not in boundary.config.read_text()
    assert list(boundary.tokens.iterdir()) == []
    boundary.stop()
    assert (boundary.folder / "log").is_dir()


def test_a_gate_that_is_down_proves_nothing(boundary: Boundary) -> None:
    boundary.agents("add", "developer", "--uid", str(UID))
    proven = boundary.agents("verify", "developer", "--no-hooks", "--json")
    said = json.loads(proven.stdout)
    assert proven.returncode == 1
    assert {p["name"]: p["good"] for p in said["agents"]["developer"]} == {
        "credentials": True,
        "an ordinary action is allowed": False,
        "a write outside is denied": False,
        "the session is closed": False,
        "another token is refused": False,
    }


def test_another_token_on_the_disk_is_noticed(boundary: Boundary) -> None:
    boundary.agents("add", "developer", "--uid", str(UID))
    (token,) = boundary.tokens.iterdir()
    token.write_text("x" * 43 + "\n")
    proven = boundary.agents("verify", "developer", "--no-hooks", "--json")
    assert proven.returncode == 1
    assert "another token than the configuration's" in proven.stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("add", "stranger", "--uid", str(UID)), "no principal of the policy"),
        (("add", "developer", "--uid", "4000000"), "no account has uid"),
        (("add", "../x", "--uid", str(UID)), "no principal of the policy"),
        (("remove", "developer"), "no agent of"),
        (("verify", "developer"), "no agent 'developer'"),
        (("settings", "--client-version", "2.1.294"), "lets the action through"),
        (("settings", "--minimum", "2.0.0"), "lets the action through"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    words: tuple[str, ...], problem: str, boundary: Boundary
) -> None:
    before = boundary.config.read_bytes()
    done = boundary.agents(*words)
    assert done.returncode == 2
    assert problem in done.stderr
    assert boundary.config.read_bytes() == before
    assert list(boundary.tokens.iterdir()) == []
    assert not boundary.settings.exists()


def test_two_agents_do_not_share_an_account(boundary: Boundary) -> None:
    boundary.agents("add", "developer", "--uid", str(UID))
    done = boundary.agents("add", "operator", "--uid", str(UID))
    assert done.returncode == 2
    assert "developer's" in done.stderr


def test_settings_that_others_write_are_named(boundary: Boundary) -> None:
    boundary.agents("settings", "--write")
    boundary.settings.chmod(0o666)
    done = boundary.agents("settings", "--json")
    assert done.returncode == 1
    assert "lets others write" in done.stdout


def test_the_settings_of_before_are_kept_beside(boundary: Boundary) -> None:
    boundary.settings.write_text('{"companyAnnouncements": ["hello"]}')
    boundary.agents("settings", "--write")
    kept = boundary.settings.with_name("managed-settings.json.before-clawlaw")
    assert kept.read_text() == '{"companyAnnouncements": ["hello"]}'
    boundary.agents("settings", "--remove", "--write")
    left = json.loads(boundary.settings.read_text())
    assert left["companyAnnouncements"] == ["hello"]
    assert "hooks" not in left
