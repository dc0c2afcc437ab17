"""A program comes out of a Debian package, and nothing is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from forge.artifacts import debian
from forge.artifacts.errors import BuildError
from forge.artifacts.pins import host_arch

# Writes its arguments down; succeeds only with private package lists.
APT = """#!/bin/sh
echo "$*" >>{log}
case "$*" in
    *Dir::State::lists=*update) ;;
    *Dir::State::lists=*download*) touch tool_1.0_amd64.deb ;;
    *) echo "E: Unable to locate package tool" >&2; exit 100 ;;
esac
"""
DPKG = """#!/bin/sh
case "$1" in
    --field) echo 1.0 ;;
    --extract) mkdir -p tool/{inside} && echo x >tool/{inside}/tool ;;
esac
"""


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, inside: str) -> Path:
    folder.mkdir()
    log = folder / "log"
    for name, script in (
        ("apt-get", APT.format(log=log)),
        ("dpkg-deb", DPKG.format(inside=inside)),
    ):
        (folder / name).write_text(script, encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return log


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian or Ubuntu")
def test_a_real_package_gives_a_program_that_runs(tmp_path: Path) -> None:
    path, package = debian.program("busybox-static", "busybox", host_arch(), tmp_path)
    said = subprocess.run([path, "echo", "here"], capture_output=True, check=True)
    assert said.stdout == b"here\n"
    assert path.is_relative_to(tmp_path)
    assert package.startswith("busybox-static 1:1.")


@pytest.mark.parametrize("inside", ["bin", "usr/bin"])
def test_a_machine_without_package_lists_uses_private_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    log = fake(tmp_path / "bin", monkeypatch, inside)
    path, package = debian.program("tool", "tool", "amd64", tmp_path)
    assert path == tmp_path / "tool" / inside / "tool"
    assert package == "tool 1.0"
    first, update, second = log.read_text(encoding="utf-8").splitlines()
    assert first.endswith("download tool:amd64")
    assert update.endswith("update")
    assert second.endswith("download tool:amd64")
    lists = update.partition("lists=")[2].split()[0]
    assert lists in second
    assert not Path(lists).exists()


def test_a_package_without_the_program_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "bin", monkeypatch, "sbin")
    with pytest.raises(BuildError, match=r"tool 1\.0 has no program tool"):
        debian.program("tool", "tool", "amd64", tmp_path)


def test_a_machine_without_apt_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"apt-get[\s\S]*Debian or Ubuntu"):
        debian.program("tool", "tool", "amd64", tmp_path)


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian or Ubuntu")
def test_a_real_package_gives_its_headers(tmp_path: Path) -> None:
    path, package = debian.headers("libstb-dev", host_arch(), tmp_path)
    assert (path / "stb/stb_image.h").is_file()
    assert package.startswith("libstb-dev 0.0~git")


def test_a_package_without_headers_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "bin", monkeypatch, "usr/bin")
    with pytest.raises(BuildError, match=r"tool 1\.0 has no headers"):
        debian.headers("tool", "amd64", tmp_path)
