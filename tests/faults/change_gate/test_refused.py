"""What goes wrong around a run's verdict: refused before any host is touched."""

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forge.runs import journal

if TYPE_CHECKING:
    from tests.integration.change_gate.conftest import Room

REACH = {
    "name": "Reach",
    "hosts": "all",
    "gather_facts": False,
    "tasks": [{"name": "Reach it", "ansible.builtin.ping": None}],
}


def why(room: "Room") -> str:
    run = journal.load(room.state, journal.names(room.state)[-1])
    assert run.first("ended")["result"] == "refused"
    return str(run.first("refused")["why"])


def installed(forge: "Room") -> None:
    """Have a first run end well, so that the gate counts as converged."""
    done = forge.run(forge.installing())
    assert done.returncode == 0, done.stdout
    assert forge.touched() == set()


def test_a_host_of_the_gate_that_is_unreachable(forge: "Room") -> None:
    hosts = json.loads((forge.folder / "hosts.yml").read_text())["all"]["hosts"]
    hosts["m4-pro"] = {"ansible_host": "m4-pro.invalid"}
    forge.overlay(hosts)
    done = forge.run(forge.gated(REACH))
    assert done.returncode == 3, done.stdout
    assert "the gate does not answer" in why(forge)
    assert forge.touched() == {"m4-pro"}


def test_a_gate_that_is_gone_is_no_first_installation(forge: "Room") -> None:
    installed(forge)
    done = forge.run(forge.gated(REACH))
    assert done.returncode == 3, done.stdout
    assert "the gate does not answer" in why(forge)
    assert forge.touched() == set()


def test_an_inventory_without_its_gate_is_no_first_installation(
    forge: "Room",
) -> None:
    installed(forge)
    hosts = json.loads((forge.folder / "hosts.yml").read_text())["all"]["hosts"]
    hosts["m4-pro"]["forge_components"] = ["agents", "ollama", "mlx"]
    forge.overlay(hosts, forge_components_required=[])
    done = forge.run(forge.gated(REACH))
    assert done.returncode == 3, done.stdout
    assert forge.touched() == set()


DAMAGE = ("edited", "cut", "without its key", "of another key")


@pytest.mark.parametrize("damage", DAMAGE)
def test_an_applied_state_that_was_tampered_with(forge: "Room", damage: str) -> None:
    installed(forge)
    folder = forge.state / "testbed"
    record, key = folder / "applied.json", folder / "key"
    match damage:
        case "edited":
            data = record.read_bytes()
            record.write_bytes(data.replace(b"worker-01", b"worker-09", 1))
        case "cut":
            record.write_bytes(record.read_bytes()[:-20])
        case "without its key":
            key.unlink()
        case "of another key":
            key.write_bytes(os.urandom(32))
    done = forge.run(forge.gated(REACH))
    assert done.returncode == 1, done.stdout
    assert "applied state" in why(forge) or "key is missing" in why(forge)
    assert forge.touched() == set()


def test_a_disk_that_is_full(forge: "Room", small_disk: Path) -> None:
    forge.state = small_disk
    filler = small_disk / "filler"
    filler.write_bytes(bytes((1 << 20) - 4096))
    with pytest.raises(OSError, match="space"):
        filler.with_suffix(".more").write_bytes(bytes(8192))
    done = forge.run(forge.gated(REACH))
    assert done.returncode == 1, done.stdout
    assert "No space left" in done.stderr
    assert forge.touched() == set()


def test_a_clock_that_went_back(forge: "Room") -> None:
    runs = forge.state / "runs"
    runs.mkdir(parents=True)
    ahead = (time.time() + 3600) * 1000
    entry = {"kind": "started", "at": int(ahead), "previous": "0" * 64}
    line = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    (runs / "29990101T000000Z-00000000.jsonl").write_text(line + "\n")
    done = forge.run(forge.gated(REACH))
    assert done.returncode == 1, done.stdout
    assert "clock" in done.stderr
    assert forge.touched() == set()
