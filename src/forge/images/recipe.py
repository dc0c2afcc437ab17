"""What an image is made of: the files of ``testbed/images/``."""

from pathlib import Path
from typing import Annotated, Self

import msgspec
import yaml
from msgspec import Meta, Struct

from forge.artifacts.pins import Name, Text, Versions
from forge.errors import InputError

FOLDER = Path("testbed/images")
REPOSITORY = "forge.local"

type Inside = Annotated[str, Meta(pattern=r"^/[A-Za-z0-9._/-]+$")]
type Kept = Annotated[str, Meta(pattern=r"^[a-z][^\s]*$")]


class Recipe(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One image.

    Attributes:
        entrypoint: What a container starts, if its Pod names nothing else.
        artifacts: Pins of versions.yml whose programs go to ``/usr/local/bin``; the
            first one's version is the image's tag.
        packages: Debian packages, unpacked with all that they depend on; nothing of
            theirs is run, so there are no accounts but those of every image.
        keep: Paths of the packages that the image holds, as shell patterns without
            the leading slash; a ``*`` crosses slashes.
        programs: Those of the artifacts' programs that the image holds; all if empty.
        links: Path -> what it is a symbolic link to.
        folders: Empty folders that belong to ``user``.
        environment: Variables of a container.
        user: Number of the account that runs it; 0 needs a reason in ``why``.
        why: What a reader should know.
    """

    entrypoint: tuple[Text, ...]
    artifacts: tuple[Name, ...] = ()
    packages: tuple[Text, ...] = ()
    keep: tuple[Kept, ...] = ()
    programs: tuple[Text, ...] = ()
    links: dict[Inside, Text] = {}
    folders: tuple[Inside, ...] = ()
    environment: dict[str, str] = {}
    user: Annotated[int, Meta(ge=0, le=65535)] = 65532
    why: Text | None = None

    def check(self) -> Self:
        """Refuse what no image can be made of.

        Raises:
            ValueError: Nothing goes into it, or packages of which nothing is kept.
        """
        if not self.artifacts and not self.packages:
            raise ValueError("names neither artifacts nor packages")
        if bool(self.packages) != bool(self.keep):
            raise ValueError("packages and keep need each other")
        if self.user == 0 and self.why is None:
            raise ValueError("user 0 needs a reason in why")
        return self

    def tag(self, versions: Versions) -> str:
        """Return the tag: the first artifact's version, else the Debian release.

        A tag cannot hold the ``+`` of a version.
        Source: OCI distribution specification, "Pulling manifests".
        """
        if self.artifacts:
            return versions.artifact(self.artifacts[0]).version.replace("+", "-")
        return f"debian-{versions.pins.debian.version}"

    def reference(self, name: str, versions: Versions) -> str:
        """Return what manifests call the image."""
        return f"{REPOSITORY}/{name}:{self.tag(versions)}"


def load_all(checkout: Path) -> dict[str, Recipe]:
    """Read every recipe, by name.

    Raises:
        InputError: One cannot be read; the message names file and key.
    """
    found = {}
    for file in sorted((checkout / FOLDER).glob("*.yml")):
        try:
            raw = yaml.safe_load(file.read_text(encoding="utf-8"))
            found[file.stem] = msgspec.convert(raw, Recipe).check()
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise InputError(
                f"{file}: {error}", remedy="docs/images.md shows the form of a recipe"
            ) from error
    if not found:
        raise InputError(f"{checkout / FOLDER}: no recipes", remedy="run in a checkout")
    return found
