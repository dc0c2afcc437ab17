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
    found = [
        wheelhouse.ensure(checkout, tmp_path, python, arch, system=system)
        for python in wheelhouse.PYTHONS
        for system, arch in wheelhouse.PLATFORMS
    ]
    assert len({made.key for made in found}) == 6
    assert len({made.path for made in found}) == 6


@pytest.mark.parametrize(
    ("python", "system", "arch"),
    [
        ("3.11", "linux", "amd64"),
        ("3.13", "linux", "riscv64"),
        ("3.13", "macos", "amd64"),
    ],
)
def test_another_kind_of_host_is_refused(
    python: str, system: str, arch: str, checkout: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"no wheels for Python {python} on {system}"):
        wheelhouse.ensure(checkout, tmp_path, python, arch, system=system)


def test_a_part_without_a_wheel_of_its_own_is_its_lock(
    checkout: Path, tmp_path: Path
) -> None:
    lock = f"mlx-lm==9.8.7 ; sys_platform == 'win32' \\\n    --hash=sha256:{'0' * 64}\n"
    (checkout / "requirements/mlx.txt").write_text(lock)
    made = wheelhouse.ensure(checkout, tmp_path, "3.13", "amd64", part="mlx")
    assert made.version == "9.8.7"
    assert made.path.name == f"mlx-9.8.7-3.13-amd64-{made.key}.tar"
    with tarfile.open(made.path) as tar:
        assert tar.getnames() == ["requirements.txt", "wheelhouse.json"]


def test_a_lock_that_lost_its_package_is_refused(
    checkout: Path, tmp_path: Path
) -> None:
    (checkout / "requirements/mlx.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match=r"requirements/mlx\.txt does not name mlx-lm"):
        wheelhouse.ensure(checkout, tmp_path, "3.13", "amd64", part="mlx")


LOCKED = f"""# by uv
everywhere[more]==1.0 \\
    --hash=sha256:{"0" * 64} \\
    --hash=sha256:{"1" * 64}
    # via somebody
linux==2.0 ; sys_platform == 'linux' \\
    --hash=sha256:{"2" * 64}
mac==3.0 ; platform_system == 'Darwin' and platform_machine == 'arm64' \\
    --hash=sha256:{"3" * 64}
old==4.0 ; python_version < '3.13' \\
    --hash=sha256:{"4" * 64}
"""


@pytest.mark.parametrize(
    ("python", "system", "arch", "names"),
    [
        ("3.12", "linux", "amd64", ["everywhere", "linux", "old"]),
        ("3.13", "linux", "arm64", ["everywhere", "linux"]),
        ("3.13", "macos", "arm64", ["everywhere", "mac"]),
    ],
)
def test_markers_are_asked_of_the_host_and_not_of_this_machine(
    python: str, system: str, arch: str, names: list[str]
) -> None:
    lines = wheelhouse.chosen(LOCKED, python, system, arch).splitlines()
    assert [line.split("==")[0] for line in lines] == names
    assert lines[0].split() == [
        "everywhere==1.0",
        f"--hash=sha256:{'0' * 64}",
        f"--hash=sha256:{'1' * 64}",
    ]


def test_what_cannot_be_fetched_leaves_nothing(checkout: Path, tmp_path: Path) -> None:
    lock = f"nothing-of-this-name==1.0 --hash=sha256:{'0' * 64}\n"
    (checkout / wheelhouse.LOCK).write_text(lock)
    with pytest.raises(wheelhouse.WheelError, match="fetching the wheels"):
        wheelhouse.ensure(checkout, tmp_path / "cache", "3.13", "amd64")
    assert list((tmp_path / "cache/wheels").iterdir()) == []
