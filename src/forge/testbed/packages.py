"""Debian packages for hosts that have no way out: one archive, made here.

The archive holds a flat apt repository. A container of the host image downloads it,
so that apt resolves against exactly what the hosts have.
"""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from forge.errors import InputError
from forge.testbed.podman import Podman
from forge.testbed.state import replace_file

DOWNLOAD = """
set -eu
apt-get update -qq
apt-get install -qq --yes --no-install-recommends --download-only \
    -o Dir::Cache::archives=/packages -o APT::Sandbox::User=root "$@"
rm -rf /packages/partial /packages/lock
"""


def named_by_roles(roles: Path) -> list[str]:
    """Return every package that a role's ``<role>_packages`` default names.

    Args:
        roles: The ``roles`` folder.

    Raises:
        InputError: Such a default is not a list of text.
    """
    names: set[str] = set()
    for file in sorted(roles.glob("*/defaults/main.yml")):
        defaults = yaml.safe_load(file.read_text()) or {}
        listed = defaults.get(f"{file.parent.parent.name}_packages", [])
        if not all(isinstance(name, str) for name in listed):
            raise InputError(f"{file}: packages must be a list of names")
        names.update(listed)
    return sorted(names)


def ensure(podman: Podman, image: str, names: Sequence[str], cache: Path) -> Path:
    """Return the archive with these packages and what they need.

    Args:
        podman: Runs the download.
        image: Tag of the host image; part of the cache key.
        names: Debian package names.
        cache: Folder for archives, kept across checkouts.

    Raises:
        PodmanError: apt could not download; its last words are in the message.
    """
    key = hashlib.sha256("\n".join([image, *sorted(names)]).encode()).hexdigest()
    archive = cache / f"packages-{key[:12]}.tar"
    if archive.exists():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        folder = Path(scratch) / "packages"
        folder.mkdir()
        podman.run(
            "run", "--rm", "--network", "host", "--volume", f"{folder}:/packages",
            image, "sh", "-c", DOWNLOAD, "download", *names, timeout=900,
        )  # fmt: skip
        index = subprocess.run(
            ["dpkg-scanpackages", "--multiversion", "."],
            cwd=folder,
            capture_output=True,
            check=True,
        )
        (folder / "Packages").write_bytes(index.stdout)
        unfinished = Path(scratch) / archive.name
        with tarfile.open(unfinished, "w") as tar:
            for file in sorted(folder.iterdir()):
                tar.add(file, arcname=file.name)
        shutil.move(unfinished, archive)
    _record(archive, names)
    return archive


def _record(archive: Path, names: Sequence[str]) -> None:
    """Keep a list of what was asked for beside the archive, for a reader."""
    replace_file(archive.with_suffix(".txt"), ("\n".join(names) + "\n").encode(), 0o644)
