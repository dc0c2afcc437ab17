"""Every playbook checks the inventory first."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLAYBOOKS = sorted((ROOT / "playbooks").rglob("*.yml"))


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_the_first_play_checks_the_inventory(playbook: Path) -> None:
    first = yaml.safe_load(playbook.read_text())[0]
    if playbook.name == "topology.yml":
        assert first["hosts"] == "all"
        assert first["gather_facts"] is False
        assert first["tags"] == ["always"]
        assert any("forge_topology" in str(task) for task in first["tasks"])
        return
    imported = (playbook.parent / first["ansible.builtin.import_playbook"]).resolve()
    assert imported == ROOT / "playbooks" / "topology.yml"
