"""Every playbook checks the inventory, and asks the gate before it changes hosts."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLAYBOOKS = sorted((ROOT / "playbooks").rglob("*.yml"))


# Of the inventory alone, of the gate itself, and of what changes nothing.
FIRST = {"gate.yml": "topology.yml", "verify.yml": "topology.yml"}


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_the_first_play_asks(playbook: Path) -> None:
    first = yaml.safe_load(playbook.read_text())[0]
    if playbook.name == "topology.yml":
        assert first["hosts"] == "all"
        assert first["gather_facts"] is False
        assert first["tags"] == ["always"]
        assert any("forge_topology" in str(task) for task in first["tasks"])
        return
    imported = (playbook.parent / first["ansible.builtin.import_playbook"]).resolve()
    assert imported == ROOT / "playbooks" / FIRST.get(playbook.name, "gate.yml")


def test_the_gate_is_asked_whatever_the_tags_say() -> None:
    play = yaml.safe_load((ROOT / "playbooks/gate.yml").read_text())[1]
    assert (play["hosts"], play["tags"]) == ("all", ["always"])
    assert play["any_errors_fatal"] is True
    (task,) = play["tasks"]
    assert task["ansible.builtin.import_role"]["name"] == "change_gate"
    assert not {"when", "tags"} & task.keys()
