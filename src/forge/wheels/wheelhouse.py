"""One archive with every wheel of `clawlaw gate` for one kind of host.

    CACHE/wheels/gate-VERSION-PYTHON-ARCH-KEY.tar
        *.whl               by the hashes of requirements/gate.txt
        requirements.txt    the lock and the gate's own wheel, with their hashes
        wheelhouse.json     version and key

The key is a digest of the lock, of the gate's sources and policies and of the kind of
host: the same checkout asks no registry twice. Nothing on the host is compiled, and
nothing is installed there whose hash is not in the lock.
"""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forge.errors import ForgeError, InputError

LOCK: Final = "requirements/gate.txt"
PYTHONS: Final = ("3.12", "3.13")
# Tags that a pip of the host would take, newest first; Debian 13 has glibc 2.41.
PLATFORMS: Final = {
    "amd64": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "arm64": (
        "manylinux_2_28_aarch64",
        "manylinux_2_17_aarch64",
        "manylinux2014_aarch64",
    ),
}
_KEY: Final = 12  # hex digits in a name
_SOURCES: Final = ("src/clawlaw", "policies")


class WheelError(ForgeError):
    """A wheel could not be fetched or built; the message has the tool's last words."""


@dataclass(frozen=True, slots=True)
class Wheelhouse:
    """An archive that is there.

    Attributes:
        version: Of the gate's own wheel.
        key: Of everything that decides the content.
        digest: SHA-256 of the archive, hex.
        fresh: It was made just now.
    """

    path: Path
    version: str
    key: str
    digest: str
    fresh: bool


def ensure(checkout: Path, cache: Path, python: str, arch: str) -> Wheelhouse:
    """The archive for one kind of host, made if it is not there.

    Args:
        checkout: Root of the checkout.
        cache: Of the user; the archive is in its folder `wheels`.
        python: "3.12" or "3.13", of the host.
        arch: "amd64" or "arm64", of the host.

    Raises:
        InputError: No such kind of host.
        WheelError: Fetching or building failed.
    """
    if python not in PYTHONS or arch not in PLATFORMS:
        raise InputError(
            f"no wheels for Python {python} on {arch}",
            remedy=f"have Python {' or '.join(PYTHONS)} and {' or '.join(PLATFORMS)}",
        )
    version = _version(checkout)
    key = _key(checkout, python, arch)
    folder = cache / "wheels"
    path = folder / f"gate-{version}-{python}-{arch}-{key}.tar"
    fresh = not path.exists()
    if fresh:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as scratch:
            wheels = Path(scratch) / "wheels"
            wheels.mkdir()
            _fetch(checkout, wheels, python, arch)
            _build(checkout, wheels, version)
            said = json.dumps({"key": key, "version": version}, sort_keys=True)
            (wheels / "wheelhouse.json").write_text(said + "\n")
            _pack(wheels, Path(scratch) / "gate.tar").rename(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheelhouse(path, version, key, digest, fresh)


def _fetch(checkout: Path, wheels: Path, python: str, arch: str) -> None:
    platforms = [f"--platform={name}" for name in PLATFORMS[arch]]
    _run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
         "--disable-pip-version-check", "--require-hashes", "--only-binary=:all:",
         f"--python-version={python}", "--implementation=cp", *platforms,
         f"--dest={wheels}", f"--requirement={checkout / LOCK}"],
        "fetching the wheels of the lock",
    )  # fmt: skip


def _build(checkout: Path, wheels: Path, version: str) -> None:
    """Build the gate's own wheel, and add it to the lock with its hash."""
    _run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel",
         f"--outdir={wheels}", str(checkout / "src/clawlaw")],
        "building the gate's wheel",
    )  # fmt: skip
    (own,) = wheels.glob("clawlaw-*.whl")
    hashed = hashlib.sha256(own.read_bytes()).hexdigest()
    lock = (checkout / LOCK).read_text()
    line = f"clawlaw=={version} --hash=sha256:{hashed}\n"
    (wheels / "requirements.txt").write_text(lock + line)


def _pack(wheels: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w") as tar:
        for file in sorted(wheels.iterdir()):
            tar.add(file, file.name, filter=_plain)
    return archive


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without the traces of the machine that made it."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = 0
    member.mode = 0o644
    return member


def _run(words: list[str], doing: str) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1580601600"}  # hatchling's own
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip()[-600:]
        raise WheelError(f"{doing}: {last or 'failed'}")


def _version(checkout: Path) -> str:
    """Version of the gate's wheel, from its project file."""
    for line in (checkout / "src/clawlaw/pyproject.toml").read_text().splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "version":
            return value.strip().strip('"')
    raise InputError("src/clawlaw/pyproject.toml has no version")


def _key(checkout: Path, python: str, arch: str) -> str:
    found = hashlib.sha256(f"{python} {arch}\n".encode())
    found.update((checkout / LOCK).read_bytes())
    for file in _files(checkout):
        name = file.relative_to(checkout).as_posix()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        found.update(f"{name} {digest}\n".encode())
    return found.hexdigest()[:_KEY]


def _files(checkout: Path) -> Iterator[Path]:
    """What the gate's wheel is made of."""
    for folder in _SOURCES:
        for file in sorted((checkout / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file
