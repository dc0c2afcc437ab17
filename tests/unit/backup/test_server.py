"""Files of a server: what is listed and refused, and how the server is reached."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from forge.artifacts.progress import SILENT
from forge.backup.copies import Copies
from forge.backup.errors import SourceError
from forge.backup.pull import pull
from forge.backup.server import Server, ssh
from forge.errors import InputError

HERE = ("sh", "-c")  # this machine in the place of a server
ADDRESSES = {"forge_addresses": {"cluster": "10.20.0.11"}}


def whole(data: bytes) -> bytes:
    """A snapshot as etcd writes it."""
    return data + hashlib.sha256(data).digest()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A server's folders, with what is left out."""
    root = tmp_path / "server"
    for name, data in {
        "snapshots/on-demand-one-1": whole(b"\x01" * 1024),
        "snapshots/on-demand-one-2.part": b"half",
        "tls/etcd/server-ca.key": b"key",
        "token": b"K10::server:secret\n",
        "it's odd": b"odd",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / "tls" / "link").symlink_to("/etc/passwd")
    return root


@pytest.fixture
def server(tree: Path) -> Server:
    folders = [str(tree / n) for n in ("snapshots", "tls", "token", "it's odd", "gone")]
    return Server("one", HERE, folders)


def test_every_regular_file_is_copied(
    server: Server, tree: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    (result,) = pull([server], folder, SILENT).results
    assert result.problem == ""
    with Copies.open(folder) as kept:
        found = {c.name: kept.path(c.sha256).read_bytes() for c in kept.all()}
    expected = (
        "snapshots/on-demand-one-1",
        "tls/etcd/server-ca.key",
        "token",
        "it's odd",
    )
    assert found == {str(tree / n): (tree / n).read_bytes() for n in expected}


def test_a_transfer_begins_where_it_is_asked(server: Server, tree: Path) -> None:
    (item,) = (i for i in server.items() if i.name.endswith("/token"))
    assert b"".join(server.read(item, 5)) == (tree / "token").read_bytes()[5:]


def test_a_file_that_changed_since_it_was_listed_is_no_copy(
    server: Server, tree: Path, tmp_path: Path
) -> None:
    listed = server.items()
    (tree / "token").write_bytes(b"K10::server:SECRET\n")
    server.items = lambda: listed  # type: ignore[method-assign]  # the list of before
    (result,) = pull([server], tmp_path / "copies", SILENT).results
    assert "changed meanwhile" in result.problem


def test_a_snapshot_that_is_not_whole_is_no_copy(
    server: Server, tree: Path, tmp_path: Path
) -> None:
    (tree / "snapshots" / "on-demand-one-3").write_bytes(whole(b"\x01" * 1024)[:-1])
    (result,) = pull([server], tmp_path / "copies", SILENT).results
    assert "on-demand-one-3: is no snapshot of etcd, or was cut" in result.problem


def test_a_host_that_is_no_server_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"(?s)none of .*/a, .*/b is there.*k3s\.yml"):
        Server("one", HERE, [str(tmp_path / "a"), str(tmp_path / "b")]).items()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            ("sh", "-c", "echo 'no route to host' >&2; exit 255"),
            "ssh: no route to host",
        ),
        (("sh", "-c", "echo 'sudo: a password' >&2; exit 1"), "ended with 1: sudo:"),
        (("/no/such/program",), "No such file"),
        (("sh", "-c", "echo '{}'"), "the list of files"),
    ],
)
def test_a_host_that_cannot_be_asked_is_told(
    command: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SourceError, match="server/one") as caught:
        Server("one", command, ["/a", "/b"]).items()
    assert said in str(caught.value)


def test_a_transfer_that_ends_with_an_error_is_told(tmp_path: Path) -> None:
    script = tmp_path / "ssh"
    row = {"name": "/a", "size": 9, "modified": "", "tag": "sha256:0"}
    script.write_text(
        f"#!/bin/sh\ncase $1 in python3*) echo '{json.dumps(row)}';;"
        " *) printf 123; echo lost >&2; exit 255;; esac\n"
    )
    script.chmod(0o755)
    source = Server("one", [str(script)], ["/s", "/a"])
    (result,) = pull([source], tmp_path / "copies", SILENT).results
    assert "server/one: ssh: lost" in result.problem


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "one"),
        ({"ansible_host": "10.0.0.1"}, "10.0.0.1"),
        ({"ansible_host": "{{ forge_addresses.cluster }}", **ADDRESSES}, "10.20.0.11"),
        ({"ansible_user": "root", "ansible_port": 2222}, "-p 2222 root@one"),
        ({"ansible_user": "steward"}, "steward@one sudo -n"),
        (
            {
                "ansible_ssh_common_args": "-o 'UserKnownHostsFile=/a b'",
                "ansible_ssh_private_key_file": "/key",
            },
            "-o UserKnownHostsFile=/a b -i /key one",
        ),
    ],
)
def test_a_server_is_reached_as_by_ansible(
    variables: dict[str, Any], words: str
) -> None:
    assert " ".join(ssh(variables, "one")).endswith(f"ConnectTimeout=10 {words}")


def test_a_template_that_is_not_the_address_is_refused() -> None:
    with pytest.raises(InputError, match="ansible_user is a template"):
        ssh({"ansible_user": "{{ who }}"}, "one")
