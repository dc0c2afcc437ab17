"""What is compiled can be, and the wheel that comes of it is one."""

import ast
import base64
import csv
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename

from forge.errors import InputError
from forge.wheels import compiled

PACKAGE = Path(__file__).parents[3] / "src/clawlaw"
INFO = "clawlaw-1.0.dist-info"
TAG = "cp312-cp312-linux_x86_64"


def with_options(module: str) -> list[str]:
    """Classes of a module with options, which a compiled module would drop."""
    tree = ast.parse((PACKAGE / module).read_text("utf-8"))
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.keywords
    ]


def test_no_class_with_options_is_compiled() -> None:
    assert {m: with_options(m) for m in compiled.busy(PACKAGE) if with_options(m)} == {}
    assert "Word" in with_options("core/shell/words.py")


def test_what_is_left_exists_and_is_not_compiled() -> None:
    found = compiled.busy(PACKAGE)
    assert "core/kernel.py" in found
    assert compiled.LEFT.isdisjoint(found)
    assert all((PACKAGE / module).is_file() for module in compiled.LEFT)


def test_a_module_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no module core/kernel\.py"):
        compiled.busy(tmp_path)


def test_without_a_compiler_the_pure_wheel_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(InputError, match=r"no C compiler .* `make wheels` needs none"):
        compiled.build(tmp_path, tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A pure wheel, taken apart, and a library beside its source."""
    folder = tmp_path / "content"
    for name, text in {
        "clawlaw/__init__.py": "",
        "clawlaw/kernel.py": "VALUE = 1\n",
        "clawlaw/kernel.cpython-312-x86_64-linux-gnu.so": "library",
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{INFO}/RECORD": "clawlaw/kernel.py,sha256=old,1\n",
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_the_wheel_is_of_one_platform_and_records_every_file(
    content: Path, tmp_path: Path
) -> None:
    pure = Path("clawlaw-1.0-py3-none-any.whl")
    made = compiled.repack(pure, content, tmp_path, TAG)
    _, _, _, tags = parse_wheel_filename(made.name)
    assert list(map(str, tags)) == [TAG]
    with zipfile.ZipFile(made) as archive:
        about = archive.read(f"{INFO}/WHEEL").decode().splitlines()
        rows = list(csv.reader(archive.read(f"{INFO}/RECORD").decode().splitlines()))
        assert "Root-Is-Purelib: false" in about
        assert [line for line in about if line.startswith("Tag")] == [f"Tag: {TAG}"]
        assert {row[0] for row in rows} == set(archive.namelist())
        for name, said, size in rows:
            if name.endswith("RECORD"):
                assert (said, size) == ("", "")
                continue
            data = archive.read(name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
            assert said == f"sha256={digest.rstrip('=')}"
            assert int(size) == len(data)


def test_the_same_content_is_the_same_wheel(content: Path, tmp_path: Path) -> None:
    pure = Path("clawlaw-1.0-py3-none-any.whl")
    first = compiled.repack(pure, content, tmp_path, TAG).read_bytes()
    assert compiled.repack(pure, content, tmp_path, TAG).read_bytes() == first


def test_a_python_of_another_version_reads_the_source(content: Path) -> None:
    library = content / "clawlaw/kernel.cpython-312-x86_64-linux-gnu.so"
    library.rename(content / "clawlaw/kernel.cpython-300-x86_64-linux-gnu.so")
    code = "import clawlaw.kernel as k; print(k.VALUE, k.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(content)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("1 ")
    assert done.stdout.strip().endswith("kernel.py")


def test_a_wheel_of_this_python_can_be_installed_here() -> None:
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert compiled.tag().startswith(f"{python}-{python}-")
    assert set(compiled.tag()) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
    )
