"""Make an image, or take it from the cache."""

import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from clawlaw.core.canonical import digest
from forge import artifacts
from forge.artifacts.cache import Cache, Key, Source, sha256_of
from forge.artifacts.ensure import key_of
from forge.artifacts.pins import Arch, Versions
from forge.artifacts.progress import SILENT, Progress
from forge.errors import ForgeError, InputError
from forge.images import archive, layer
from forge.images.recipe import Recipe

_TIMEOUT: Final = 900  # seconds for apt to fetch and unpack an image's packages


class ImageError(ForgeError):
    """An image could not be made; the message says which and why."""


@dataclass(frozen=True)
class Image:
    """An image that is ready to be copied to nodes.

    Attributes:
        name: Of its recipe.
        reference: What manifests call it.
        archive: The file for K3s's images folder.
        digest: Of its manifest.
        built_with: Where its content came from.
        is_new: It was made now.
    """

    name: str
    reference: str
    archive: Path
    digest: str
    built_with: str
    is_new: bool


def key(name: str, recipe: Recipe, arch: Arch, versions: Versions) -> Key:
    """Return the cache key: a digest over everything that decides the image."""
    own = Path(__file__).parent
    return Key(
        name=f"image_{name}",
        version=recipe.tag(versions),
        arch=arch,
        digest=digest(
            {
                "recipe": msgspec.to_builtins(recipe),
                "reference": recipe.reference(name, versions),
                "artifacts": [
                    key_of(a, arch, versions).digest for a in recipe.artifacts
                ],
                "suite": versions.pins.debian.suite if recipe.packages else None,
                "builder": {
                    part: sha256_of(own / part) for part in ("layer.py", "archive.py")
                },
            }
        ),
    )


def ensure(
    name: str,
    recipes: dict[str, Recipe],
    arch: Arch,
    *,
    versions: Versions,
    cache: Cache,
    progress: Progress = SILENT,
) -> Image:
    """Bring one image; its artifacts are fetched or built where they must be.

    Args:
        name: Of a recipe.
        recipes: All that there are.
        arch: What it runs on.
        versions: The pins.
        cache: Where artifacts and images are kept.
        progress: Told of long steps.

    Raises:
        InputError: There is no such recipe.
        ImageError: Its packages cannot be had, or hold not what the recipe names.
        ArtifactError: One of its artifacts cannot be had.
    """
    recipe = recipes.get(name)
    if recipe is None:
        raise InputError(
            f"no image is named {name!r}", remedy=f"use one of: {', '.join(recipes)}"
        )
    reference = recipe.reference(name, versions)
    programs: dict[str, Path] = {}
    for part in recipe.artifacts:
        made = artifacts.ensure(
            part, arch, versions=versions, cache=cache, progress=progress
        )
        programs |= made.files

    job = _Job(reference, recipe, arch, programs, versions)

    def make(folder: Path) -> tuple[Source, str]:
        progress.note(f"image {reference}: making it")
        return job.make(folder / file)

    file = f"{name}-{recipe.tag(versions)}-{arch}.tar"
    entry, is_new = cache.obtain(key(name, recipe, arch, versions), make, progress)
    path = entry.path / file
    return Image(
        name,
        reference,
        path,
        archive.digest_of(path),
        entry.manifest.built_with,
        is_new,
    )


@dataclass(frozen=True)
class _Job:
    """What one image is made from."""

    reference: str
    recipe: Recipe
    arch: Arch
    programs: Mapping[str, Path]
    versions: Versions

    def make(self, target: Path) -> tuple[Source, str]:
        """Write the archive; return where its content came from."""
        recipe, suite = self.recipe, self.versions.pins.debian.suite
        parts = [f"{a} {self.versions.artifact(a).version}" for a in recipe.artifacts]
        # Not in the entry's own folder, all of which is kept.
        with TemporaryDirectory(dir=target.parent.parent) as scratch:
            base = Path(scratch) / "layer.tar"
            packages = None
            if recipe.packages:
                packages = unpack(Path(scratch), suite, recipe.packages, self.arch)
                parts.append(f"Debian {suite}: {', '.join(recipe.packages)}")
            self._write_layer(base, packages)
            settings = archive.Settings(
                recipe.entrypoint,
                recipe.user,
                recipe.environment,
                {"org.opencontainers.image.title": self.reference},
            )
            archive.write(target, self.reference, self.arch, base, settings)
        return "local", "; ".join(parts)

    def _write_layer(self, base: Path, packages: Path | None) -> None:
        try:
            with base.open("wb") as stream, ExitStack() as opened:
                tar = opened.enter_context(tarfile.open(packages)) if packages else None
                layer.write(stream, self.recipe, self.programs, tar)
        except layer.LayerError as error:
            raise ImageError(
                f"image {self.reference}: {error}", remedy="correct its recipe"
            ) from error


def unpack(scratch: Path, suite: str, packages: Sequence[str], arch: Arch) -> Path:
    """Unpack Debian packages with all that they depend on; none of their code runs.

    Args:
        scratch: An existing folder.
        suite: Debian release name.
        packages: Their names.
        arch: The architecture.

    Returns:
        A tar archive of their files.

    Raises:
        ImageError: mmdebstrap is not here, or could not.
    """
    if shutil.which("mmdebstrap") is None:
        raise ImageError("mmdebstrap is missing", remedy="apt-get install mmdebstrap")
    target = scratch / "packages.tar"
    command = [
        "mmdebstrap", "--quiet", "--variant=extract", "--components=main",
        f"--architectures={arch}", f"--include={','.join(packages)}",
        '--aptopt=APT::Install-Recommends "false"', suite, str(target),
    ]  # fmt: skip
    try:
        subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"mmdebstrap: no end after {_TIMEOUT} s") from error
    except subprocess.CalledProcessError as error:
        words = "\n".join(error.stderr.strip().splitlines()[-8:])
        raise ImageError(
            f"mmdebstrap could not unpack {', '.join(packages)}:\n{words}",
            remedy="check that apt reaches a Debian mirror: apt-get update",
        ) from error
    return target
