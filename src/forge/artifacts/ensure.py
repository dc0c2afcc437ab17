"""Bring one artifact: from the cache, the release, the Go module or this checkout.

The order is fixed: a cached entry of exactly this pin; else the upstream release,
if its digests are known and the network leads there; else the build from the Go
module. Which way was taken is in ``artifact.json`` and in the answer.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from clawlaw.core.canonical import Json, digest
from forge.artifacts import cgo, debian, gobuild, gomod, release, standin, toolchain
from forge.artifacts.cache import Cache, Entry, Key, Source, sha256_of
from forge.artifacts.errors import (
    BuildError,
    DamagedError,
    UnreachableError,
    UnresolvedError,
)
from forge.artifacts.pins import (
    UNRESOLVED,
    Arch,
    ArtifactPin,
    Asset,
    Module,
    Versions,
    fill,
)
from forge.artifacts.progress import SILENT, Progress

_DATA_SUFFIXES = (".tar", ".gz", ".tgz", ".zst")  # data; all else is a program


@dataclass(frozen=True)
class Artifact:
    """One artifact on this machine, whose files have just been checked.

    Attributes:
        source: ``release``, ``go`` or ``local``.
        files: File name -> path in the cache; not to be changed.
        sha256: File name -> digest, hex.
        built_with: What made the files, for reports.
        is_new: Whether this call fetched or built it.
    """

    name: str
    version: str
    arch: Arch
    licence: str
    source: Source
    files: dict[str, Path]
    sha256: dict[str, str]
    built_with: str
    is_new: bool


@dataclass(frozen=True)
class Plan:
    """What :func:`ensure` would do, found without changing anything.

    Attributes:
        artifact: The cached artifact, or ``None`` if it has to be made.
        path: The folder that it has or would have.
        source: Where its files came or would come from; a release that turns out to
            be unreachable is built instead if it can be.
        files: File name -> path that it has or would have.
        damage: What is wrong with the cached entry, if it has to be made again.
    """

    artifact: Artifact | None
    path: Path
    source: Source
    files: dict[str, Path]
    damage: str | None = None


def ensure(
    name: str,
    arch: Arch,
    *,
    versions: Versions,
    cache: Cache,
    progress: Progress = SILENT,
) -> Artifact:
    """Return an artifact, fetching or building it if it is not cached.

    Args:
        name: Its name in versions.yml.
        arch: What its programs run on.
        versions: The pins, with the checkout that holds ``tools/``.
        cache: Where it is kept; runs on one machine may share it.
        progress: Told of long steps, and why a fallback was taken.

    Raises:
        PinError: There is no such artifact, or its pins contradict each other.
        UnresolvedError: Its release digest is ``unresolved`` and it has no module.
        UnreachableError: The network refuses the release and it has no module.
        ChecksumError: The release is not the pinned one.
        DownloadError: The release is not there, or the connection was lost.
        ToolchainError: It has to be built and there is no Go.
        BuildError: It does not build.
        CacheError: The cache cannot be written.
    """
    pin = versions.artifact(name)
    key = key_of(name, arch, versions)

    job = _Job(name, pin, arch, versions, cache, progress)
    entry, is_new = cache.obtain(key, job.make, progress)
    return _artifact(entry, pin, arch, is_new=is_new)


def plan(name: str, arch: Arch, *, versions: Versions, cache: Cache) -> Plan:
    """Say what :func:`ensure` would do; the network is not asked.

    Raises:
        PinError: As for :func:`ensure`.
        UnresolvedError: As for :func:`ensure`, if it is not cached.
    """
    pin = versions.artifact(name)
    key = key_of(name, arch, versions)
    damage = None
    try:
        entry = cache.find(key)
    except DamagedError as error:
        entry, damage = None, error.what
    if entry is not None:
        found = _artifact(entry, pin, arch, is_new=False)
        return Plan(found, entry.path, found.source, found.files)
    source = _first_source(name, pin, arch, versions)
    path = cache.path(key)
    files = {file: path / file for file in pin.files(arch, is_built=source == "go")}
    return Plan(None, path, source, files, damage)


def resolve_k3s(versions: Versions, cache: Cache, arch: Arch) -> str:
    """Choose what the testbed runs: ``k3s``, or ``k3s_standin`` if it must.

    K3s needs resolved digests, and either a cached copy or a network that leads to
    its release.
    """
    pin = versions.artifact("k3s")
    try:
        if plan("k3s", arch, versions=versions, cache=cache).artifact is not None:
            return "k3s"
    except UnresolvedError:
        return "k3s_standin"
    assets = pin.release or {}
    urls = [
        fill(asset.url, pin.version, arch, in_url=True) for asset in assets.values()
    ]
    return "k3s" if all(map(release.is_reachable, urls)) else "k3s_standin"


def key_of(name: str, arch: Arch, versions: Versions) -> Key:
    """Return the cache key: a digest over everything that decides the files."""
    pin = versions.artifact(name)
    parts: dict[str, Json] = {"release": None, "module": None, "local": None}
    if pin.release is not None:
        parts["release"] = [
            [
                fill(file, pin.version, arch),
                asset.url,
                asset.sha256.of(arch),
                *(f"{new}={old}" for new, old in sorted(asset.members.items())),
            ]
            for file, asset in sorted(pin.release.items())
        ]
    if pin.module is not None:
        parts["module"] = {
            **_with_cgo(pin.module, arch),
            "go": versions.pins.go.minimum,
            "recipe": gobuild.RECIPE,
            "files": _tree(_part(name, versions)),
        }
    if pin.local is not None:
        own = Path(__file__).parent
        parts["local"] = {
            "sources": _tree(versions.root / pin.local.sources),
            "builder": {path.name: sha256_of(path) for path in own.glob("standin*.py")},
            "packages": dict(pin.local.packages),
            "payload": [
                key_of(part, arch, versions).digest for part in pin.local.payload
            ],
            "go": versions.pins.go.minimum,
            "recipe": gobuild.RECIPE,
        }
    return Key(name=name, version=pin.version, arch=arch, digest=digest(parts))


def _with_cgo(module: Module, arch: Arch) -> dict[str, Json]:
    """Return the module's part of a key; what a pin does not use is not in it."""
    pinned = msgspec.to_builtins(module)
    if not module.replaces:
        del pinned["replaces"]
    if module.cgo is None:
        del pinned["cgo"]
        return {"pin": pinned}
    return {"pin": pinned, "cpu": list(cgo.instructions(module.cgo, arch))}


def is_resolved(pin: ArtifactPin, arch: Arch) -> bool:
    """Return whether every file of the release has a known digest."""
    assets = (pin.release or {}).values()
    return bool(assets) and all(a.sha256.of(arch) != UNRESOLVED for a in assets)


def _part(name: str, versions: Versions) -> Path:
    return versions.root / "tools" / name


def _tree(folder: Path) -> dict[str, Json]:
    """Return the digest of each file below a folder that can decide a build."""
    return {
        str(path.relative_to(folder)): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _first_source(
    name: str, pin: ArtifactPin, arch: Arch, versions: Versions
) -> Source:
    if pin.local is not None:
        return "local"
    if is_resolved(pin, arch):
        return "release"
    if pin.module is not None:
        return "go"
    files = [
        fill(file, pin.version, arch)
        for file, asset in (pin.release or {}).items()
        if asset.sha256.of(arch) == UNRESOLVED
    ]
    raise UnresolvedError(
        f"artifact {name} {pin.version} {arch}: the sha256 of {', '.join(files)} is "
        f"unresolved in {versions.path}, and there is no Go module to build it from",
        remedy="run `make pins` where the network leads to the release, review the "
        "diff, commit it",
    )


@dataclass(frozen=True)
class _Job:
    """One artifact to be made, with everything that making it takes."""

    name: str
    pin: ArtifactPin
    arch: Arch
    versions: Versions
    cache: Cache
    progress: Progress

    def __str__(self) -> str:
        return f"{self.name} {self.pin.version} {self.arch}"

    def make(self, folder: Path) -> tuple[Source, str]:
        """Put the files into ``folder``; say what made them."""
        source, built_with = self._from_somewhere(folder)
        found = sorted(str(path.relative_to(folder)) for path in _files(folder))
        expected = self.pin.files(self.arch, is_built=source == "go")
        if found != expected:
            raise BuildError(
                f"{self}: made {', '.join(found) or 'nothing'}; versions.yml says "
                f"{', '.join(expected)}"
            )
        _set_modes(folder)
        return source, built_with

    def _from_somewhere(self, folder: Path) -> tuple[Source, str]:
        source = _first_source(self.name, self.pin, self.arch, self.versions)
        reason = "the release's digest is unresolved"
        if source == "local":
            return source, self._build_local(folder)
        if source == "release":
            try:
                return source, self._fetch(folder)
            except UnreachableError as error:
                if self.pin.module is None:
                    raise UnreachableError(
                        f"artifact {self}: {error.what}",
                        remedy="fetch it where the network leads to the release, and "
                        f"copy {self.cache.root} from there",
                    ) from error
                reason = f"the release is not reachable ({error.what})"
        self.progress.note(f"{self}: {reason}; building its Go module")
        return "go", self._build(folder)

    def _fetch(self, folder: Path) -> str:
        urls = []
        for template, asset in (self.pin.release or {}).items():
            url = fill(asset.url, self.pin.version, self.arch, in_url=True)
            sha256 = asset.sha256.of(self.arch)
            with self.cache.downloading(sha256, self.progress) as partial:
                release.download(url, partial, sha256=sha256, progress=self.progress)
                self._place(partial, template, asset, folder)
            urls.append(url)
        return " ".join(urls)

    def _place(self, partial: Path, template: str, asset: Asset, folder: Path) -> None:
        version, arch = self.pin.version, self.arch
        if not asset.members:
            shutil.move(partial, folder / fill(template, version, arch))
            return
        members = {
            name: fill(member, version, arch) for name, member in asset.members.items()
        }
        release.unpack(partial, members, folder)
        partial.unlink()

    def _toolchain(self) -> toolchain.Toolchain:
        return toolchain.find(self.versions.pins.go, self.cache, progress=self.progress)

    def _build(self, folder: Path) -> str:
        module = self.pin.module
        if module is None:
            raise AssertionError("the caller chose the module")
        gomod.require_current(self.name, self.versions)
        go = self._toolchain()
        tools = [f"go {go.version}"]
        with TemporaryDirectory() as scratch:
            environment: dict[str, str] = {}
            if module.cgo is not None:
                ready = cgo.prepare(module.cgo, self.arch, Path(scratch), go)
                environment = ready.environment
                tools.append(ready.built_with)
            gobuild.build(
                module.programs,
                module=_part(self.name, self.versions),
                out=folder,
                go=go,
                arch=self.arch,
                tags=module.tags,
                variables={
                    variable: fill(value, self.pin.version, self.arch)
                    for variable, value in module.variables.items()
                },
                cgo=environment,
                progress=self.progress,
                label=str(self),
            )
        return ", ".join(tools)

    def _build_local(self, folder: Path) -> str:
        local = self.pin.local
        if local is None:
            raise AssertionError("the caller chose the local build")
        payload: dict[str, Path] = {}
        for part in local.payload:
            payload |= ensure(
                part,
                self.arch,
                versions=self.versions,
                cache=self.cache,
                progress=self.progress,
            ).files
        go = self._toolchain()
        self.progress.note(f"{self}: building it from this checkout")
        tools = [f"go {go.version}"]
        with TemporaryDirectory() as scratch:
            for program, package in local.packages.items():
                payload[program], made = debian.program(
                    package, program, self.arch, Path(scratch)
                )
                tools.append(made)
            standin.build(
                payload,
                folder,
                version=self.pin.version,
                arch=self.arch,
                go=str(go.go),
                source=self.versions.root / local.sources,
            )
        return ", ".join(tools)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _set_modes(folder: Path) -> None:
    for path in _files(folder):
        path.chmod(0o644 if path.suffix in _DATA_SUFFIXES else 0o755)


def _artifact(entry: Entry, pin: ArtifactPin, arch: Arch, *, is_new: bool) -> Artifact:
    return Artifact(
        name=entry.manifest.name,
        version=entry.manifest.version,
        arch=arch,
        licence=pin.licence,
        source=entry.manifest.source,
        files=entry.files,
        sha256=dict(entry.manifest.files),
        built_with=entry.manifest.built_with,
        is_new=is_new,
    )
