"""A small real module is built for real, from a module proxy in a folder."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forge.artifacts import gobuild
from forge.artifacts.cache import sha256_of
from forge.artifacts.errors import BuildError
from forge.artifacts.pins import Arch, Versions
from forge.artifacts.progress import Notes, Unit
from forge.artifacts.toolchain import Toolchain

from .conftest import MAIN, MODULE, Document, built, write_module

PROGRAMS = {"renamed": f"{MODULE}/cmd/hello"}
ELF_MACHINE = {"amd64": 0x3E, "arm64": 0xB7}  # ELF specification, e_machine


class Steps(Notes):
    """Keeps every state."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, int, int | None, Unit]] = []

    def update(self, label: str, done: int, total: int | None, unit: Unit) -> None:
        self.seen.append((label, done, total, unit))


@pytest.fixture
def module(module_checkout: Callable[[Document], Versions]) -> Path:
    return module_checkout({"tool": built()}).root / "tools" / "tool"


def build(module: Path, out: Path, go: Toolchain, arch: Arch, **more: Any) -> Path:
    out.mkdir()
    gobuild.build(PROGRAMS, module=module, out=out, go=go, arch=arch, **more)
    assert [path.name for path in out.iterdir()] == ["renamed"]
    return out / "renamed"


def test_tags_and_variables_reach_the_program(
    module: Path, tmp_path: Path, go: Toolchain
) -> None:
    made = build(
        module,
        tmp_path / "out",
        go,
        "amd64",
        tags=["loud"],
        variables={"main.version": "v9"},
    )
    said = subprocess.run([made], capture_output=True, text=True, check=True).stdout
    assert said == "hello v9 loud\n"
    made = build(module, tmp_path / "plain", go, "amd64")
    said = subprocess.run([made], capture_output=True, text=True, check=True).stdout
    assert said == "hello unset quiet\n"


@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_each_architecture_is_built(
    module: Path, tmp_path: Path, go: Toolchain, arch: Arch
) -> None:
    header = build(module, tmp_path / "out", go, arch).read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert int.from_bytes(header[18:20], "little") == ELF_MACHINE[arch]


def test_two_builds_are_the_same_bytes_and_the_packages_are_counted(
    module: Path, tmp_path: Path, go: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(module, tmp_path / "one", go, "amd64")
    monkeypatch.setenv("GOCACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "other-modules"))
    monkeypatch.setenv("GOFLAGS", "-ldflags=-X=main.version=from-the-environment")
    elsewhere = shutil.copytree(module, tmp_path / "elsewhere")
    steps = Steps()
    more = {"progress": steps, "label": "tool v1"}
    second = build(elsewhere, tmp_path / "two", go, "amd64", **more)
    assert sha256_of(first) == sha256_of(second)
    assert steps.seen[0][0] == "fetching sources of tool v1"
    label, done, total, unit = steps.seen[-1]
    assert (label, unit) == ("building tool v1", "packages")
    assert total is not None
    assert 30 < done <= total  # the standard library's packages, from nothing


def test_a_broken_program_ends_with_the_compilers_words(
    module_checkout: Callable[[Document], Versions],
    module_proxy: Path,
    tmp_path: Path,
    go: Toolchain,
) -> None:
    broken = MAIN.replace("fmt.Println", "fmt.Shout")
    write_module(module_proxy / MODULE / "@v" / "v1.2.3.zip", broken)
    module = module_checkout({"tool": built()}).root / "tools" / "tool"
    with pytest.raises(BuildError, match=r"status 1[\s\S]*undefined: fmt.Shout"):
        build(module, tmp_path / "out", go, "amd64")


def test_a_module_that_changed_upstream_is_not_built(
    module: Path,
    module_proxy: Path,
    tmp_path: Path,
    go: Toolchain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evil = MAIN.replace("hello", "evil")
    write_module(module_proxy / MODULE / "@v" / "v1.2.3.zip", evil)
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "other-machine"))
    with pytest.raises(BuildError, match=r"checksum mismatch[\s\S]*do not use it"):
        build(module, tmp_path / "out", go, "amd64")


def test_a_sum_that_is_missing_is_not_added(
    module: Path, tmp_path: Path, go: Toolchain
) -> None:
    (module / "go.sum").write_text("", encoding="utf-8")
    with pytest.raises(BuildError, match=r"missing go.sum entry[\s\S]*pins --write"):
        build(module, tmp_path / "out", go, "amd64")
    assert (module / "go.sum").read_text(encoding="utf-8") == ""


def test_a_proxy_that_is_not_there_is_named(
    module: Path, tmp_path: Path, go: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "other-machine"))
    with pytest.raises(BuildError, match=r"127.0.0.1:9[\s\S]*GOPROXY"):
        build(module, tmp_path / "out", go, "amd64")


def test_a_go_that_is_gone_is_said(module: Path, tmp_path: Path) -> None:
    gone = Toolchain(go=tmp_path / "go", version="1.26.8")
    with pytest.raises(BuildError, match=r"cannot run Go: .*No such file"):
        build(module, tmp_path / "out", gone, "amd64")


def test_an_interrupted_build_leaves_no_compiler(
    module: Path, tmp_path: Path, go: Toolchain
) -> None:
    slow, process = tmp_path / "go", tmp_path / "process"
    slow.write_text(f"#!/bin/sh\necho $$ >{process}\necho x\nexec sleep 60\n", "utf-8")
    slow.chmod(0o755)

    class Interrupting(Notes):
        def update(self, label: str, done: int, total: int | None, unit: Unit) -> None:
            del label, done, total, unit
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(
            module,
            tmp_path / "out",
            Toolchain(go=slow, version=go.version),
            "amd64",
            progress=Interrupting(),
        )
    with pytest.raises(ProcessLookupError):
        os.kill(int(process.read_text(encoding="utf-8")), 0)
