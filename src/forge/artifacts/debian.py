"""Take a program or headers out of a Debian package, without installing it.

apt verifies the package against the signed archive that this machine trusts, which
stands in for a digest of our own: Debian replaces packages within a release.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from forge.artifacts.errors import BuildError
from forge.artifacts.pins import Arch

_FOLDERS = ("usr/bin", "bin")  # where a package keeps programs, merged /usr or not
_TIMEOUT = 300  # seconds for apt to fetch lists and one package


def program(package: str, name: str, arch: Arch, folder: Path) -> tuple[Path, str]:
    """Fetch a package and unpack it below ``folder``.

    Args:
        package: The package's name, such as ``busybox-static``.
        name: The program in it.
        arch: The architecture, which apt on this machine must know.
        folder: An existing folder.

    Returns:
        The program's path, and the package's name and version for reports.

    Raises:
        BuildError: apt is not here, or has no such package, or the package has no
            such program.
    """
    unpacked, version = _unpacked(package, arch, folder)
    for inside in _FOLDERS:
        found = unpacked / inside / name
        if found.is_file():
            return found, f"{package} {version}"
    raise BuildError(f"Debian package {package} {version} has no program {name}")


def headers(package: str, arch: Arch, folder: Path) -> tuple[Path, str]:
    """Fetch a package and unpack it below ``folder``; see :func:`program`.

    Returns:
        The folder of its headers, and the package's name and version for reports.

    Raises:
        BuildError: As for :func:`program`, or the package has no headers.
    """
    unpacked, version = _unpacked(package, arch, folder)
    found = unpacked / "usr/include"
    if not found.is_dir():
        raise BuildError(f"Debian package {package} {version} has no headers")
    return found, f"{package} {version}"


def _unpacked(package: str, arch: Arch, folder: Path) -> tuple[Path, str]:
    """Return the folder with the package's files, and its version."""
    wanted = f"{package}:{arch}"
    try:
        _apt(["download", wanted], folder)
    except BuildError:  # a fresh machine has no package lists; use private ones
        with TemporaryDirectory() as lists:
            private = ["-o", f"Dir::State::lists={lists}"]
            _apt([*private, "update"], folder)
            _apt([*private, "download", wanted], folder)
    (file,) = folder.glob(f"{package}_*.deb")
    version = _run(["dpkg-deb", "--field", file.name, "Version"], folder).strip()
    _run(["dpkg-deb", "--extract", file.name, package], folder)
    return folder / package, version


def _apt(arguments: Sequence[str], folder: Path) -> None:
    # The sandbox user could not write to a folder that belongs to this one.
    _run(["apt-get", "--quiet", "-o", "APT::Sandbox::User=root", *arguments], folder)


def _run(command: Sequence[str], folder: Path) -> str:
    remedy = (
        "the testbed runs on Debian or Ubuntu; check that `apt-get update` succeeds, "
        "and `dpkg --add-architecture` for a foreign architecture"
    )
    try:
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{' '.join(command)}: {error}", remedy=remedy) from error
    except subprocess.CalledProcessError as error:
        raise BuildError(
            f"`{' '.join(command)}` ended with {error.returncode}:\n"
            f"{error.stderr.strip()}",
            remedy=remedy,
        ) from error
