"""The private folder of a run's key, and the arguments that have ssh use it."""

import os
import shlex
import stat
import subprocess
import time
from pathlib import Path

import pytest

from forge.runs import access


def test_the_key_is_private_and_ends_with_the_run(tmp_path: Path) -> None:
    folder, line = access.begin(tmp_path / "state", "r1")
    key = folder / access.KEY
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-f", key], capture_output=True, text=True, check=True
    ).stdout
    assert shown.split()[:2] == line.split()
    access.keep(folder, "certificate")
    assert (folder / access.CERTIFICATE).read_text() == "certificate\n"
    access.end(folder)
    assert list(folder.parent.iterdir()) == []


def test_a_run_never_takes_another_runs_key(tmp_path: Path) -> None:
    access.begin(tmp_path, "r1")
    with pytest.raises(access.AccessError, match="r1"):
        access.begin(tmp_path, "r1")


def test_what_a_killed_run_left_goes_once_it_counts_no_more(tmp_path: Path) -> None:
    old, _ = access.begin(tmp_path, "old")
    fresh, _ = access.begin(tmp_path, "fresh")
    past = time.time() - access.LONGEST - 60
    os.utime(old, (past, past))
    access.begin(tmp_path, "next")
    assert (old.exists(), fresh.exists()) == (False, True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(access.AccessError, match="file"):
        access.begin(tmp_path / "file", "r1")


def test_ssh_reads_the_arguments_as_they_are_meant(tmp_path: Path) -> None:
    folder = tmp_path / "a b%h"
    words = shlex.split(access.options(folder, "-o ServerAliveInterval=7"))
    shown = subprocess.run(
        ["ssh", "-G", "-F", "none", *words, "host"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert "serveraliveinterval 7" in shown
    plain = str(folder).replace("%", "%%")
    assert f"certificatefile {plain}/run-cert.pub" in shown
    assert f"identityfile {plain}/run" in shown


def test_no_run_goes_on_in_the_connection_of_another() -> None:
    paths = {
        access.control_path(Path(f"/state/access/{run}"), host)
        for run in ("20261124T010101Z-00000001", "20261124T010101Z-00000002")
        for host in ("a", "b")
    }
    assert len(paths) == 4
    # As short as Ansible's own: the path of a socket has 104 characters at most.
    assert {len(path % {"directory": ""}) for path in paths} == {11}


def test_hosts_believe_where_the_inventory_says_so() -> None:
    hostvars: dict[str, dict[str, str]] = {
        "b": {"node_base_ssh_authority": "ssh-ed25519 AAAA"},
        "a": {"node_base_ssh_authority": "ssh-ed25519 AAAA"},
        "c": {"node_base_ssh_authority": ""},
        "d": {},
        "e": {"macos_base_ssh_authority": "ssh-ed25519 AAAA"},
        "f": {"macos_base_ssh_authority": ""},
    }
    assert access.believing(hostvars, hostvars) == ["a", "b", "e"]
