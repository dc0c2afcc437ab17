"""What a plan is made from: nothing that a run executes changes without its digest."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.change.gather import ansible, extra_vars_digest, surroundings, tree
from forge.errors import InputError

KEY = b"k" * 32


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for name, text in {
        "ansible.cfg": "[defaults]",
        "versions.yml": "artifacts: {k3s: {version: v1}}",
        "playbooks/site.yml": "[]",
        "roles/k3s/tasks/main.yml": "[]",
        "roles/k3s/files/run": "#!/bin/sh",
        "src/forge/x.py": "1",
        "policies/infra/policy.yaml": "{}",
        "collections/ansible_collections/a/b/plugins/modules/m.py": "1",
        "docs/page.md": "text",
    }.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def changed(root: Path, edit: Callable[[Path], object]) -> list[str]:
    before = tree(root)
    edit(root)
    after = tree(root)
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))


def append(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text("another", encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        pytest.param(append("ansible.cfg"), ["ansible.cfg"], id="settings"),
        pytest.param(append("playbooks/site.yml"), ["playbooks"], id="playbook"),
        pytest.param(append("playbooks/new.yml"), ["playbooks"], id="unknown to git"),
        pytest.param(append("roles/k3s/tasks/main.yml"), ["roles/k3s"], id="role"),
        pytest.param(append("src/forge/x.py"), ["src/forge"], id="source"),
        pytest.param(
            append("policies/infra/policy.yaml"), ["policies/infra"], id="policy"
        ),
        pytest.param(
            append("collections/ansible_collections/a/b/plugins/modules/m.py"),
            ["collections"],
            id="module",
        ),
        pytest.param(
            lambda root: (root / "roles/k3s/files/run").chmod(0o755),
            ["roles/k3s"],
            id="executable bit",
        ),
        pytest.param(
            lambda root: (root / "roles/k3s/files/run").rename(
                root / "roles/k3s/files/go"
            ),
            ["roles/k3s"],
            id="name",
        ),
        pytest.param(
            lambda root: (root / "roles/k3s/files/run").unlink(),
            ["roles/k3s"],
            id="removal",
        ),
        pytest.param(
            lambda root: shutil.copytree(root / "roles/k3s", root / "roles/new"),
            ["roles/new"],
            id="new role",
        ),
        pytest.param(append("docs/page.md"), [], id="documents"),
        pytest.param(append("src/forge/x.pyc"), [], id="compiled"),
    ],
)
def test_the_tree_tells_which_part_changed(
    checkout: Path, edit: Callable[[Path], object], parts: list[str]
) -> None:
    assert changed(checkout, edit) == parts


def test_a_link_to_a_file_counts_by_its_content(checkout: Path) -> None:
    outside = checkout.parent / "outside"
    outside.write_text("one", encoding="utf-8")
    (checkout / "roles/k3s/files/link").symlink_to(outside)
    assert changed(checkout, lambda _: outside.write_text("two", "utf-8")) == [
        "roles/k3s"
    ]


def test_a_link_to_a_folder_is_refused(checkout: Path) -> None:
    (checkout / "roles/linked").symlink_to(checkout / "roles/k3s")
    with pytest.raises(InputError, match="linked links to a folder"):
        tree(checkout)


def test_a_link_to_nothing_is_refused(checkout: Path) -> None:
    (checkout / "roles/k3s/files/link").symlink_to(checkout / "missing")
    with pytest.raises(InputError, match="link: No such file"):
        tree(checkout)


def test_ansible_and_what_it_needs_is_named_with_its_version() -> None:
    found = ansible()
    names = {name.partition(" ")[0] for name in found}
    assert {"ansible-core", "jinja2", "pyyaml", "cryptography"} <= names
    assert not names & {"forge", "clawlaw", "pytest"}
    assert all(value.startswith("sha256:") for value in found.values())


def test_where_code_comes_from_counts(checkout: Path) -> None:
    def read(environment: dict[str, str]) -> dict[str, str]:
        return surroundings(checkout, key=KEY, environment=environment).ansible

    here = read({"ANSIBLE_ROLES_PATH": f"{checkout}/roles", "ANSIBLE_NOCOLOR": "1"})
    assert here["environment ANSIBLE_ROLES_PATH"] == "./roles"
    assert "environment ANSIBLE_NOCOLOR" not in here
    assert read({}) != here


def test_pins_count_by_value_and_by_byte(checkout: Path) -> None:
    before = surroundings(checkout, key=KEY, environment={})
    versions = checkout / "versions.yml"
    versions.write_text(versions.read_text("utf-8") + "# note\n", encoding="utf-8")
    after = surroundings(checkout, key=KEY, environment={})
    assert after.versions == before.versions
    assert after.pins != before.pins


def test_extra_vars_count_in_their_order_and_by_content(tmp_path: Path) -> None:
    file = tmp_path / "vars.yml"
    file.write_text("a: 1", encoding="utf-8")
    one = extra_vars_digest([f"@{file}"], KEY)
    file.write_text("a: 2", encoding="utf-8")
    two = extra_vars_digest([f"@{file}"], KEY)
    digests = {
        one,
        two,
        extra_vars_digest([], KEY),
        extra_vars_digest(["a=1", "b=2"], KEY),
        extra_vars_digest(["b=2", "a=1"], KEY),
        extra_vars_digest(["a=1"], KEY),
        extra_vars_digest(["a=1"], b"o" * 32),
    }
    assert len(digests) == 7


def test_extra_vars_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.yml: No such file"):
        extra_vars_digest([f"@{tmp_path}/missing.yml"], KEY)
