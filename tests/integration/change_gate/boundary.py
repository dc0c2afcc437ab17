"""A real gate on the host that is this machine, where the change gate looks for it."""

import json
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.integration.gate.house import House

from clawlaw.cli import main
from clawlaw.gate.stewards import generate
from clawlaw.policy.builtin import builtin

if TYPE_CHECKING:
    from tests.integration.change_gate.conftest import Room

ROOT = Path(__file__).parents[3]
ACCOUNT = "forge-controller"
UID = 64_102  # nobody's on this machine
PASSPHRASE = "several words of a test"  # noqa: S105  # of a test
# A mount namespace of its own: in it, this machine looks like the gate's host.
MOUNTS = """
set -e
mount --bind "$1/passwd" /etc/passwd
mount -t tmpfs none /run
mkdir /run/clawlaw
mount --bind "$1/run" /run/clawlaw
shift
exec "$@"
"""


def govern(house: House, uid: int) -> None:
    """Configure a gate with the change gate's laws, its one client, and alice."""
    policy = house.folder / "policy"
    shutil.copytree(builtin("forge"), policy)
    shutil.copytree(builtin("infra"), policy / "infra")
    steward = generate(house.folder / "alice.pem", "alice", PASSPHRASE)
    (house.folder / "passphrase").touch(0o600)
    (house.folder / "passphrase").write_text(PASSPHRASE)
    said = json.loads(house.config.read_text())
    others = [agent for agent in said["agents"] if agent.get("uid") != uid]
    house.more = {
        **house.more,
        "policy": {**said["policy"], "folder": str(policy)},
        "agents": [{"principal": ACCOUNT, "uid": uid}, *others],
        "escalation": {"stewards": [steward.text]},
    }
    house.configure()


def approve(house: House, escalation: str) -> int:
    """Let alice approve it."""
    folder = house.folder
    words = ["steward", "approve", escalation, "-m", "of a test", "--yes"]
    words += ["--socket", str(folder / "steward.sock"), "--json"]
    words += ["--key", str(folder / "alice.pem")]
    return main([*words, "--passphrase-file", str(folder / "passphrase")])


class Boundary:
    """A room that was converged, and its gate."""

    def __init__(self, room: "Room", house: House) -> None:
        if (
            os.geteuid()
            or subprocess.run(["unshare", "-m", "true"], check=False).returncode
        ):
            pytest.skip("a gate at its own place needs root and a mount namespace")
        self.room = room
        self.house = house
        govern(house, UID)
        run = house.folder / "run"
        run.mkdir()
        rights = ["propose", "outcome", "executor"]
        said = json.loads(house.config.read_text())
        here = {"unix": str(run / "executor.sock"), "mode": "0666", "rights": rights}
        house.more = {**house.more, "listeners": [*said["listeners"], here]}
        house.configure()
        known = Path("/etc/passwd").read_text()
        assert not any(user.pw_uid == UID for user in pwd.getpwall())
        (house.folder / "passwd").write_text(
            f"{known}{ACCOUNT}:x:{UID}:65534::/nonexistent:/usr/sbin/nologin\n"
        )
        room.prefix = ("unshare", "-m", "sh", "-c", MOUNTS, "sh", str(house.folder))

    def propose(self, *ports: int, **variables: Any) -> None:
        """Have the inventory open ports from the boundary to a host of the cluster.

        Further variables are those of all hosts.
        """
        whole = json.loads((self.room.folder / "hosts.yml").read_text())["all"]
        source = ROOT / "inventory/testbed/hosts.yml"
        declared: dict[str, Any] = yaml.safe_load(source.read_text())["all"]["vars"]
        flow = {
            "name": "more", "from": ["m4-pro"], "to": ["worker-04"], "wire": "boundary",
            "protocol": "tcp", "ports": list(ports), "why": "of a test",
        }  # fmt: skip
        flows = [*declared["forge_flows"], *([flow] if ports else [])]
        self.room.overlay(whole["hosts"], forge_flows=flows, **variables)
