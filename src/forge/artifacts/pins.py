"""The types of versions.yml, the only place that names a version.

Reading is in ``pinfile``; the rules that span several fields are in ``rules``.
A digest is never invented: where it could not be obtained it is the word
``unresolved``, and whoever needs it refuses.
"""

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from msgspec import Meta, Struct

from forge.artifacts.errors import PinError

type Arch = Literal["amd64", "arm64"]
ARCHES: tuple[Arch, ...] = ("amd64", "arm64")
UNRESOLVED = "unresolved"

type Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")]
type Text = Annotated[str, Meta(pattern=r"^\S(.*\S)?$")]
type Version = Annotated[str, Meta(pattern=r"^v\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$")]
type Sha256 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64}|unresolved)$")]
type ModuleSum = Annotated[str, Meta(pattern=r"^(h1:[A-Za-z0-9+/]{43}=|unresolved)$")]
type ImportPath = Annotated[str, Meta(pattern=r"^[a-z0-9.-]+(/[A-Za-z0-9._~-]+)+$")]
type Digest = Annotated[str, Meta(pattern=r"^(sha256:[0-9a-f]{64}|unresolved)$")]
type ImageName = Annotated[str, Meta(pattern=r"^[a-z0-9.-]+(/[a-z0-9._-]+)+$")]
type ImageTag = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
type ChartVersion = Annotated[str, Meta(pattern=r"^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")]
type Replacement = Annotated[
    str, Meta(pattern=r"^[a-z0-9.-]+(/[A-Za-z0-9._~-]+)+ v\d+\.\d+\.\d+([-+]\S+)?$")
]
type FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._{}-]*$")]


class Pin(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every mapping in versions.yml: unknown keys are errors."""


class PerArch(Pin, frozen=True, kw_only=True):
    """One release digest per architecture, hex or ``unresolved``."""

    amd64: Sha256
    arm64: Sha256

    def of(self, arch: Arch) -> str:
        """Return the digest of one architecture."""
        return self.amd64 if arch == "amd64" else self.arm64


class Asset(Pin, frozen=True, kw_only=True):
    """One file of an upstream release.

    ``url`` and ``checksums`` may hold ``{version}``, ``{number}`` (the version
    without its v), ``{arch}``, ``{suffix}`` (empty on amd64, else ``-ARCH``);
    ``checksums`` may also hold ``{url}``. ``members`` maps files of the artifact
    to paths inside a tar archive; without it the asset is the file itself.
    """

    checksums: Text
    sha256: PerArch
    url: Text
    members: dict[FileName, Text] = {}


class GoHeader(Pin, frozen=True, kw_only=True):
    """One header out of a Go module, whose checksum is the one of go.sum's form."""

    file: Text
    module: ImportPath
    sum: Annotated[str, Meta(pattern=r"^h1:[A-Za-z0-9+/]{43}=$")]
    version: Version


class Cgo(Pin, frozen=True, kw_only=True):
    """What a module with C and C++ takes beyond itself.

    ``cpu`` names, per architecture, vector instructions as the compiler and Linux do;
    they are used if the machine that builds has all of them. ``headers`` maps the
    path that sources include to a header of a Go module; ``packages`` are Debian
    packages whose ``/usr/include`` is searched.
    """

    cpu: dict[Arch, tuple[Annotated[str, Meta(pattern=r"^[a-z0-9.]+$")], ...]] = {}
    headers: dict[Text, GoHeader] = {}
    packages: tuple[Text, ...] = ()


class Module(Pin, frozen=True, kw_only=True):
    """How the programs are built where the release cannot be had.

    ``programs`` maps program to import path; ``sums`` maps each Go module that
    carries the version to its checksum in go.sum; ``variables`` are set by the
    linker and may hold the placeholders of :class:`Asset` and ``{major}``,
    ``{minor}``; ``staging`` is the version of the modules that upstream keeps in
    its own tree; ``cgo`` is there if the programs have C or C++ in them;
    ``replaces`` repeats what upstream replaces in its own go.mod, which Go follows in
    the main module only: module -> ``MODULE VERSION``.
    """

    programs: dict[FileName, ImportPath]
    sums: dict[ImportPath, ModuleSum]
    cgo: Cgo | None = None
    replaces: dict[ImportPath, Replacement] = {}
    staging: Version | None = None
    tags: tuple[Text, ...] = ()
    variables: dict[Text, Text] = {}


class Local(Pin, frozen=True, kw_only=True):
    """Built from this repository, with other artifacts inside.

    ``files`` may hold the placeholders of :class:`Asset`; ``packages`` maps further
    programs of the payload to the Debian packages that hold them.
    """

    files: tuple[FileName, ...]
    packages: dict[FileName, Text] = {}
    payload: tuple[Name, ...]
    sources: Text


class ArtifactPin(Pin, frozen=True, kw_only=True):
    """One artifact: what roles ask for by name."""

    licence: Text
    version: Version
    local: Local | None = None
    module: Module | None = None
    release: dict[FileName, Asset] | None = None
    why: Text | None = None

    def files(self, arch: Arch, *, is_built: bool) -> list[str]:
        """Return the names of the files that one way of making it gives."""
        names: list[str] = []
        if self.local is not None:
            names = list(self.local.files)
        elif is_built and self.module is not None:
            names = list(self.module.programs)
        elif self.release is not None:
            names = released_files(self.release)
        return sorted(fill(name, self.version, arch) for name in names)


def released_files(release: Mapping[str, Asset]) -> list[str]:
    """Return the names of a release's files, placeholders unfilled."""
    return [
        file for name, asset in release.items() for file in (asset.members or [name])
    ]


class GoWheel(Pin, frozen=True, kw_only=True):
    """The Go toolchain as a Python wheel, for machines without one."""

    name: Text
    sha256: PerArch
    version: Annotated[str, Meta(pattern=r"^\d+\.\d+\.\d+$")]


class GoPin(Pin, frozen=True, kw_only=True):
    """The Go toolchain: the oldest that may build, and where to get one."""

    minimum: Annotated[str, Meta(pattern=r"^\d+\.\d+\.\d+$")]
    wheel: GoWheel


class DebianPin(Pin, frozen=True, kw_only=True):
    """The Debian release of the testbed's hosts; apt verifies its packages."""

    suite: Annotated[str, Meta(pattern=r"^[a-z]+$")]
    version: Annotated[str, Meta(pattern=r"^\d+$")]


class PythonPin(Pin, frozen=True, kw_only=True):
    """Python on the controller and on the testbed's hosts, as ``3.N``."""

    controller: tuple[Annotated[str, Meta(pattern=r"^3\.\d+$")], ...]
    hosts: Annotated[str, Meta(pattern=r"^3\.\d+$")]


class ChartPin(Pin, frozen=True, kw_only=True):
    """One Helm chart of the platform.

    ``repository`` is an index by HTTPS, or a registry without scheme as Argo CD
    names it; ``app`` is the version of the software that the chart installs.
    """

    app: Text
    chart: Annotated[str, Meta(pattern=r"^[a-z0-9-]+$")]
    repository: Annotated[
        str, Meta(pattern=r"^(https://)?[a-z0-9.-]+(/[a-z0-9._-]+)*$")
    ]
    version: ChartVersion
    why: Text | None = None


class CrdPin(Pin, frozen=True, kw_only=True):
    """Custom resource definitions, read out of the Go module that they belong to.

    ``folders`` are paths inside the module; every YAML file of them is read.
    """

    folders: tuple[Text, ...]
    module: ImportPath
    sum: Annotated[str, Meta(pattern=r"^h1:[A-Za-z0-9+/]{43}=$")]
    version: Version


class ImagePin(Pin, frozen=True, kw_only=True):
    """One container image that a manifest or a chart's values name."""

    digest: Digest
    repository: ImageName
    tag: ImageTag
    why: Text | None = None


class Pins(Pin, frozen=True, kw_only=True):
    """The whole of versions.yml."""

    artifacts: dict[Name, ArtifactPin]
    debian: DebianPin
    go: GoPin
    python: PythonPin
    charts: dict[Name, ChartPin] = {}
    crds: dict[Name, CrdPin] = {}
    images: dict[Name, ImagePin] = {}


@dataclass(frozen=True)
class Versions:
    """versions.yml as read, with the checkout that it belongs to."""

    path: Path
    pins: Pins

    @property
    def root(self) -> Path:
        """The checkout's folder, which holds ``tools/``."""
        return self.path.parent

    def artifact(self, name: str) -> ArtifactPin:
        """Return one artifact's pin.

        Raises:
            PinError: There is none of that name; the message lists the names.
        """
        pin = self.pins.artifacts.get(name)
        if pin is None:
            known = ", ".join(self.pins.artifacts)
            raise PinError(
                f"{self.path}: no artifact is named {name!r}",
                remedy=f"use one of: {known}",
            )
        return pin


def host_arch() -> Arch:
    """Return the architecture of this machine.

    Raises:
        PinError: It is neither of the two that the Forge pins.
    """
    machine = platform.machine()
    match machine:
        case "x86_64":
            return "amd64"
        case "aarch64" | "arm64":
            return "arm64"
    raise PinError(f"this machine is {machine}; artifacts exist for {ARCHES}")


def fill(template: str, version: str, arch: Arch, *, in_url: bool = False) -> str:
    """Replace the placeholders that :class:`Asset` and :class:`Module` name.

    Args:
        template: Text with placeholders in braces.
        version: As pinned, with its leading v.
        arch: Go's name of the architecture.
        in_url: Percent-encode the version, whose ``+`` a URL path must not show.
    """
    shown = quote(version, safe="") if in_url else version
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {
        "version": shown,
        "number": shown.removeprefix("v"),
        "major": major,
        "minor": minor,
        "arch": arch,
        "suffix": "" if arch == "amd64" else f"-{arch}",
    }
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)
