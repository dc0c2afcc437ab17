"""A program with C++ gets its headers, and no instruction that it could not run."""

import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.artifacts import cgo, debian
from forge.artifacts.cache import Cache
from forge.artifacts.ensure import ensure, key_of
from forge.artifacts.errors import BuildError
from forge.artifacts.pins import Arch, Cgo, Versions, host_arch
from forge.artifacts.toolchain import Toolchain

from .conftest import MODULE, Document, built

type Write = Callable[[Document], Versions]

MAIN = """package main

// #include "answer/answer.h"
import "C"
import "fmt"

var version = "unset"

func main() { fmt.Println("answer", int(C.ANSWER), version, tagged) }
"""
SOURCE = '#include "packaged/packaged.h"\n#include "answer/answer.h"\n'
TAGGED = '//go:build {}loud\n\npackage main\n\nconst tagged = "{}"\n'
FLAGS = (
    "processor : 0\nflags\t\t: sse avx avx2 fma\n\nprocessor : 1\nflags\t\t: sse {}\n"
)


@pytest.fixture
def header_sum(module_proxy: Path, go: Toolchain) -> str:
    """Serve a module with C++ whose header stands where it cannot include it."""
    path = module_proxy / MODULE / "@v" / "v1.2.3.zip"
    base = f"{MODULE}@v1.2.3"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{base}/go.mod", f"module {MODULE}\n\ngo 1.25\n")
        archive.writestr(f"{base}/elsewhere/answer.h", "#define ANSWER 42\n")
        archive.writestr(f"{base}/cmd/hello/main.go", MAIN)
        archive.writestr(f"{base}/cmd/hello/more.cpp", SOURCE)
        archive.writestr(f"{base}/cmd/hello/loud.go", TAGGED.format("", "loud"))
        archive.writestr(f"{base}/cmd/hello/quiet.go", TAGGED.format("!", "quiet"))
    said = cgo._said(
        [str(go.go), "mod", "download", "-json", f"{MODULE}@v1.2.3"],
        go.environment(os.environ),
    )
    return str(json.loads(said)["Sum"])


@pytest.fixture(autouse=True)
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for apt: one package with one header."""

    def headers(package: str, arch: Arch, folder: Path) -> tuple[Path, str]:
        del arch
        include = folder / package / "usr/include"
        (include / "packaged").mkdir(parents=True)
        (include / "packaged/packaged.h").write_text("#define PACKAGED\n", "utf-8")
        return include, f"{package} 1.0"

    monkeypatch.setattr(debian, "headers", headers)


def pin(header_sum: str) -> Document:
    header = {
        "file": "elsewhere/answer.h",
        "module": MODULE,
        "sum": header_sum,
        "version": "v1.2.3",
    }
    return {
        "headers": {"answer/answer.h": header},
        "packages": ["libpackaged-dev"],
    }


def test_headers_of_packages_and_modules_reach_the_compiler(
    header_sum: str, module_checkout: Write, cache: Cache
) -> None:
    versions = module_checkout({"tool": built(cgo=pin(header_sum))})
    made = ensure("tool", host_arch(), versions=versions, cache=cache)
    program = made.files["tool"]
    said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    assert said == "answer 42 v1.2.3+1.2 loud\n"
    assert "g++ " in made.built_with
    assert f"libpackaged-dev 1.0, {MODULE} v1.2.3" in made.built_with
    assert made.built_with.endswith("instructions of the baseline")


def test_a_header_module_that_is_another_one_is_not_used(
    header_sum: str, module_checkout: Write, cache: Cache
) -> None:
    other = "h1:" + "A" * 43 + "="
    versions = module_checkout({"tool": built(cgo=pin(other))})
    with pytest.raises(BuildError, match=r"its checksum is h1:") as caught:
        ensure("tool", host_arch(), versions=versions, cache=cache)
    assert header_sum in str(caught.value)
    assert other in str(caught.value)


def test_another_architecture_is_refused_before_the_compiler_runs(
    module_checkout: Write, cache: Cache
) -> None:
    versions = module_checkout({"tool": built(cgo={"packages": ["libpackaged-dev"]})})
    other: Arch = "arm64" if host_arch() == "amd64" else "amd64"
    with pytest.raises(BuildError, match=f"this machine is {host_arch()}, {other} is"):
        ensure("tool", other, versions=versions, cache=cache)


def test_a_machine_without_a_compiler_says_what_to_install(
    go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"g\+\+ is not on PATH[\s\S]*package g\+\+"):
        cgo.prepare(Cgo(), host_arch(), tmp_path, go)


@pytest.mark.parametrize(
    ("second", "used"),
    [("avx avx2 fma", ("avx", "avx2")), ("avx", ()), ("avx avx2x", ())],
)
def test_instructions_are_used_if_every_processor_has_all(
    tmp_path: Path, second: str, used: tuple[str, ...]
) -> None:
    cpu = tmp_path / "cpuinfo"
    cpu.write_text(FLAGS.format(second), encoding="utf-8")
    wanted = Cgo(cpu={"amd64": ("avx", "avx2")})
    assert cgo.instructions(wanted, "amd64", cpu) == used
    assert cgo.instructions(wanted, "arm64", cpu) == ()


def test_a_machine_that_does_not_describe_its_processor_uses_none(
    tmp_path: Path,
) -> None:
    wanted = Cgo(cpu={"amd64": ("avx",)})
    assert cgo.instructions(wanted, "amd64", tmp_path / "absent") == ()


def test_instructions_reach_the_compiler_and_the_key(
    module_checkout: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    go: Toolchain,
) -> None:
    cpu = tmp_path / "cpuinfo"
    monkeypatch.setattr(cgo, "CPU", cpu)
    arch = host_arch()
    wanted = {"cpu": {arch: ["avx", "avx2"]}}
    versions = module_checkout({"tool": built(cgo=wanted)})
    keys = []
    for flags in ("avx avx2", "avx"):
        cpu.write_text(FLAGS.format(flags), encoding="utf-8")
        keys.append(key_of("tool", arch, versions).digest)
    assert keys[0] != keys[1]
    cpu.write_text(FLAGS.format("avx avx2"), encoding="utf-8")
    folder = tmp_path / "scratch"
    folder.mkdir()
    ready = cgo.prepare(Cgo(cpu={arch: ("avx", "avx2")}), arch, folder, go)
    assert ready.environment["CGO_CXXFLAGS"] == "-O3 -mavx -mavx2"
    assert ready.built_with.endswith("instructions avx avx2")
