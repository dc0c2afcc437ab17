"""The cache survives a kill at any moment and believes no file unchecked."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from forge.artifacts.cache import MANIFEST, Cache, Key, Source, sha256_of
from forge.artifacts.errors import CacheError, DamagedError
from forge.artifacts.progress import SILENT, Notes

KEY = Key(name="tool", version="v1.0.0", arch="amd64", digest="sha256:" + "ab" * 32)


def make(folder: Path) -> tuple[Source, str]:
    (folder / "tool").write_text("right", encoding="utf-8")
    (folder / "sub").mkdir()
    (folder / "sub" / "data.tar").write_bytes(bytes(100_000))
    return "local", "a test"


def left(cache: Cache) -> list[str]:
    """Return what lies beside the locks, below the artifact's folder."""
    folder = cache.path(KEY).parent
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".lock"))


def test_an_entry_is_made_once_and_then_found(cache: Cache) -> None:
    assert cache.find(KEY) is None
    entry, is_new = cache.obtain(KEY, make, SILENT)
    assert is_new
    assert entry.path.name == "v1.0.0-amd64-abababababab"
    assert entry.manifest.source == "local"
    assert sorted(entry.files) == ["sub/data.tar", "tool"]
    assert entry.manifest.files["tool"] == sha256_of(entry.path / "tool")
    again, is_new = cache.obtain(KEY, never, SILENT)
    assert (again, is_new) == (entry, False)
    assert left(cache) == [str(KEY)]


def never(_: Path) -> tuple[Source, str]:
    raise AssertionError("made although it is cached")


def damage_text(path: Path) -> None:
    (path / "tool").write_text("wrong", encoding="utf-8")


def damage_length(path: Path) -> None:
    with (path / "sub" / "data.tar").open("r+b") as file:
        file.truncate(99_999)


def damage_bit(path: Path) -> None:
    with (path / "sub" / "data.tar").open("r+b") as file:
        file.seek(50_000)
        file.write(b"\x01")


def damage_absence(path: Path) -> None:
    (path / "tool").unlink()


def damage_manifest(path: Path) -> None:
    (path / MANIFEST).write_text("{", encoding="utf-8")


def damage_no_manifest(path: Path) -> None:
    (path / MANIFEST).unlink()


def damage_empty_manifest(path: Path) -> None:
    raw = msgspec.json.decode((path / MANIFEST).read_bytes())
    (path / MANIFEST).write_bytes(msgspec.json.encode(raw | {"files": {}}))


def damage_other_pin(path: Path) -> None:
    raw = msgspec.json.decode((path / MANIFEST).read_bytes())
    (path / MANIFEST).write_bytes(msgspec.json.encode(raw | {"digest": "sha256:0"}))


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (damage_text, "tool: damaged: stored sha256 .*, found"),
        (damage_length, r"data.tar: damaged: .* \(99999 bytes\)"),
        (damage_bit, "data.tar: damaged: stored sha256 .*, found"),
        (damage_absence, "tool: is missing"),
        (damage_manifest, "artifact.json: "),
        (damage_no_manifest, "artifact.json is missing"),
        (damage_empty_manifest, "artifact.json: belongs to pin"),
        (damage_other_pin, "artifact.json: belongs to pin sha256:0"),
    ],
)
def test_damage_is_found_named_and_repaired(
    cache: Cache, damage: Callable[[Path], None], named: str
) -> None:
    entry, _ = cache.obtain(KEY, make, SILENT)
    damage(entry.path)
    with pytest.raises(DamagedError, match=named):
        cache.find(KEY)
    notes = Notes()
    repaired, is_new = cache.obtain(KEY, make, notes)
    assert is_new
    assert repaired == entry
    assert [line.endswith("; making it again") for line in notes.lines] == [True, True]
    assert left(cache) == [str(KEY)]


@pytest.mark.parametrize(
    "moment", ["os.rename", "os.fsync", "sha256_of", "msgspec.json.encode"]
)
def test_a_kill_while_storing_leaves_no_entry(cache: Cache, moment: str) -> None:
    program = f"""
        import os, signal
        from pathlib import Path
        from forge.artifacts import cache as c
        from forge.artifacts.progress import SILENT
        def make(folder):
            (folder / "tool").write_text("half")
            c.{moment} = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
            return "local", "a killed run"
        key = c.Key({KEY.name!r}, {KEY.version!r}, {KEY.arch!r}, {KEY.digest!r})
        c.Cache(Path({str(cache.root)!r})).obtain(key, make, SILENT)
    """
    run = [sys.executable, "-c", textwrap.dedent(program)]
    assert subprocess.run(run, check=False).returncode == -signal.SIGKILL
    assert [name.startswith(".making-") for name in left(cache)] == [True]
    assert cache.find(KEY) is None
    entry, is_new = cache.obtain(KEY, make, SILENT)
    assert is_new
    assert (entry.path / "tool").read_text(encoding="utf-8") == "right"
    assert left(cache) == [str(KEY)]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failed_making_leaves_nothing(
    cache: Cache, error: type[BaseException]
) -> None:
    def fail(folder: Path) -> tuple[Source, str]:
        make(folder)
        raise error

    with pytest.raises(error):
        cache.obtain(KEY, fail, SILENT)
    assert left(cache) == []
    assert cache.obtain(KEY, make, SILENT)[1]


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "set FORGE_CACHE")],
)
def test_a_cache_that_cannot_be_written_says_what_to_do(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(CacheError, match=remedy):
        cache.obtain(KEY, make, SILENT)
    assert left(cache) == []


def test_a_cache_below_a_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=r"Not a directory[\s\S]*FORGE_CACHE"):
        Cache(tmp_path / "file").obtain(KEY, make, SILENT)


@pytest.mark.parametrize(
    ("environment", "root"),
    [
        ({"FORGE_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a")),
        ({"FORGE_CACHE": "", "XDG_CACHE_HOME": "/b"}, Path("/b/forge")),
        ({}, Path.home() / ".cache" / "forge"),
    ],
)
def test_where_the_cache_is(environment: dict[str, str], root: Path) -> None:
    assert Cache.of(environment).root == root


def test_another_pin_is_another_entry(cache: Cache) -> None:
    entry, _ = cache.obtain(KEY, make, SILENT)
    other = Key(KEY.name, KEY.version, KEY.arch, "sha256:" + "cd" * 32)
    assert cache.find(other) is None
    assert cache.path(other) != entry.path


def test_the_lock_is_waited_for_and_dies_with_its_process(cache: Cache) -> None:
    program = f"""
        import sys, time
        from pathlib import Path
        from forge.artifacts.cache import Cache, Key
        from forge.artifacts.progress import SILENT
        key = Key({KEY.name!r}, {KEY.version!r}, {KEY.arch!r}, {KEY.digest!r})
        with Cache(Path({str(cache.root)!r})).locked(key, SILENT):
            print("locked", flush=True)
            time.sleep(60)
    """
    run = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(run, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"

        class Kill(Notes):
            def note(self, text: str) -> None:
                super().note(text)
                holder.kill()

        notes = Kill()
        assert cache.obtain(KEY, make, notes)[1]
    assert notes.lines == ["tool: another run is making it; waiting for it"]
