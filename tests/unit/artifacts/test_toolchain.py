"""A toolchain is believed when it runs and is new enough, else the wheel is used."""

import subprocess
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from forge.artifacts import toolchain
from forge.artifacts.cache import Cache
from forge.artifacts.errors import ToolchainError
from forge.artifacts.pins import GoPin, GoWheel, PerArch
from forge.artifacts.progress import Notes

SCRIPT = "#!/bin/sh\necho {said}\n"


def wheel(folder: Path, said: str) -> str:
    """Write a wheel whose ``go`` is a script; return its digest."""
    folder.mkdir()
    path = folder / "forge_test_go-1.26.6-py3-none-any.whl"
    info = "forge_test_go-1.26.6.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        command = zipfile.ZipInfo("go/bin/go")
        command.external_attr = 0o100755 << 16
        archive.writestr(command, SCRIPT.format(said=said))
        archive.writestr("go/VERSION", said)
        archive.writestr("other/file", "left out")
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: forge-test-go\nVersion: 1.26.6\n",
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return sha256(path.read_bytes()).hexdigest()


def pin(digest: str, minimum: str = "1.26.6") -> GoPin:
    both = PerArch(amd64=digest, arm64=digest)
    return GoPin(
        minimum=minimum,
        wheel=GoWheel(name="forge-test-go", version="1.26.6", sha256=both),
    )


@pytest.fixture
def path(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Make a PATH whose ``go`` is the given script."""

    def make(script: str) -> dict[str, str]:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "go").write_text(script, encoding="utf-8")
        (folder / "go").chmod(0o755)
        return {"PATH": str(folder)}

    return make


@pytest.mark.parametrize("version", ["1.26.6", "1.26.10", "1.27.0", "1.27", "2.0rc1"])
def test_go_of_the_path_is_used_if_it_is_new_enough(
    cache: Cache, path: Callable[[str], dict[str, str]], version: str
) -> None:
    environment = path(SCRIPT.format(said=f"go{version}"))
    found = toolchain.find(pin("0" * 64), cache, environment=environment)
    assert found.version == version
    assert found.root is None
    assert str(found.go).startswith(environment["PATH"])
    assert not cache.root.exists()


@pytest.mark.parametrize(
    "script",
    [
        SCRIPT.format(said="go1.26.5"),
        SCRIPT.format(said="go1.9.9"),
        SCRIPT.format(said="devel"),
        "#!/bin/sh\nexit 1\n",
        "#!/nonexistent\n",
    ],
    ids=["old", "older", "devel", "fails", "broken"],
)
def test_else_the_wheel_is_fetched_once_and_run(
    cache: Cache,
    path: Callable[[str], dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
) -> None:
    digest = wheel(tmp_path / "index", "go1.26.6")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    environment, notes = path(script), Notes()
    found = toolchain.find(pin(digest), cache, environment=environment, progress=notes)
    assert found.version == "1.26.6"
    assert found.root == found.go.parents[1]
    said = subprocess.run([found.go], capture_output=True, text=True, check=True)
    assert said.stdout == "go1.26.6\n"
    assert not (found.root.parent / "other").exists()
    assert "1.26.6 is needed" in notes.lines[0]
    assert notes.lines[1] == "go: fetching forge-test-go 1.26.6"
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    assert toolchain.find(pin(digest), cache, environment=environment) == found


def test_a_wheel_with_another_digest_is_refused(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path / "index", "go1.26.6")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ToolchainError, match=r"(?i)hash[\s\S]*install Go 1.26.6"):
        toolchain.find(pin("0" * 64), cache, environment={"PATH": ""})
    left = [path.name for path in (cache.root / "artifacts" / "go").iterdir()]
    assert [name for name in left if not name.startswith(".lock")] == []


def test_the_environment_is_the_toolchains_own() -> None:
    base = {"GOROOT": "/old", "GOFLAGS": "-mod=mod", "GOWORK": "/w", "KEPT": "1"}
    own = toolchain.Toolchain(Path("/g/go/bin/go"), "1.26.6", Path("/g/go"))
    assert own.environment(base) == {
        "GOFLAGS": "",
        "GOROOT": "/g/go",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "KEPT": "1",
    }
    found = toolchain.Toolchain(Path("/usr/bin/go"), "1.26.6")
    assert "GOROOT" not in found.environment(base)
