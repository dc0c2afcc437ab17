"""Wheels for hosts without a way out: one archive by everything that decides it."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from forge.errors import InputError
from forge.wheels import wheelhouse

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a gate of one file, and a lock of nothing."""
    made = tmp_path / "checkout"
    source = made / "src/clawlaw"
    source.mkdir(parents=True)
    shutil.copy(ROOT / "src/clawlaw/pyproject.toml", source)
    shutil.copy(ROOT / "src/clawlaw/LICENSE", source)
    (source / "__init__.py").write_text('"""A gate."""\n')
    (source / "py.typed").write_text("")
    (made / "policies").mkdir()
    (made / "policies/policy.yaml").write_text("document: policy\n")
    (made / "requirements").mkdir()
    (made / wheelhouse.LOCK).write_text("# nothing\n")
    return made


@pytest.fixture(autouse=True)
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def test_the_archive_is_made_once(checkout: Path, tmp_path: Path) -> None:
    first = wheelhouse.ensure(checkout, tmp_path / "cache", "3.13", "amd64")
    again = wheelhouse.ensure(checkout, tmp_path / "cache", "3.13", "amd64")
    assert (first.fresh, again.fresh) == (True, False)
    assert first.path == again.path
    assert first.digest == again.digest
    with tarfile.open(first.path) as tar:
        names = tar.getnames()
        lock = tar.extractfile("requirements.txt")
        said = tar.extractfile("wheelhouse.json")
        assert lock is not None
        assert said is not None
        assert f"clawlaw=={first.version} --hash=sha256:" in lock.read().decode()
        assert json.load(said) == {"key": first.key, "version": first.version}
        assert {(m.uid, m.mode, m.mtime) for m in tar} == {(0, 0o644, 0)}
    assert f"clawlaw-{first.version}-py3-none-any.whl" in names
    assert list((tmp_path / "cache/wheels").iterdir()) == [first.path]


def test_the_same_sources_are_the_same_bytes(checkout: Path, tmp_path: Path) -> None:
    one = wheelhouse.ensure(checkout, tmp_path / "a", "3.13", "amd64")
    two = wheelhouse.ensure(checkout, tmp_path / "b", "3.13", "amd64")
    assert one.path.read_bytes() == two.path.read_bytes()


@pytest.mark.parametrize(
    "file", ["src/clawlaw/__init__.py", "policies/policy.yaml", wheelhouse.LOCK]
)
def test_a_change_is_another_archive(file: str, checkout: Path, tmp_path: Path) -> None:
    before = wheelhouse.ensure(checkout, tmp_path / "cache", "3.13", "amd64")
    with (checkout / file).open("a") as changed:
        changed.write("# more\n")
    after = wheelhouse.ensure(checkout, tmp_path / "cache", "3.13", "amd64")
    assert after.key != before.key
    assert after.fresh


def test_every_kind_of_host_has_its_own(checkout: Path, tmp_path: Path) -> None:
    keys = {
        wheelhouse.ensure(checkout, tmp_path, python, arch).key
        for python in wheelhouse.PYTHONS
        for arch in wheelhouse.PLATFORMS
    }
    assert len(keys) == 4


@pytest.mark.parametrize(("python", "arch"), [("3.11", "amd64"), ("3.13", "riscv64")])
def test_another_kind_of_host_is_refused(
    python: str, arch: str, checkout: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no wheels for"):
        wheelhouse.ensure(checkout, tmp_path, python, arch)


def test_what_cannot_be_fetched_leaves_nothing(checkout: Path, tmp_path: Path) -> None:
    lock = f"nothing-of-this-name==1.0 --hash=sha256:{'0' * 64}\n"
    (checkout / wheelhouse.LOCK).write_text(lock)
    with pytest.raises(wheelhouse.WheelError, match="fetching the wheels"):
        wheelhouse.ensure(checkout, tmp_path / "cache", "3.13", "amd64")
    assert list((tmp_path / "cache/wheels").iterdir()) == []
