"""The configuration that starts a gate, and everything that keeps it from starting."""

from pathlib import Path

import pytest

from clawlaw.gate.config import read_config
from clawlaw.policy.errors import PolicyError
from clawlaw.private import PrivateFileError

GOOD = """\
document: gate
policy: {folder: forge, workspace: [/srv/work], home: /home/agent}
evidence:
  folder: /var/lib/clawlaw/log
  origin: forge.example/m4-pro
  key: /etc/clawlaw/log.pem
agents:
  - {principal: developer, uid: 1201}
  - {principal: operator, uid: 1202, names: [operator-01]}
listeners:
  - {unix: /run/clawlaw/gate.sock, rights: [propose, outcome, executor]}
  - {unix: /run/clawlaw/steward.sock, rights: [steward], uids: [1300]}
  - {tcp: "127.0.0.1:8787", rights: [propose]}
escalation: {needed: {file.delete: 2}}
"""


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "gate.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_good_configuration_has_its_defaults(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    config = read_config(path)
    assert config.mode == "enforce"
    assert config.evidence.durability == "fdatasync"
    assert config.settings().needed == {"file.delete": 2}
    assert config.settings().deadline == 900_000
    assert not config.settings().sandbox
    bindings = config.bindings(path, Path("/etc/clawlaw/policy"))
    for own in (
        str(path),
        "/etc/clawlaw/log.pem",
        "/var/lib/clawlaw/log",
        "/run/clawlaw/steward.sock",
    ):
        assert own in bindings.protect


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_read_or_change_does_not_start(
    tmp_path: Path, mode: int
) -> None:
    with pytest.raises(PrivateFileError, match="chmod 0600"):
        read_config(written(tmp_path, GOOD, mode))


def test_a_link_and_a_missing_file_do_not_start(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(written(tmp_path, GOOD))
    for path in (link, tmp_path / "none"):
        with pytest.raises(PrivateFileError):
            read_config(path)


@pytest.mark.parametrize(
    ("before", "after", "line", "problem"),
    [
        ("document: gate", "document: policy", 1, "gate"),
        ("folder: /var", "foldr: /var", 4, "folder"),
        ("uid: 1202", "uid: 1201", 9, "developer's already"),
        ("uid: 1201", "uid: 0", 8, "account of its own"),
        (", uid: 1201", "", 8, "no uid, token or name"),
        ("uids: [1300]", "uids: [1201]", 12, "is an agent's"),
        ("rights: [steward]", "rights: [steward, propose]", 12, "two listeners"),
        ("127.0.0.1", "192.0.2.1", 13, "not loopback"),
        ("127.0.0.1:8787", "localhost", 13, "ADDRESS:PORT"),
        ("tcp: ", "tls: ", 13, "certificate"),
        ("rights: [propose]}", "rights: [steward]}", 13, "by a Unix socket"),
        ("/run/clawlaw/gate.sock", "gate.sock", 11, "absolute"),
        ("file.delete: 2", "file.delet: 2", 14, "file.delete"),
        ("file.delete: 2", "file.delete: 0", 14, ">= 1"),
        ("unix: /run/clawlaw/gate.sock, ", "", 11, "one of unix, tcp"),
        ("steward.sock", "gate.sock", 12, "stands twice"),
        ("rights: [propose]}", "rights: [everything]}", 13, "everything"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, before: str, after: str, line: int, problem: str
) -> None:
    assert before in GOOD
    with pytest.raises(PolicyError) as caught:
        read_config(written(tmp_path, GOOD.replace(before, after, 1)))
    assert caught.value.line == line
    assert problem in str(caught.value)


def test_the_key_of_the_ssh_authority_is_the_gates_own(tmp_path: Path) -> None:
    part = "ssh: {key: /etc/clawlaw/ssh, principal: developer, hosts: [m4-pro]}\n"
    path = written(tmp_path, GOOD + part)
    bindings = read_config(path).bindings(path, Path("/etc/clawlaw/policy"))
    assert "/etc/clawlaw/ssh" in bindings.protect
