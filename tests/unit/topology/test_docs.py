"""docs/inventory.md says what the code does, and its examples work."""

import re
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

from forge.topology import Finding, Topology, examine
from forge.topology.firewall import resolve
from forge.topology.load import Inventory, load_versions
from forge.topology.rules import RULES, rule_name
from forge.topology.schema import GLOBAL_FIELDS, HOST_FIELDS, REQUIRED_HOST

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/inventory.md").read_text("utf-8")
EXAMPLES = re.findall(
    r"^( *)<!-- checked by [^>]*test_docs.py -->\n *```yaml\n(.*?)^ *```$",
    PAGE,
    flags=re.MULTILINE | re.DOTALL,
)

type Read = Callable[..., Inventory]


def rows(pattern: str) -> dict[str, str]:
    found = re.findall(rf"^\| `({pattern})` \| (.+) \|$", PAGE, flags=re.MULTILINE)
    return dict(found)


def check(inventory: Inventory) -> tuple[Topology, tuple[Finding, ...]]:
    versions = load_versions(ROOT / "versions.yml")
    return examine(inventory.hostvars, inventory.groups, versions)


def test_table_lists_every_rule() -> None:
    documented = rows("[a-z]+(?:-[a-z]+)+")
    # The first line of a rule's docstring is its row.
    wanted = {rule_name(rule): (rule.__doc__ or "").splitlines()[0] for rule in RULES}
    assert documented == wanted


def test_tables_list_every_variable() -> None:
    documented = rows("forge_[a-z_]+")
    assert documented.keys() == GLOBAL_FIELDS.keys() | HOST_FIELDS.keys()
    required = {name for name, text in documented.items() if text.endswith("required")}
    assert required == REQUIRED_HOST


def test_smallest_inventory_is_valid(tmp_path: Path, read: Read) -> None:
    _, text = EXAMPLES[0]
    file = tmp_path / "hosts.yml"
    file.write_text(text, encoding="utf-8")
    topology, findings = check(read(file))
    assert [finding.text() for finding in findings] == []
    assert list(topology.hosts) == ["node-01"]


def test_added_node_is_known_to_the_others(tmp_path: Path, read: Read) -> None:
    indent, text = EXAMPLES[1]
    shutil.copytree(ROOT / "inventory/forge", tmp_path / "forge")
    file = tmp_path / "forge/worker-06.yml"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    topology, findings = check(read(tmp_path / "forge"))
    assert indent == "   "
    assert [finding.text() for finding in findings] == []
    rules = resolve(topology)["control-01"]
    (api,) = [rule for rule in rules if rule.flow == "k3s-api"]
    assert "192.0.2.26" in api.sources


def test_finding_in_the_text_is_what_the_command_prints(
    tmp_path: Path, read: Read
) -> None:
    shown = re.search(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)
    assert shown is not None
    shutil.copytree(ROOT / "inventory", tmp_path / "inventory")
    file = tmp_path / "inventory/forge/hosts.yml"
    text = file.read_text("utf-8").replace("cluster: 192.0.2.22", "cluster: 192.0.2.21")
    file.write_text(text, encoding="utf-8")
    inventory = read(tmp_path / "inventory/forge")
    sources = inventory.sources
    versions = load_versions(ROOT / "versions.yml")
    _, (finding,) = examine(inventory.hostvars, inventory.groups, versions, sources)
    printed = finding.text().replace(f"{tmp_path}/", "")
    assert printed.splitlines() == shown.group(1).splitlines()
