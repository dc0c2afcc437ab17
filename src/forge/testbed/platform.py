"""What runs in the testbed's cluster: the profiles, and their images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from forge import artifacts, images
from forge.artifacts.pinfile import FILE
from forge.artifacts.progress import Progress
from forge.errors import InputError
from forge.gitops import crds
from forge.overlay import manifests

FOLDER: Final = Path("gitops/overlays/testbed")
# Components in the order in which they are applied: folders below FOLDER.
_CORE: Final = ("minio", "registry", "prometheus")
PROFILES: Final[Mapping[str, tuple[str, ...]]] = {
    "core": _CORE,
    "platform": (*_CORE, "alertmanager", "rules", "kyverno", "policies"),
}
DEFAULT: Final = "core"


@dataclass(frozen=True)
class Platform:
    """A profile, its components, their images by name, and the CRDs they need."""

    profile: str
    components: tuple[str, ...]
    images: Mapping[str, Mapping[str, str]]
    crds: tuple[Path, ...] = ()

    def variables(self) -> dict[str, object]:
        """Return what the playbooks read."""
        return {
            "platform_profile": self.profile,
            "platform_components": list(self.components),
            "platform_crds": [str(path) for path in self.crds],
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
        InputError: A manifest is wrong.
        ForgeError: An image cannot be made, or CRDs cannot be had.
    """
    return supply_components(checkout, cache, profile, PROFILES[profile], progress)


def supply_components(
    checkout: Path,
    cache: Path,
    profile: str,
    components: tuple[str, ...],
    progress: Progress,
) -> Platform:
    """Build the images of some components, as a profile that may have no name yet.

    Raises:
        InputError: A manifest is wrong.
        ForgeError: An image cannot be made, or CRDs cannot be had.
    """
    wanted = manifests.local_images(
        manifests.resources(str(checkout / FOLDER), components, "testbed")
    )
    recipes = images.load_all(checkout)
    versions = artifacts.load(checkout / FILE)
    kept = artifacts.Cache(cache)
    made = {
        name: images.ensure(
            name,
            recipes,
            artifacts.host_arch(),
            versions=versions,
            cache=kept,
            progress=progress,
        )
        for name in wanted
    }
    return Platform(
        profile,
        components,
        {
            name: {
                "reference": image.reference,
                "archive": str(image.archive),
                "digest": image.digest,
            }
            for name, image in made.items()
        },
        # A component finds its CRDs by its own name.
        tuple(
            crds.manifest(name, versions, kept, progress)
            for name in components
            if name in versions.pins.crds
        ),
    )


def kept_profile(source: Path) -> str | None:
    """Return the profile of a running testbed; None where none was chosen yet.

    Args:
        source: The inventory source that `Platform.variables` was written to.

    Raises:
        InputError: It cannot be read.
    """
    try:
        said = yaml.safe_load(source.read_text(encoding="utf-8"))["all"]["vars"]
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise InputError(
            f"{source}: no inventory source: {error}", remedy="run `make down`"
        ) from error
    found = said.get("platform_profile", DEFAULT)
    return str(found)


def choose(asked: str | None, kept: str | None) -> str:
    """Return the profile that a run has: the asked one, the testbed's, or the core.

    Args:
        asked: By the command line, if it names one.
        kept: Of the running testbed, if there is one.

    Raises:
        InputError: There is no such profile, or the testbed has more than it.
    """
    chosen = asked or kept or DEFAULT
    if chosen not in PROFILES:
        raise InputError(
            f"no profile {chosen!r}", remedy=f"use one of: {', '.join(PROFILES)}"
        )
    left = set(PROFILES.get(kept or DEFAULT, ())) - set(PROFILES[chosen])
    if left:
        # Kyverno taken away leaves its webhooks, and with them a cluster that refuses.
        raise InputError(
            f"the testbed has the profile {kept}, which is more than {chosen}",
            remedy=f"`make down`, then `make up PROFILE={chosen}`",
        )
    return chosen
