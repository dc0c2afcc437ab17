"""Who logs in to `beta`: certificates of runs, and a plain key that is noted."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from testinfra.host import Host

from clawlaw.gate.authority import Authority, user_key
from clawlaw.gate.certificates import Statement

if TYPE_CHECKING:
    from conftest import Converge, Room

# Of the inventory's authority: everyone knows it, and only this host believes it.
SEED = b"molecule of the role node_base\0\0"
LOG = "/var/log/forge/break-glass.log"
RUN = "20261123T101010Z-0a1b2c3d/sha256:" + "a" * 64

type Login = Callable[..., subprocess.CompletedProcess[str]]


def patiently(
    attempt: Callable[[], subprocess.CompletedProcess[str]],
) -> subprocess.CompletedProcess[str]:
    """Try until sshd listens to who failed before: it shuts them out for a while."""
    until = time.monotonic() + 120
    while True:
        done = attempt()
        shut_out = done.returncode == 255 and "Permission denied" not in done.stderr
        if not shut_out or time.monotonic() > until:
            return done
        time.sleep(2)


@pytest.fixture(autouse=True)
def listening(room: "Room") -> None:
    """Nobody is shut out any more for what the test before tried."""
    for name in room.addresses:
        assert patiently(lambda name=name: room.ssh(name, "true")).returncode == 0


@pytest.fixture
def login(room: "Room", tmp_path: Path) -> Login:
    """Log in to a host with a certificate alone."""
    words, _ = room.login("beta")
    known = next(word for word in words if word.startswith("UserKnownHostsFile="))
    private = tmp_path / "run"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private], check=True
    )
    public = user_key(private.with_suffix(".pub").read_text())

    def try_it(
        host: str, principal: str, *, seconds: int = 300, user: str = "root",
        seed: bytes = SEED, command: str = "echo in",
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        now = int(time.time())
        said = Statement(7, RUN, (principal,), now - 60, now + seconds)
        authority = Authority(Ed25519PrivateKey.from_private_bytes(seed))
        signed = authority.sign(said, public)
        private.with_name("run-cert.pub").write_text(f"{signed}\n")
        _, destination = room.login(host)
        address = destination.partition("@")[2]
        return patiently(
            lambda: subprocess.run(
                ["ssh", "-F", "none", "-i", private, "-o", known, "-o", "BatchMode=yes",
                 "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
                 "-o", "StrictHostKeyChecking=yes", f"{user}@{address}", command],
                capture_output=True, text=True, check=False, timeout=30,
                stdin=subprocess.DEVNULL,
            )
        )  # fmt: skip

    return try_it


def noted(host: Host) -> int:
    """Lines of the log of the plain key."""
    return int(host.check_output(f"cat {LOG} | wc -l"))


def test_a_certificate_of_a_run_opens_its_host(
    login: Login, hosts: dict[str, Host]
) -> None:
    done = login("beta", "beta")
    assert done.stdout == "in\n", done.stderr
    journal = hosts["beta"].check_output("journalctl -u ssh -o cat --since -5min")
    assert f"ID {RUN} (serial 7)" in journal


@pytest.mark.parametrize(
    ("host", "principal", "more"),
    [
        ("beta", "alpha", {}),
        ("beta", "root", {}),
        ("beta", "beta", {"seconds": -1}),
        ("beta", "beta", {"user": "daemon"}),
        ("beta", "beta", {"seed": b"another authority" + b"\0" * 15}),
        ("alpha", "alpha", {}),
    ],
    ids=["of another host", "of an account", "over", "account", "authority", "default"],
)
def test_no_other_certificate_does(
    login: Login, host: str, principal: str, more: dict[str, object]
) -> None:
    done = login(host, principal, **more)
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_the_plain_key_is_noted_before_it_opens(
    room: "Room", login: Login, hosts: dict[str, Host]
) -> None:
    before = noted(hosts["beta"])
    assert login("beta", "beta").returncode == 0
    after_certificate = noted(hosts["beta"])
    assert room.ssh("beta", "true").returncode == 0
    after_key = noted(hosts["beta"])
    # Each look at the log is a login with the plain key itself.
    each = after_certificate - before
    assert each > 0
    assert after_key - after_certificate == 2 * each
    line = hosts["beta"].check_output(f"tail -n 1 {LOG}").split()
    assert line[1] == "root"
    own = room.login("beta")[0]
    key = Path(own[own.index("-i") + 1])
    shown = subprocess.run(
        ["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True
    ).stdout
    assert line[2] in shown
    journal = hosts["beta"].check_output("journalctl -t forge-break-glass -o cat")
    assert f"the plain key {line[2]} was brought for root" in journal
    assert not hosts["alpha"].file(LOG).exists


def test_a_disk_that_takes_no_note_lets_nobody_in_by_the_plain_key(
    room: "Room", login: Login
) -> None:
    full = f"mount -t tmpfs -o ro none {Path(LOG).parent}"
    assert room.ssh("beta", full).returncode == 0
    refused = room.ssh("beta", "true")
    certified = login("beta", "beta", command=f"umount {Path(LOG).parent} && echo in")
    assert refused.returncode == 255
    assert "Permission denied" in refused.stderr
    assert certified.stdout == "in\n", certified.stderr
    assert room.ssh("beta", "true").returncode == 0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"node_base_ssh_authority": "ssh-rsa AAAA"}, "not one line of an Ed25519 key"),
        ({"node_base_ssh_authority": "ssh-ed25519 AAAA"}, "ssh-keygen refuses"),
        ({"node_base_ssh_plain_key": "break_glass"}, "believes no authority"),
    ],
)
def test_what_would_lock_out_changes_nothing(
    hosts: dict[str, Host],
    converge: "Converge",
    variables: dict[str, object],
    words: str,
) -> None:
    state = "sha256sum /etc/ssh/sshd_config.d/*; ls /etc/ssh"
    before = hosts["alpha"].check_output(state)
    done = converge("--limit", "alpha", "--tags", "node_base_ssh", **variables)
    assert done.returncode != 0
    assert words in " ".join(done.stdout.split())
    assert hosts["alpha"].check_output(state) == before


def test_a_run_brings_home_what_was_noted(
    room: "Room", hosts: dict[str, Host], converge: "Converge"
) -> None:
    assert room.ssh("beta", "true").returncode == 0
    least = noted(hosts["beta"])
    done = converge("--tags", "node_base_ssh")
    assert done.returncode == 0, done.stdout
    folder = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "state" / "runs"
    newest = max(folder.glob("*.jsonl")).read_text().splitlines()
    found = [line for line in map(json.loads, newest) if line["kind"] == "plain_key"]
    assert [line["host"] for line in found] == ["beta"], "the other one notes nothing"
    assert found[0]["uses"] >= least > 0
    assert found[0]["unreadable"] == 0
    assert " root SHA256:" in found[0]["last"][-1]
