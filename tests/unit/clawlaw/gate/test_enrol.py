"""Agents in the configuration, and the files of their tokens."""

import os
from pathlib import Path
from typing import Any

import pytest

from clawlaw.gate.enrol import (
    EnrolError,
    agents_of,
    check_credentials,
    digest_of,
    enrolled,
    make_credentials,
    with_agents,
)
from clawlaw.policy.errors import PolicyError
from clawlaw.policy.source import read_source

UID, GID = os.getuid(), os.getgid()
ONE = {"principal": "developer", "uid": 1201, "tokens": ["sha256:" + "a" * 64]}
CONFIG = b"""# The gate of a test.
document: gate
mode: enforce # or observe
agents:
  - {principal: developer, uid: 1201}
  - principal: operator
    uid: 1202 # of a person

# Where it listens.
listeners:
  - {unix: /run/x, rights: [propose]}
"""


def agents(text: bytes) -> list[dict[str, Any]]:
    return agents_of(read_source("gate.yaml", text))


def test_a_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "developer"
    first = make_credentials(path, UID, GID)
    again = make_credentials(path, UID, GID)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (first.fresh, again.fresh) == (True, False)
    assert first.digest == again.digest == digest_of(path.read_bytes())
    assert len(path.read_bytes().strip()) == 43


def test_two_agents_have_two_tokens(tmp_path: Path) -> None:
    one = make_credentials(tmp_path / "a", UID, GID)
    assert one.digest != make_credentials(tmp_path / "b", UID, GID).digest


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o700])
def test_a_token_that_others_reach_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "developer"
    make_credentials(path, UID, GID)
    path.chmod(mode)
    with pytest.raises(EnrolError, match="not 0600"):
        check_credentials(path, UID)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    make_credentials(tmp_path / "real", UID, GID)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "hard").hardlink_to(tmp_path / "real")
    for name in ("link", "hard", "real"):
        with pytest.raises(EnrolError):
            make_credentials(tmp_path / name, UID, GID)


def test_a_token_of_another_account_is_refused(tmp_path: Path) -> None:
    make_credentials(tmp_path / "a", UID, GID)
    with pytest.raises(EnrolError, match="belongs to uid"):
        check_credentials(tmp_path / "a", UID + 1)


@pytest.mark.parametrize("content", [b"", b"short\n", b"x" * 500])
def test_what_is_no_token_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(EnrolError, match="no token"):
        check_credentials(path, UID)


def test_a_folder_and_a_pipe_are_no_credentials(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o600)
    for name in ("pipe", "folder"):
        with pytest.raises((EnrolError, OSError)):
            check_credentials(tmp_path / name, UID)


def test_only_the_lines_of_agents_change() -> None:
    changed = with_agents("gate.yaml", CONFIG, [ONE])
    assert agents(changed) == [ONE]
    text = changed.decode()
    assert text.startswith("# The gate of a test.\ndocument: gate\n")
    assert "mode: enforce # or observe\n" in text
    assert "\n# Where it listens.\nlisteners:\n" in text


def test_agents_come_to_a_configuration_that_has_none() -> None:
    for text in (b"document: gate\n", b"document: gate", b"agents: []\ndocument: gate"):
        assert agents(with_agents("gate.yaml", text, [ONE])) == [ONE]


def test_the_last_agent_leaves_an_empty_list() -> None:
    changed = with_agents("gate.yaml", CONFIG, [])
    assert agents(changed) == []
    assert with_agents("gate.yaml", changed, []) == changed


def test_agents_at_the_end_and_in_one_line() -> None:
    text = b"document: gate\nagents: [{principal: a, uid: 1}]\n"
    assert agents(with_agents("gate.yaml", text, [ONE])) == [ONE]


def test_an_agent_keeps_what_it_has_besides() -> None:
    before: list[dict[str, Any]] = [
        {"principal": "developer", "uid": 1, "names": ["cn"]},
        {"principal": "b"},
    ]
    after = enrolled(before, "developer", 7, "sha256:x")
    assert after[0] == {
        "principal": "developer", "uid": 7, "names": ["cn"], "tokens": ["sha256:x"],
    }  # fmt: skip
    assert after[1] == {"principal": "b"}
    assert len(enrolled(before, "c", 8, "sha256:y")) == 3


def test_a_name_cannot_write_yaml() -> None:
    odd = {"principal": "a}, {principal: b", "uid": 1}
    assert agents(with_agents("gate.yaml", CONFIG, [odd])) == [odd]


def test_what_cannot_be_read_is_not_edited() -> None:
    with pytest.raises(PolicyError):
        with_agents("gate.yaml", b"agents: &x []\n", [ONE])
    with pytest.raises(PolicyError):
        agents(b"agents: {a: 1}\n")
