"""The go.mod files of tools/ are what versions.yml generates."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from forge.artifacts import gomod, pinfile
from forge.artifacts.errors import BuildError, PinError, UnresolvedError
from forge.artifacts.pins import UNRESOLVED, ArtifactPin, Versions
from forge.artifacts.toolchain import Toolchain

from .conftest import CHECKOUT, MODULE, Document, built

VERSIONS = pinfile.load(CHECKOUT / pinfile.FILE)
PARTS = [name for name, pin in VERSIONS.pins.artifacts.items() if pin.module]


@pytest.mark.parametrize("name", PARTS)
def test_a_committed_module_is_the_generated_one(name: str) -> None:
    file = CHECKOUT / "tools" / name / "go.mod"
    text = file.read_text(encoding="utf-8")
    pin, go = VERSIONS.artifact(name), VERSIONS.pins.go.minimum
    assert gomod.render(text, pin, go, gomod.staged_here(text)) == text
    assert gomod.differences(name, VERSIONS) == []
    gomod.require_current(name, VERSIONS)


def test_every_folder_of_tools_has_a_pin() -> None:
    assert sorted(path.name for path in (CHECKOUT / "tools").iterdir()) == PARTS


def raised(pin: ArtifactPin, version: str) -> ArtifactPin:
    assert pin.module is not None
    staging = f"v0{version[2:]}" if pin.module.staging else None
    module = msgspec.structs.replace(pin.module, staging=staging)
    return msgspec.structs.replace(pin, version=version, module=module)


@pytest.mark.parametrize("name", PARTS)
def test_a_raised_version_moves_every_generated_pin(name: str) -> None:
    text = (CHECKOUT / "tools" / name / "go.mod").read_text(encoding="utf-8")
    pin = raised(VERSIONS.artifact(name), "v1.99.7")
    after = gomod.render(text, pin, "1.27.0", gomod.staged_here(text))
    assert "\ngo 1.27.0\n" in after
    assert pin.module is not None
    for path in pin.module.sums:
        assert f"{path} v1.99.7 // indirect\n" in after
        assert f"{path} {VERSIONS.artifact(name).version}" not in after
    if pin.module.staging:
        for line in after.partition("replace (")[2].splitlines()[1:-1]:
            assert line.endswith(" v0.99.7")
    assert gomod.render(after, pin, "1.27.0", gomod.staged_here(after)) == after


def test_kubernetes_replaces_its_whole_staging_tree() -> None:
    text = (CHECKOUT / "tools" / "kubernetes" / "go.mod").read_text(encoding="utf-8")
    staged = set(gomod.staged_here(text))
    assert {"k8s.io/api", "k8s.io/kubelet", "k8s.io/kubectl"} <= staged
    unresolvable = {
        line.split()[0] for line in text.splitlines() if line.strip().endswith("v0.0.0")
    }
    assert unresolvable <= staged


def test_what_upstream_replaces_is_replaced() -> None:
    pin = VERSIONS.artifact("coredns")
    assert pin.module is not None
    replaces = {"a.test/x": "b.test/fork v1.2.3", "a.test/y": "a.test/y v0.1.0"}
    module = msgspec.structs.replace(pin.module, replaces=replaces)
    forked = msgspec.structs.replace(pin, module=module)
    text = "module m\n\nreplace a.test/x => b.test/other v9.9.9\n"
    after = gomod.render(text, forked, "1.26.6", [])
    assert "a.test/x => b.test/fork v1.2.3\n" in after
    assert "a.test/y => a.test/y v0.1.0\n" in after
    assert "v9.9.9" not in after


def test_a_hand_written_line_is_kept() -> None:
    pin = VERSIONS.artifact("coredns")
    text = (
        "module m\n\ngodebug default=go1.26\n\nrequire example.test/x v1.0.0 // why\n"
    )
    after = gomod.render(text, pin, "1.26.6", [])
    assert "godebug default=go1.26\n" in after
    assert "require example.test/x v1.0.0 // why\n" in after
    assert f"require github.com/coredns/coredns {pin.version} // indirect" in after


@pytest.fixture
def versions(module_checkout: Callable[[Document], Versions]) -> Versions:
    return module_checkout({"tool": built()})


def test_a_new_part_is_made_from_its_pin(versions: Versions) -> None:
    folder = versions.root / "tools" / "tool"
    text = (folder / "go.mod").read_text(encoding="utf-8")
    assert "module forge.test/tools/tool\n" in text
    assert f"\nrequire {MODULE} v1.2.3 // indirect\n" in text
    assert f"\ntool {MODULE}/cmd/hello\n" in text
    module = versions.artifact("tool").module
    assert module is not None
    sums = (folder / "go.sum").read_text(encoding="utf-8")
    assert f"{MODULE} v1.2.3 {module.sums[MODULE]}\n" in sums
    gomod.require_current("tool", versions)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("go.mod", "v1.2.3", "v1.2.4", "is `require .* v1.2.4 .*says `.* v1.2.3"),
        ("go.mod", "tool example", "// tool example", "is `absent`.*says `tool exam"),
        ("go.mod", "go 1.", "go 1.9", "is `go 1.9.*versions.yml says `go 1."),
        ("go.sum", "v1.2.3 h1:", "v1.2.3 h1:AAAA", "sums.example.test/hello: is h1:"),
        ("go.sum", "v1.2.3 h1:", "v1.2.4 h1:", "go.sum has no v1.2.3"),
    ],
)
def test_a_stale_module_is_refused_line_by_line(
    versions: Versions, file: str, old: str, new: str, says: str
) -> None:
    path = versions.root / "tools" / "tool" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(PinError, match=says) as caught:
        gomod.require_current("tool", versions)
    assert "pins --write" in str(caught.value)


def test_a_missing_module_is_refused(versions: Versions) -> None:
    (versions.root / "tools" / "tool" / "go.sum").unlink()
    with pytest.raises(PinError, match=r"tools/tool: No such file.*go\.sum"):
        gomod.require_current("tool", versions)


def test_an_unresolved_sum_is_not_built(versions: Versions) -> None:
    text = versions.path.read_text(encoding="utf-8")
    module = versions.artifact("tool").module
    assert module is not None
    versions.path.write_text(
        text.replace(module.sums[MODULE], UNRESOLVED), encoding="utf-8"
    )
    with pytest.raises(UnresolvedError, match=r"sums\.example.test/hello is unresol"):
        gomod.require_current("tool", pinfile.load(versions.path))


def test_a_known_sum_is_never_overwritten(versions: Versions, go: Toolchain) -> None:
    text = versions.path.read_text(encoding="utf-8")
    module = versions.artifact("tool").module
    assert module is not None
    other = "h1:" + "A" * 43 + "="
    versions.path.write_text(text.replace(module.sums[MODULE], other), encoding="utf-8")
    changed = pinfile.load(versions.path)
    pinfile.write(versions.path, gomod.update("tool", changed, go))
    with pytest.raises(PinError, match=f"is {other}, .* has h1:"):
        gomod.require_current("tool", pinfile.load(versions.path))


def test_the_staging_tree_is_read_from_upstream(
    versions: Versions, module_proxy: Path, go: Toolchain, tmp_path: Path
) -> None:
    mod = module_proxy / MODULE / "@v" / "v1.2.3.mod"
    staged = "replace (\n\ta.test/x => ./staging/src/a.test/x\n\tb.test/y => ../y\n)\n"
    mod.write_text(mod.read_text("utf-8") + staged + SINGLE, encoding="utf-8")
    pin = raised(versions.artifact("tool"), "v1.2.3")
    assert pin.module is not None
    module = msgspec.structs.replace(pin.module, staging="v0.2.3")
    pins = msgspec.structs.replace(
        versions.pins, artifacts={"tool": msgspec.structs.replace(pin, module=module)}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOMODCACHE", str(tmp_path / "other-machine"))
        patch.setenv("GOFLAGS", "")
        try:
            gomod.update("tool", Versions(versions.path, pins), go)
        except BuildError:  # the zip's go.mod is another: go.sum refuses it
            pass
        else:
            pytest.fail("a module that changed was accepted")
    text = (versions.root / "tools" / "tool" / "go.mod").read_text(encoding="utf-8")
    assert gomod.staged_here(text) == ["a.test/x", "c.test/z"]
    assert "\ta.test/x => a.test/x v0.2.3\n" in text


SINGLE = "replace c.test/z => ./staging/src/c.test/z\n"
