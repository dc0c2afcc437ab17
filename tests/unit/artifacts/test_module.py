"""The Ansible module, run by ansible-playbook as roles run it."""

import hashlib
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge import artifacts
from forge.artifacts import Cache, ensure, plan
from forge.artifacts.pins import Versions

from .conftest import CHECKOUT, Document, Vendor, built, released

type Write = Callable[[Document], Versions]
type Run = Callable[..., tuple[int, dict[str, Any]]]

BODY = b"body"
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the module once in a play on localhost; return status and answer."""

    def play(versions: Versions, *flags: str, **options: object) -> tuple[int, Any]:
        parameters = {
            "name": "tool",
            "arch": "amd64",
            "versions_file": str(versions.path),
            "cache": str(tmp_path / "cache"),
            **options,
        }
        task = {"name": "Bring it", "forge.platform.artifact": parameters}
        plays = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
        book = tmp_path / "play.yml"
        book.write_text(yaml.safe_dump(plays), encoding="utf-8")
        environment = os.environ | {
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        }
        # localhost is not in the inventory, so that the module runs in this Python.
        ansible = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run(
            [ansible, "--inventory", "other,", book, *flags],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        answer = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]
        return done.returncode, answer

    return play


def test_it_changes_once_and_then_is_ok(
    run: Run, checkout: Write, vendor: Vendor, tmp_path: Path
) -> None:
    versions = checkout({"tool": released(vendor.publishes("tool", BODY), SHA)})
    status, first = run(versions, "--diff")
    assert status == 0
    assert first["changed"]
    file = first["files"]["tool"]
    assert file["sha256"] == SHA
    assert Path(file["path"]).read_bytes() == BODY
    assert Path(file["path"]).is_relative_to(tmp_path / "cache" / "artifacts" / "tool")
    assert first["diff"]["before"] == "absent"
    assert first["diff"]["after"].endswith(" from release")
    assert (first["version"], first["source"]) == ("v1.2.3", "release")
    assert (first["licence"], first["built_with"]) == ("MIT", vendor.url("tool"))
    status, second = run(versions)
    assert (status, second["changed"]) == (0, False)
    assert second["files"] == first["files"]
    assert "diff" not in second


def test_check_mode_says_what_it_would_do_and_does_nothing(
    run: Run, checkout: Write, vendor: Vendor, tmp_path: Path
) -> None:
    versions = checkout({"tool": released(vendor.publishes("tool", BODY), SHA)})
    status, planned = run(versions, "--check")
    assert (status, planned["changed"], planned["source"]) == (0, True, "release")
    assert planned["files"]["tool"]["sha256"] is None
    assert planned["built_with"] is None
    assert not (tmp_path / "cache").exists()
    assert vendor.asked == []
    _, made = run(versions)
    assert made["files"]["tool"]["path"] == planned["files"]["tool"]["path"]
    status, again = run(versions, "--check")
    assert (status, again["changed"]) == (0, False)
    assert again["files"] == made["files"]


def test_a_build_is_reported_with_its_reason(
    run: Run, module_checkout: Write, tmp_path: Path
) -> None:
    del tmp_path
    pin = built() | released("http://127.0.0.1:9/tool", SHA)
    status, answer = run(module_checkout({"tool": pin}))
    assert (status, answer["changed"], answer["source"]) == (0, True, "go")
    assert "the release is not reachable" in answer["notes"][0]


@pytest.mark.parametrize("flags", [(), ("--check",)])
def test_an_unresolved_digest_is_refused(
    run: Run, checkout: Write, vendor: Vendor, flags: tuple[str, ...]
) -> None:
    versions = checkout({"tool": released(vendor.url("tool"), "unresolved")})
    status, answer = run(versions, *flags)
    assert status == 2
    assert "the sha256 of tool is unresolved" in answer["msg"]
    assert "remedy: run `make pins`" in answer["msg"]


def test_a_wrong_checksum_fails_with_both_digests(
    run: Run, checkout: Write, vendor: Vendor
) -> None:
    versions = checkout({"tool": released(vendor.publishes("tool", b"other"), SHA)})
    status, answer = run(versions)
    assert status == 2
    assert f"pinned   sha256 {SHA}" in answer["msg"]
    assert hashlib.sha256(b"other").hexdigest() in answer["msg"]


def test_a_damaged_file_is_a_change_that_the_diff_explains(
    run: Run, checkout: Write, vendor: Vendor
) -> None:
    versions = checkout({"tool": released(vendor.publishes("tool", BODY), SHA)})
    _, first = run(versions)
    path = Path(first["files"]["tool"]["path"])
    path.write_bytes(b"damaged")
    _, planned = run(versions, "--check", "--diff")
    assert planned["changed"]
    assert f"{path}: damaged" in planned["diff"]["before"]
    _, repaired = run(versions)
    assert repaired["changed"]
    assert path.read_bytes() == BODY


def test_what_another_run_has_just_made_is_no_change_of_this_one(
    checkout: Write,
    vendor: Vendor,
    cache: Cache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    versions = checkout({"tool": released(vendor.publishes("tool", BODY), SHA)})
    planned = plan("tool", "amd64", versions=versions, cache=cache)
    ensure("tool", "amd64", versions=versions, cache=cache)
    monkeypatch.setattr(artifacts, "plan", lambda *_, **__: planned)
    file = next((CHECKOUT / "collections").rglob("artifact.py"))
    code = runpy.run_path(str(file))
    parameters = {
        "name": "tool",
        "arch": "amd64",
        "versions_file": str(versions.path),
        "cache": str(cache.root),
    }
    assert not code["bring"](parameters, check=False)["changed"]


def test_documentation_and_arguments_agree() -> None:
    environment = os.environ | {"ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")}
    said = subprocess.run(
        [
            Path(sys.executable).with_name("ansible-doc"),
            *("--type", "module", "--json", "forge.platform.artifact"),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    documented = json.loads(said.stdout)["forge.platform.artifact"]
    assert set(documented["doc"]["options"]) == {
        "name",
        "arch",
        "versions_file",
        "cache",
    }
    assert documented["examples"].strip().startswith("- name:")
    assert {"files", "version", "source"} <= set(documented["return"])
