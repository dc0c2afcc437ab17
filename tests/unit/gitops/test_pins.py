"""Values of the GitOps tree that are generated from versions.yml."""

from collections.abc import Callable
from pathlib import Path

import pytest

from forge.artifacts import pinfile
from forge.artifacts.pins import Versions
from forge.cli import main
from forge.gitops import pins
from forge.gitops.errors import TreeError

ROOT = Path(__file__).resolve().parents[3]
ROOT_APPLICATION = "spec: {source: {repoURL: https://git.example/forge.git}}\n"

type Tree = Callable[[dict[str, str]], Versions]


def test_the_tree_has_the_pinned_values() -> None:
    versions = pinfile.load(ROOT / "versions.yml")
    assert [entry.text() for entry in pins.stale(versions)] == []


def test_every_chart_and_image_pin_is_used() -> None:
    versions = pinfile.load(ROOT / "versions.yml")
    text = "".join(file.read_text() for file in pins.files(ROOT))
    unused = [
        f"{part}.{name}"
        for part in ("charts", "images")
        for name in getattr(versions.pins, part)
        if f"# pin: {part}.{name}." not in text
    ]
    assert unused == []


def test_write_replaces_what_differs_and_keeps_the_rest(tree: Tree) -> None:
    text = (
        "# a comment\n"
        "a:\n"
        "  - repoURL: https://old  # pin: charts.harbor.repository\n"
        '    tag: "1"   # pin: charts.harbor.version\n'
        "  - https://git  # pin: gitops.forge\n"
        "b: 1  # no pin\n"
    )
    versions = tree(
        {"apps/a.yaml": text, "bootstrap/root-forge.yaml": ROOT_APPLICATION}
    )
    harbor = versions.pins.charts["harbor"]
    assert len(pins.stale(versions)) == 3
    assert pins.write(versions) == [versions.root / "gitops/apps/a.yaml"]
    assert (versions.root / "gitops/apps/a.yaml").read_text() == (
        "# a comment\n"
        "a:\n"
        f"  - repoURL: {harbor.repository}  # pin: charts.harbor.repository\n"
        f'    tag: "{harbor.version}"   # pin: charts.harbor.version\n'
        "  - https://git.example/forge.git  # pin: gitops.forge\n"
        "b: 1  # no pin\n"
    )
    assert pins.stale(versions) == []
    assert pins.write(versions) == []


def test_stale_value_is_named_with_file_and_line(tree: Tree) -> None:
    versions = tree({"a.yaml": "# x\nv: 0.0.1  # pin: charts.kyverno.version\n"})
    (entry,) = pins.stale(versions)
    assert entry.text() == (
        f"{versions.root}/gitops/a.yaml:2: charts.kyverno.version is `0.0.1`, "
        f"versions.yml says `{versions.pins.charts['kyverno'].version}`"
    )


def test_local_image_has_a_legal_tag(tree: Tree) -> None:
    versions = tree({})
    assert pins.value("artifacts.k3s.image", versions) == (
        f"forge.local/k3s:{versions.pins.artifacts['k3s'].version.replace('+', '-')}"
    )


def test_reference_holds_the_digest_or_says_unresolved(tree: Tree) -> None:
    versions = tree({})
    pin = versions.pins.images["minio"]
    assert pins.value("images.minio.reference", versions) == (
        f"{pin.repository}:{pin.tag}@{pin.digest}"
    )


@pytest.mark.parametrize(
    "path",
    [
        "charts.absent.version",
        "charts.harbor",
        "charts.harbor.why",
        "x",
        "images.minio.__doc__",
    ],
)
def test_unknown_pin_is_an_error_with_file_and_line(tree: Tree, path: str) -> None:
    versions = tree({"a.yaml": f"v: 1  # pin: {path}\n"})
    with pytest.raises(TreeError, match=r"a\.yaml:1: .*names no pin"):
        pins.stale(versions)


def test_mark_without_value_is_an_error(tree: Tree) -> None:
    versions = tree({"a.yaml": "v: [1, 2] x  # pin: charts.harbor.version\n# pin: x\n"})
    with pytest.raises(TreeError, match="after no single value"):
        pins.stale(versions)


def test_command_fails_on_stale_pins_and_mends_them(
    tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    versions = tree({"a.yaml": "v: 0.0.1  # pin: charts.kyverno.version\n"})
    command = ["gitops", "pins", "--checkout", str(versions.root)]
    assert main(command) == 2
    assert "run `forge gitops pins --write`" in capsys.readouterr().err
    assert main([*command, "--write"]) == 0
    assert main([*command, "--json"]) == 0
