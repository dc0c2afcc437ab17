"""One archive with every wheel of one part for one kind of host.

    CACHE/wheels/PART-VERSION-PYTHON-[OS-]ARCH-KEY.tar
        *.whl               by the hashes of requirements/PART.txt
        requirements.txt    the lock and the part's own wheel, with their hashes
        wheelhouse.json     version and key

The key is a digest of the lock, of the part's sources and of the kind of host: the
same checkout asks no registry twice. Nothing on the host is compiled, and nothing is
installed there whose hash is not in the lock.
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

from packaging.requirements import Requirement

from forge.errors import ForgeError, InputError


@dataclass(frozen=True, slots=True)
class Part:
    """What an archive is for.

    Attributes:
        lock: Its requirements, with hashes.
        package: The locked package whose version is the archive's; empty for a part
            with a wheel of this checkout.
        sources: Folders that the part's own wheel is made of.
    """

    lock: str
    package: str = ""
    sources: tuple[str, ...] = ()


PARTS: Final = {
    "gate": Part("requirements/gate.txt", sources=("src/clawlaw", "policies")),
    "mlx": Part("requirements/mlx.txt", package="mlx-lm"),
}
LOCK: Final = PARTS["gate"].lock
PYTHONS: Final = ("3.12", "3.13")
# Tags that a pip of the host would take, newest first; Debian 13 has glibc 2.41.
_GLIBC: Final = (
    *(f"manylinux_2_{minor}" for minor in (39, 35, 34, 31, 28, 17)),
    "manylinux2014",
)
_MACOS: Final = "15_0"  # the oldest macOS of the Macs
PLATFORMS: Final = {
    ("linux", "amd64"): tuple(f"{glibc}_x86_64" for glibc in _GLIBC),
    ("linux", "arm64"): tuple(f"{glibc}_aarch64" for glibc in _GLIBC),
    ("macos", "arm64"): (f"macosx_{_MACOS}_arm64",),
}
# What markers of a lock ask about. Source: PEP 508, "Environment Markers".
_MARKERS: Final = {
    ("linux", "amd64"): {"sys_platform": "linux", "platform_machine": "x86_64"},
    ("linux", "arm64"): {"sys_platform": "linux", "platform_machine": "aarch64"},
    ("macos", "arm64"): {"sys_platform": "darwin", "platform_machine": "arm64"},
}
_KEY: Final = 12  # hex digits in a name


class WheelError(ForgeError):
    """A wheel could not be fetched or built; the message has the tool's last words."""


@dataclass(frozen=True, slots=True)
class Wheelhouse:
    """An archive that is there.

    Attributes:
        version: Of the part: its own wheel's, or its locked package's.
        key: Of everything that decides the content.
        digest: SHA-256 of the archive, hex.
        fresh: It was made just now.
    """

    path: Path
    version: str
    key: str
    digest: str
    fresh: bool


def ensure(
    checkout: Path,
    cache: Path,
    python: str,
    arch: str,
    *,
    part: str = "gate",
    system: str = "linux",
) -> Wheelhouse:
    """The archive for one kind of host, made if it is not there.

    Args:
        checkout: Root of the checkout.
        cache: Of the user; the archive is in its folder `wheels`.
        python: "3.12" or "3.13", of the host.
        arch: "amd64" or "arm64", of the host.
        part: A name of :data:`PARTS`.
        system: "linux" or "macos", of the host.

    Raises:
        InputError: No such kind of host.
        WheelError: Fetching or building failed.
    """
    if python not in PYTHONS or (system, arch) not in PLATFORMS:
        known = ", ".join(" ".join(kind) for kind in PLATFORMS)
        raise InputError(
            f"no wheels for Python {python} on {system} {arch}",
            remedy=f"have Python {' or '.join(PYTHONS)} on one of: {known}",
        )
    host = _Host(checkout, PARTS[part], python, system, arch)
    version = host.version()
    key = host.key()
    folder = cache / "wheels"
    kind = arch if system == "linux" else f"{system}-{arch}"
    path = folder / f"{part}-{version}-{python}-{kind}-{key}.tar"
    fresh = not path.exists()
    if fresh:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as scratch:
            wheels = Path(scratch) / "wheels"
            wheels.mkdir()
            host.fetch(wheels)
            if host.part.sources:
                _build(checkout, wheels, version)
            said = json.dumps({"key": key, "version": version}, sort_keys=True)
            (wheels / "wheelhouse.json").write_text(said + "\n")
            _pack(wheels, Path(scratch) / "part.tar").rename(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheelhouse(path, version, key, digest, fresh)


@dataclass(frozen=True, slots=True)
class _Host:
    """A part for one kind of host."""

    checkout: Path
    part: Part
    python: str
    system: str
    arch: str

    def fetch(self, wheels: Path) -> None:
        """Fetch every wheel of the lock that such a host installs."""
        kind = (self.system, self.arch)
        platforms = [f"--platform={name}" for name in PLATFORMS[kind]]
        lock = (self.checkout / self.part.lock).read_text()
        (wheels / "requirements.txt").write_text(lock)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
            wanted.write(chosen(lock, self.python, *kind))
            wanted.flush()
            _run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                 "--disable-pip-version-check", "--require-hashes",
                 "--only-binary=:all:", f"--python-version={self.python}",
                 "--implementation=cp", *platforms, f"--dest={wheels}",
                 f"--requirement={wanted.name}"],
                "fetching the wheels of the lock",
            )  # fmt: skip

    def version(self) -> str:
        """Version of the part's own wheel, or of the package that it is known by."""
        if self.part.sources:
            return _version(self.checkout)
        text = (self.checkout / self.part.lock).read_text()
        for line in text.splitlines():
            name, _, rest = line.partition("==")
            if name == self.part.package:
                return rest.split()[0]
        raise InputError(f"{self.part.lock} does not name {self.part.package}")

    def key(self) -> str:
        """Digest of everything that decides the archive's content."""
        kind = self.arch if self.system == "linux" else f"{self.system} {self.arch}"
        found = hashlib.sha256(f"{self.python} {kind}\n".encode())
        found.update((self.checkout / self.part.lock).read_bytes())
        for file in _files(self.checkout, self.part.sources):
            name = file.relative_to(self.checkout).as_posix()
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            found.update(f"{name} {digest}\n".encode())
        return found.hexdigest()[:_KEY]


def chosen(lock: str, python: str, system: str, arch: str) -> str:
    """Leave of a lock what one kind of host installs, without its markers.

    pip asks the machine that it runs on what a marker says, whatever platform it is
    told to fetch for.

    Args:
        lock: Requirements with hashes, as `uv pip compile` writes them.
        python: Of the host, as "3.13".
        system: "linux" or "macos".
        arch: "amd64" or "arm64".
    """
    host = {"python_version": python, "python_full_version": f"{python}.0"}
    host |= _MARKERS[system, arch]
    host["platform_system"] = "Darwin" if system == "macos" else "Linux"
    kept = []
    for block in lock.replace("\\\n", " ").splitlines():
        named, *hashes = block.partition("#")[0].split(" --hash=")
        if not named.strip():
            continue
        wanted = Requirement(named)
        if wanted.marker is None or wanted.marker.evaluate(host):
            words = [f"{wanted.name}{wanted.specifier}"]
            words += [f"--hash={digest.strip()}" for digest in hashes]
            kept.append(" ".join(words))
    return "\n".join([*kept, ""])


def _build(checkout: Path, wheels: Path, version: str) -> None:
    """Build the gate's own wheel, and add it to the lock with its hash."""
    _run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel",
         f"--outdir={wheels}", str(checkout / "src/clawlaw")],
        "building the gate's wheel",
    )  # fmt: skip
    (own,) = wheels.glob("clawlaw-*.whl")
    hashed = hashlib.sha256(own.read_bytes()).hexdigest()
    with (wheels / "requirements.txt").open("a") as lock:
        lock.write(f"clawlaw=={version} --hash=sha256:{hashed}\n")


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


def _files(checkout: Path, sources: tuple[str, ...]) -> Iterator[Path]:
    """What a part's own wheel is made of."""
    for folder in sources:
        for file in sorted((checkout / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file
