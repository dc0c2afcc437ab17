"""What runs in the testbed's cluster: the profiles, and their images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forge import artifacts, images
from forge.artifacts.pinfile import FILE
from forge.artifacts.progress import Progress
from forge.errors import InputError
from forge.overlay import manifests

FOLDER: Final = Path("gitops/overlays/testbed")
# Components in the order in which they are applied: folders below FOLDER.
PROFILES: Final[Mapping[str, tuple[str, ...]]] = {
    "core": ("minio", "registry", "prometheus"),
}


@dataclass(frozen=True)
class Platform:
    """A profile's components and their images by name."""

    components: tuple[str, ...]
    images: Mapping[str, Mapping[str, str]]

    def variables(self) -> dict[str, object]:
        """Return what the playbooks read."""
        return {
            "platform_components": list(self.components),
            "platform_images": {name: dict(row) for name, row in self.images.items()},
        }


def supply(checkout: Path, cache: Path, profile: str, progress: Progress) -> Platform:
    """Build the images that a profile's manifests name.

    Args:
        checkout: Root of the checkout.
        cache: The user's cache.
        profile: A name of ``PROFILES``.
        progress: Told of long steps.

    Raises:
        InputError: There is no such profile, or a manifest is wrong.
        ForgeError: An image cannot be made.
    """
    components = PROFILES.get(profile)
    if components is None:
        raise InputError(
            f"no profile {profile!r}", remedy=f"use one of: {', '.join(PROFILES)}"
        )
    wanted = manifests.local_images(
        manifests.resources(str(checkout / FOLDER), components, "testbed")
    )
    recipes = images.load_all(checkout)
    versions = artifacts.load(checkout / FILE)
    made = {
        name: images.ensure(
            name,
            recipes,
            artifacts.host_arch(),
            versions=versions,
            cache=artifacts.Cache(cache),
            progress=progress,
        )
        for name in wanted
    }
    return Platform(
        components,
        {
            name: {
                "reference": image.reference,
                "archive": str(image.archive),
                "digest": image.digest,
            }
            for name, image in made.items()
        },
    )
