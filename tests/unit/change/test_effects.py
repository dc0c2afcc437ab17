"""The effects table: nothing of this repository is without a row."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge.change.effects import read_table, table
from forge.change.gather import tree
from forge.change.model import Effect
from forge.change.snapshot import Surroundings, read_listing
from forge.errors import InputError
from forge.topology.model import COMPONENTS, ROLES
from forge.topology.schema import KNOWN_FIELDS

from .conftest import KEY, listing

ROOT = Path(__file__).resolve().parents[3]


def without_rows(subjects: set[str]) -> list[str]:
    return sorted(subject for subject in subjects if table().row(subject) is None)


def options() -> Iterator[tuple[str, str]]:
    """Every option of every role, with its role."""
    for file in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(file.read_text("utf-8"))["argument_specs"]
        for spec in specs.values():
            for name in spec.get("options") or ():
                yield file.parents[1].name, name


def test_every_option_of_every_role_has_a_row_of_its_own() -> None:
    found = {f"vars.{name}" for _, name in options()}
    assert len(found) > 150
    assert sorted(found - table().subjects()) == []


def test_no_row_is_about_an_option_that_no_role_has() -> None:
    roles = {f"vars.{folder.name}_" for folder in (ROOT / "roles").iterdir()}
    wanted = {f"vars.{name}" for _, name in options()}
    about = {s for s in table().subjects() if s.startswith(tuple(roles))}
    # Read by playbooks that import a role, and not by the role itself.
    assert sorted(about - wanted) == []


def test_every_variable_of_the_platform_has_a_row_of_its_own() -> None:
    assert sorted({f"vars.{n}" for n in KNOWN_FIELDS} - table().subjects()) == []


def test_every_pin_has_a_row() -> None:
    versions = yaml.safe_load((ROOT / "versions.yml").read_text("utf-8"))
    around = Surroundings(versions=versions)
    facts = read_listing(listing({"a": {}}, {}), around, KEY).hosts["a"]
    pins = {subject for subject in facts if subject.startswith("pins.")}
    assert len(pins) >= len(versions["artifacts"])
    assert without_rows(pins) == []


def test_every_folder_of_the_tree_has_a_row() -> None:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    tops = {name.partition("/")[0] for name in done.stdout.split("\0") if name}
    parted = {"roles", "src", "policies"}
    assert without_rows({f"tree.{name}" for name in tops - parted}) == []
    assert without_rows({f"tree.{name}" for name in tree(ROOT)}) == []


def test_every_component_and_group_has_a_row() -> None:
    groups = {group for group in ROLES.values() if group}
    groups |= {"k3s_cluster", "k3s_server", "k3s_agent", "linux", "macos"}
    assert without_rows({f"groups.{name}" for name in groups}) == []
    assert without_rows({f"component.{name}" for name in COMPONENTS}) == []


@pytest.mark.parametrize("kind", ["added", "removed", "renamed"])
def test_every_way_in_which_hosts_change_has_a_row(kind: str) -> None:
    assert table().row(f"host.{kind}") is not None


def test_no_beginning_swallows_the_options_of_a_role() -> None:
    begins = [s for row in table().rows for s in row.subjects if s.endswith("*")]
    roles = [folder.name for folder in (ROOT / "roles").iterdir()]
    taken = [b for b in begins for r in roles if f"vars.{r}_".startswith(b[:-1])]
    assert taken == []


def test_nothing_is_never_beside_another_effect() -> None:
    both = [r for r in table().rows if Effect.NOTHING in r.effects and r.effects[1:]]
    assert both == []


def test_a_row_of_groups_or_components_names_known_ones() -> None:
    known = {group for group in ROLES.values() if group}
    known |= {"k3s_cluster", "k3s_server", "k3s_agent", "linux", "macos"}
    known |= {f"component:{name}" for name in COMPONENTS}
    assert {w for row in table().rows for w in row.where} - known == set()


def test_an_exact_row_wins_over_a_beginning() -> None:
    row: dict[str, Any] = {"effects": ["nothing"], "why": "x"}
    rows = [
        {**row, "subjects": ["vars.a*"], "minutes": 1},
        {**row, "subjects": ["vars.ab*"], "minutes": 2},
        {**row, "subjects": ["vars.abc"], "minutes": 3},
    ]
    found = read_table(yaml.safe_dump({"rows": rows}))
    minutes = {
        name: getattr(found.row(f"vars.{name}"), "minutes", None)
        for name in ("a", "abx", "abc", "x")
    }
    assert minutes == {"a": 1, "abx": 2, "abc": 3, "x": None}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("rows: [", "effects.yaml"),
        ("rows: [{subjects: [a], effects: [nothing]}]", "why"),
        ("rows: [{subjects: [a], effects: [], why: x}]", "without subjects or effects"),
        ("rows: [{subjects: [a], effects: [harm], why: x}]", "harm"),
        ("rows: [{subjects: [a, a], effects: [nothing], why: x}]", "two rows for a"),
        ("rows: [{subjects: [a], effects: [nothing], why: x, also: y}]", "also"),
    ],
)
def test_a_table_that_is_not_of_its_form_is_refused(text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_table(text)
