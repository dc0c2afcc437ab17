"""The order of sources, what is refused, and that one run makes an entry."""

import hashlib
import io
import subprocess
import sys
import tarfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forge.artifacts import (
    Artifact,
    Cache,
    Notes,
    ensure,
    plan,
    resolve_k3s,
    standin,
)
from forge.artifacts.ensure import key_of
from forge.artifacts.errors import (
    BuildError,
    ChecksumError,
    DownloadError,
    PinError,
    UnreachableError,
    UnresolvedError,
)
from forge.artifacts.pins import Arch, Versions
from forge.artifacts.toolchain import Toolchain

from .conftest import MODULE, Document, Vendor, built, released

type Write = Callable[[Document], Versions]

BODY = b"#!/bin/sh\necho released\n"
SHA = hashlib.sha256(BODY).hexdigest()
NOWHERE = "http://127.0.0.1:9/{version}/tool"


def said(artifact: Artifact) -> str:
    run = [artifact.files["tool"]]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout


def kept(cache: Cache) -> list[str]:
    """Return every file below the cache but the locks."""
    return sorted(
        str(path.relative_to(cache.root))
        for path in cache.root.rglob("*")
        if path.is_file() and not path.name.startswith(".lock")
    )


def test_a_release_is_fetched_once(
    checkout: Write, vendor: Vendor, cache: Cache
) -> None:
    vendor.publishes("v1.2.3/tool", BODY)
    versions = checkout({"tool": released(vendor.url("{version}/tool"), SHA)})
    first = ensure("tool", "amd64", versions=versions, cache=cache)
    assert (first.source, first.is_new, first.licence) == ("release", True, "MIT")
    assert first.sha256 == {"tool": SHA}
    assert first.built_with == vendor.url("v1.2.3/tool")
    assert said(first) == "released\n"
    second = ensure("tool", "amd64", versions=versions, cache=cache)
    assert not second.is_new
    assert second.files == first.files
    assert len(vendor.asked) == 1
    names = [name.rpartition("/")[2] for name in kept(cache)]
    assert names == ["artifact.json", "tool"]


def test_an_archive_gives_its_members(
    checkout: Write, vendor: Vendor, cache: Cache
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("tool-v1.2.3-amd64/bin/tool")
        member.size = len(BODY)
        tar.addfile(member, io.BytesIO(BODY))
    url = vendor.publishes("tool-amd64.tgz", packed.getvalue())
    pin = released(
        url.replace("amd64", "{arch}"),
        hashlib.sha256(packed.getvalue()).hexdigest(),
        members={"tool": "tool-{version}-{arch}/bin/tool"},
    )
    versions = checkout({"tool": pin})
    artifact = ensure("tool", "amd64", versions=versions, cache=cache)
    assert artifact.sha256 == {"tool": SHA}
    assert said(artifact) == "released\n"
    assert not [name for name in kept(cache) if name.startswith("downloads")]


def test_a_wrong_checksum_stops_and_nothing_is_kept(
    module_checkout: Write, vendor: Vendor, cache: Cache
) -> None:
    url = vendor.publishes("tool", b"#!/bin/sh\necho evil\n")
    versions = module_checkout({"tool": built() | released(url, SHA)})
    with pytest.raises(ChecksumError, match=f"pinned   sha256 {SHA}"):
        ensure("tool", "amd64", versions=versions, cache=cache)
    assert kept(cache) == []


def test_a_release_that_is_missing_is_not_replaced_by_a_build(
    module_checkout: Write, vendor: Vendor, cache: Cache
) -> None:
    versions = module_checkout({"tool": built() | released(vendor.url("no"), SHA)})
    with pytest.raises(DownloadError, match="HTTP 404"):
        ensure("tool", "amd64", versions=versions, cache=cache)
    assert kept(cache) == []


def test_an_unreachable_release_is_built_and_it_is_said(
    module_checkout: Write, cache: Cache, go: Toolchain
) -> None:
    versions = module_checkout({"tool": built() | released(NOWHERE, SHA)})
    assert plan("tool", "amd64", versions=versions, cache=cache).source == "release"
    notes = Notes()
    artifact = ensure("tool", "amd64", versions=versions, cache=cache, progress=notes)
    assert artifact.source == "go"
    assert artifact.built_with == f"go {go.version}"
    assert said(artifact) == "hello v1.2.3+1.2 loud\n"
    (line,) = notes.lines
    assert "tool v1.2.3 amd64: the release is not reachable" in line
    assert "http://127.0.0.1:9/v1.2.3/tool" in line


def test_an_unreachable_release_without_a_module_is_an_error(
    checkout: Write, cache: Cache
) -> None:
    versions = checkout({"tool": released(NOWHERE, SHA)})
    with pytest.raises(UnreachableError, match=r"artifact tool v1.2.3 amd64: http"):
        ensure("tool", "amd64", versions=versions, cache=cache)
    assert kept(cache) == []


def test_an_unresolved_digest_is_built_and_it_is_said(
    module_checkout: Write, vendor: Vendor, cache: Cache
) -> None:
    url = vendor.publishes("tool", BODY)
    versions = module_checkout({"tool": built() | released(url, "unresolved")})
    notes = Notes()
    artifact = ensure("tool", "amd64", versions=versions, cache=cache, progress=notes)
    assert artifact.source == "go"
    assert "digest is unresolved; building its Go module" in notes.lines[0]
    assert vendor.asked == []


@pytest.mark.parametrize("act", [ensure, plan])
def test_an_unresolved_digest_without_a_module_is_refused(
    checkout: Write, vendor: Vendor, cache: Cache, act: Callable[..., object]
) -> None:
    url = vendor.publishes("tool", BODY)
    versions = checkout({"tool": released(url, SHA)})
    with pytest.raises(UnresolvedError, match=r"tool v1.2.3 arm64[\s\S]*make pins"):
        act("tool", "arm64", versions=versions, cache=cache)
    assert vendor.asked == []
    assert not cache.path(key_of("tool", "arm64", versions)).exists()


def test_stale_modules_are_not_built(module_checkout: Write, cache: Cache) -> None:
    versions = module_checkout({"tool": built()})
    file = versions.root / "tools" / "tool" / "go.mod"
    file.write_text(file.read_text("utf-8").replace("v1.2.3", "v1.2.2"), "utf-8")
    with pytest.raises(PinError, match="tool: stale pins"):
        ensure("tool", "amd64", versions=versions, cache=cache)
    assert kept(cache) == []


def test_a_damaged_artifact_is_named_and_made_again(
    checkout: Write, vendor: Vendor, cache: Cache
) -> None:
    versions = checkout({"tool": released(vendor.publishes("tool", BODY), SHA)})
    path = ensure("tool", "amd64", versions=versions, cache=cache).files["tool"]
    path.write_bytes(BODY[:-1])
    planned = plan("tool", "amd64", versions=versions, cache=cache)
    assert planned.artifact is None
    assert planned.damage is not None
    assert f"{path}: damaged" in planned.damage
    notes = Notes()
    again = ensure("tool", "amd64", versions=versions, cache=cache, progress=notes)
    assert again.is_new
    assert path.read_bytes() == BODY
    assert f"{path}: damaged" in notes.lines[0]


def test_a_plan_changes_nothing_and_asks_nobody(
    checkout: Write, vendor: Vendor, cache: Cache
) -> None:
    versions = checkout({"tool": released(vendor.publishes("tool", BODY), SHA)})
    planned = plan("tool", "amd64", versions=versions, cache=cache)
    assert (planned.artifact, planned.source) == (None, "release")
    assert vendor.asked == []
    assert not cache.root.exists()
    made = ensure("tool", "amd64", versions=versions, cache=cache)
    assert made.files == planned.files


def test_what_decides_the_files_decides_the_key(
    module_checkout: Write, cache: Cache
) -> None:
    def key(arch: Arch = "amd64") -> str:
        return key_of("tool", arch, versions).digest

    pin = built() | released(NOWHERE, SHA)
    versions = module_checkout({"tool": pin})
    before = key()
    seen = {before}
    for changed in variants(pin):
        versions = module_checkout({"tool": changed})
        seen.add(key())
    versions = module_checkout({"tool": pin})
    assert key() == before
    seen.add(key("arm64"))
    sums = versions.root / "tools" / "tool" / "go.sum"
    text = sums.read_text(encoding="utf-8")
    sums.write_text(f"{text}\n", encoding="utf-8")
    seen.add(key())
    sums.write_text(text, encoding="utf-8")
    assert len(seen) == 1 + 5 + 2
    versions = module_checkout({"tool": pin | {"licence": "BSD-2-Clause", "why": "x"}})
    assert key() == before
    assert not cache.root.exists()


def variants(pin: Document) -> Iterator[Document]:
    module, tool = pin["module"], pin["release"]["tool"]
    other = {"amd64": "1" * 64, "arm64": "unresolved"}
    yield pin | {"release": {"tool": tool | {"url": "https://other.test/tool"}}}
    yield pin | {"release": {"tool": tool | {"sha256": other}}}
    yield pin | {"release": {"tool": tool | {"members": {"tool": "tool"}}}}
    yield pin | {"module": module | {"tags": []}}
    yield pin | {"module": module | {"variables": {"main.version": "x"}}}


def test_two_runs_build_once(module_checkout: Write, cache: Cache) -> None:
    versions = module_checkout({"tool": built()})
    program = f"""
        from pathlib import Path
        from forge.artifacts import Cache, Notes, ensure, load
        versions, notes = load(Path({str(versions.path)!r})), Notes()
        cache = Cache(Path({str(cache.root)!r}))
        input()
        made = ensure("tool", "amd64", versions=versions, cache=cache, progress=notes)
        print(made.is_new, *notes.lines, sep="|")
    """
    run = [sys.executable, "-c", textwrap.dedent(program)]
    pipe = subprocess.PIPE
    runs = [subprocess.Popen(run, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    for process in runs:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate()[0].strip().split("|") for process in runs]
    assert sorted(output[0] for output in outputs) == ["False", "False", "True"]
    builds = [o for o in outputs if any("building its Go module" in line for line in o)]
    assert len(builds) == 1


def test_only_the_declared_files_are_stored(
    checkout: Write, cache: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    inside = {
        "licence": "MIT",
        "version": "v1.0.0",
        "local": {"files": ["a", "b-{arch}"], "payload": [], "sources": "src"},
    }
    versions = checkout({"inside": inside})
    (versions.root / "src").mkdir()
    made: list[tuple[object, ...]] = []

    def build(payload: object, out: Path, **more: object) -> None:
        made.append((payload, *(more[key] for key in ("version", "arch", "source"))))
        for name in names:
            (out / name).write_text("x", encoding="utf-8")

    monkeypatch.setattr(standin, "build", build)
    names = ["a"]
    with pytest.raises(BuildError, match=r"made a; versions.yml says a, b-arm64"):
        ensure("inside", "arm64", versions=versions, cache=cache)
    names = ["a", "b-arm64"]
    artifact = ensure("inside", "arm64", versions=versions, cache=cache)
    assert artifact.source == "local"
    assert sorted(artifact.files) == names
    assert made == [({}, "v1.0.0", "arm64", versions.root / "src")] * 2
    (versions.root / "src" / "main.go").write_text("package main", encoding="utf-8")
    assert plan("inside", "arm64", versions=versions, cache=cache).artifact is None
    assert list(tmp_path.glob("cache/artifacts/*/.making*")) == []


def k3s(url: str, sha256: str) -> Document:
    return {"k3s": released(url, sha256)}


def test_k3s_is_chosen_where_its_release_is_reachable(
    checkout: Write, vendor: Vendor, cache: Cache
) -> None:
    versions = checkout(k3s(vendor.publishes("tool", BODY), SHA))
    assert resolve_k3s(versions, cache, "amd64") == "k3s"
    assert [method for method, _, _ in vendor.asked] == ["HEAD"]
    ensure("k3s", "amd64", versions=versions, cache=cache)
    vendor.answers.clear()
    assert resolve_k3s(versions, cache, "amd64") == "k3s"


@pytest.mark.parametrize("sha256", [SHA, "unresolved"])
def test_else_the_stand_in_is_chosen(
    checkout: Write, vendor: Vendor, cache: Cache, sha256: str
) -> None:
    url = NOWHERE if sha256 == SHA else vendor.publishes("tool", BODY)
    versions = checkout(k3s(url, sha256))
    assert resolve_k3s(versions, cache, "amd64") == "k3s_standin"
    assert not cache.root.exists()


def test_the_real_module_of_the_tests_is_the_pinned_one(
    module_checkout: Write, cache: Cache
) -> None:
    versions = module_checkout({"tool": built(tags=[], variables={})})
    artifact = ensure("tool", "arm64", versions=versions, cache=cache)
    assert artifact.files["tool"].read_bytes()[18:20] == b"\xb7\x00"
    assert MODULE.encode() in artifact.files["tool"].read_bytes()
