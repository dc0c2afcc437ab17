"""The testbed's host image: Debian by mmdebstrap, kept by the digest of its recipe."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from forge.errors import ForgeError
from forge.testbed.podman import Podman, PodmanError

REPOSITORY = "localhost/forge-testbed-host"


class Recipe:
    """The files that make the image, and the digest that names it."""

    def __init__(self, checkout: Path, suite: str) -> None:
        """Read the recipe.

        Args:
            checkout: Root of the repository; ``testbed/host`` holds the recipe.
            suite: Debian release name, from versions.yml.
        """
        self.folder = checkout / "testbed" / "host"
        self.suite = suite
        lines = (self.folder / "packages").read_text().splitlines()
        self.packages = [line for line in lines if line and not line.startswith("#")]

    def tag(self) -> str:
        """Return the image's name; it changes with any byte of the recipe."""
        digest = hashlib.sha256(self.suite.encode())
        for file in sorted(self.folder.rglob("*")):
            if file.is_file():
                relative = str(file.relative_to(self.folder)).encode()
                mode = b"x" if os.access(file, os.X_OK) else b"-"
                digest.update(relative + b"\0" + mode + file.read_bytes() + b"\0")
        return f"{REPOSITORY}:{self.suite}-{digest.hexdigest()[:12]}"


def ensure(podman: Podman, recipe: Recipe, cache: Path) -> str:
    """Return the image's tag, after importing or building what is missing.

    Args:
        podman: Where the image has to be.
        recipe: What it is made of.
        cache: Folder for the root file system archives, kept across checkouts.

    Raises:
        ForgeError: mmdebstrap failed; its last lines are in the message.
    """
    tag = recipe.tag()
    if _present(podman, tag):
        return tag
    cache.mkdir(parents=True, exist_ok=True)
    archive = cache / f"{tag.rsplit(':', 1)[1]}.tar"
    if not archive.exists():
        _build(recipe, archive)
    podman.run("import", "--quiet", str(archive), tag)
    return tag


def _present(podman: Podman, tag: str) -> bool:
    try:
        podman.run("image", "exists", tag)
    except PodmanError:
        return False
    return True


def _build(recipe: Recipe, archive: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise ForgeError("mmdebstrap is missing", remedy="apt-get install mmdebstrap")
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        unfinished = Path(scratch) / "root.tar"
        done = subprocess.run(
            [
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                "--components=main",
                f"--include={','.join(recipe.packages)}",
                f"--customize-hook=sync-in {recipe.folder}/rootfs /",
                f'--customize-hook={recipe.folder}/customize "$1"',
                recipe.suite,
                str(unfinished),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            words = "\n".join(done.stderr.strip().splitlines()[-8:])
            raise ForgeError(
                f"mmdebstrap could not make Debian {recipe.suite}:\n{words}",
                remedy="check that apt reaches a Debian mirror: apt-get update",
            )
        unfinished.replace(archive)
