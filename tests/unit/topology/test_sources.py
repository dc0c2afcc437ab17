"""Where a finding points to."""

from pathlib import Path

import pytest

from forge.topology import Finding, Topology, examine, read_sources
from forge.topology.sources import locate

HOSTS = """\
all:
  vars:
    forge_name: one
  children:
    outer:
      children:
        inner:
          hosts:
            node-01:
              forge_labels:
                forge.dev: x
                forge: x
            node-02: {}
      vars:
        forge_arch: amd64
"""
GROUP = "forge_taints:\n  - {key: a/b, effect: NoSchedule}\n  - {key: c, effect: X}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inventory/group_vars/all").mkdir(parents=True)
    (tmp_path / "inventory/host_vars").mkdir()
    (tmp_path / "inventory/hosts.yml").write_text(HOSTS, encoding="utf-8")
    (tmp_path / "inventory/group_vars/inner.yml").write_text(GROUP, encoding="utf-8")
    (tmp_path / "inventory/group_vars/all/flows.yml").write_text(
        "# flows\nforge_flows:\n  - name: ssh\n    ports: [22]\n", encoding="utf-8"
    )
    (tmp_path / "inventory/host_vars/node-02.yml").write_text(
        "forge_arch: arm64\n", encoding="utf-8"
    )
    return tmp_path / "inventory"


@pytest.fixture
def topology() -> Topology:
    groups = {
        "all": ["node-01", "node-02"],
        "outer": ["node-01", "node-02"],
        "inner": ["node-01", "node-02"],
    }
    return examine({"node-01": {}, "node-02": {}}, groups, None)[0]


def place(
    topology: Topology, folders: list[Path], host: str, field: str
) -> tuple[str, int]:
    finding = Finding(host=host, field=field, message="m", fix="f")
    sources = read_sources(folders, folders[0].parent)
    found = locate(finding, topology, sources)
    return found.file, found.line


@pytest.mark.parametrize(
    ("host", "field", "expected"),
    [
        ("all", "forge_name", "hosts.yml:3"),
        ("all", "forge_flows[ssh].ports", "group_vars/all/flows.yml:4"),
        ("all", "forge_flows[other].ports", "group_vars/all/flows.yml:2"),
        ("node-01", "forge_labels.forge.dev", "hosts.yml:11"),
        ("node-01", "forge_labels.forge", "hosts.yml:12"),
        ("node-01", "forge_labels.absent", "hosts.yml:10"),
        ("node-01", "forge_taints[c]", "group_vars/inner.yml:3"),
        ("node-01", "forge_taints[1].effect", "group_vars/inner.yml:3"),
        ("node-01", "forge_arch", "hosts.yml:15"),
        ("node-02", "forge_arch", "host_vars/node-02.yml:1"),
        ("node-01", "forge_role", "hosts.yml:9"),
        ("inner", "hosts", "hosts.yml:7"),
    ],
)
def test_finding_points_to_what_sets_the_field(
    folder: Path, topology: Topology, host: str, field: str, expected: str
) -> None:
    file, line = place(topology, [folder], host, field)
    assert f"{file}:{line}" == f"inventory/{expected}"


def test_later_source_wins(folder: Path, topology: Topology, tmp_path: Path) -> None:
    second = tmp_path / "second.yml"
    second.write_text("all:\n  vars:\n    forge_name: two\n", encoding="utf-8")
    assert place(topology, [folder, second], "all", "forge_name") == ("second.yml", 3)


def test_variables_of_a_lone_file_are_beside_it(
    folder: Path, topology: Topology
) -> None:
    found = place(topology, [folder / "hosts.yml"], "node-02", "forge_arch")
    assert found == ("host_vars/node-02.yml", 1)


def test_unreadable_file_costs_the_line_only(folder: Path, topology: Topology) -> None:
    (folder / "hosts.yml").write_text("all: [", encoding="utf-8")
    assert place(topology, [folder], "node-01", "forge_labels") == (
        "inventory/group_vars/all/flows.yml",
        1,
    )


def test_without_sources_a_finding_has_no_place() -> None:
    finding = Finding(host="a", field="b", message="m", fix="f", rule="r")
    assert finding.text() == "a: b: m [r]\n    fix: f"
