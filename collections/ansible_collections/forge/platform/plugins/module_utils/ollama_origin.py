# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a model of Ollama comes from, and how it gets into the engine.

Each origin answers the same questions: which weights the model must have, which blobs
that takes, and how they are brought. The engine's name for the model is set last, when
all of its bytes are there and checked: until then, what it served is served.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils import modelpack
from ansible_collections.forge.platform.plugins.module_utils.model_files import (
    ModelError,
    Progress,
    digest_of,
    hash_file,
    require_space,
    write_whole,
)
from ansible_collections.forge.platform.plugins.module_utils.oci_registry import (
    Registry,
    length,
)
from ansible_collections.forge.platform.plugins.module_utils.ollama_api import Ollama
from ansible_collections.forge.platform.plugins.module_utils.ollama_store import (
    Name,
    Store,
)


@dataclass
class Place:
    """The engine that a model is brought to.

    Attributes:
        work: Folder for downloads and manifests. It is not the engine's: whoever broke
            into that could lead a write of root's anywhere.
    """

    engine: Ollama
    store: Store
    work: Path
    progress: Progress


class Origin(ABC):
    """One origin of one model."""

    def __init__(self, place: Place, digest: str) -> None:
        """Take where the model goes, and the digest that it must have."""
        self.place, self.digest = place, digest

    @abstractmethod
    def weights(self) -> str | None:
        """Return the digest of the weights, None as long as only the origin knows."""

    @abstractmethod
    def bring(self, name: Name, parameters: dict[str, Any], damaged: list[str]) -> None:
        """Bring what is missing, then set the name.

        Args:
            name: The model's name in the engine.
            parameters: Its parameters.
            damaged: Digests of blobs of the present model that are not sound.

        Raises:
            ModelError: It does not fit, cannot be brought, or is another model.
        """

    def _make(
        self, name: Name, parameters: dict[str, Any], weights: str, damaged: list[str]
    ) -> None:
        """Make the model of weights that are there; its small blobs are made anew."""
        small = [digest for digest in damaged if digest != weights]
        with _set_aside(self.place.store, *small):
            files = {"model.gguf": weights}
            self.place.engine.create(name.short, parameters, files=files)


class FileOrigin(Origin):
    """A GGUF file on the host; the digest is the file's."""

    def __init__(self, place: Place, digest: str, path: Path) -> None:
        """Take the file, which is needed only when the model is not there."""
        super().__init__(place, digest)
        self._path = path

    def weights(self) -> str | None:
        """Return the declared digest."""
        return self.digest

    def bring(self, name: Name, parameters: dict[str, Any], damaged: list[str]) -> None:
        """Check the file, hand it over, make the model."""
        store, engine = self.place.store, self.place.engine
        if store.damaged({self.digest: _size(store, self.digest, self._path)}):
            if not self._path.is_file():
                raise ModelError(f"{self._path}: no such file; copy the model there")
            if (actual := hash_file(self._path)) != self.digest:
                raise ModelError(
                    f"{self._path}: has {actual}, but {self.digest} is declared; what "
                    "was served is untouched; copy the file again, or correct the "
                    "digest after comparing with its publisher"
                )
            size = length(self._path)
            require_space(store.folder, size, f"the model {name.short}")
            with _set_aside(store, self.digest):
                engine.give_blob(self._path, self.digest, self.place.progress)
        self._make(name, parameters, self.digest, damaged)


class ArtifactOrigin(Origin):
    """An artifact with one GGUF file; the digest is that of its manifest."""

    def __init__(self, place: Place, digest: str, registry: Registry) -> None:
        """Take the registry, which is needed only when the model is not there."""
        super().__init__(place, digest)
        self._registry = registry

    def weights(self) -> str | None:
        """Return what the kept manifest names, None if it was not read yet."""
        kept = _kept(self.place, self.digest)
        return None if kept is None else self._layer(kept).digest

    def bring(self, name: Name, parameters: dict[str, Any], damaged: list[str]) -> None:
        """Download the file beside the blobs, hand it over, make the model."""
        store = self.place.store
        manifest = _kept(self.place, self.digest) or self._registry.manifest(
            self.digest
        )
        layer = self._layer(manifest)
        missing = store.damaged({layer.digest: layer.size})
        _hand_over(self.place, self._registry, dict.fromkeys(missing, layer.size))
        self._make(name, parameters, layer.digest, damaged)
        _keep(self.place, manifest)

    def _layer(self, manifest: bytes) -> modelpack.Layer:
        layers = modelpack.read(manifest, self.digest)
        found = [layer for layer in layers if layer.path.endswith(".gguf")]
        if len(found) != 1:
            raise ModelError(
                f"{self.digest}: holds {len(found)} GGUF files; an artifact for Ollama "
                "has one"
            )
        return found[0]


class RegistryOrigin(Origin):
    """A model of Ollama's own registry, or of one like it; digest of its manifest."""

    def __init__(
        self, place: Place, digest: str, name: Name, registry: Registry, *, plain: bool
    ) -> None:
        """Take the name that the registry has for the model."""
        super().__init__(place, digest)
        self._name, self._registry, self._plain = name, registry, plain

    def weights(self) -> str | None:
        """Return what the kept manifest names, None if it was not read yet."""
        kept = _kept(self.place, self.digest)
        return None if kept is None else self._layer(kept)

    def bring(self, name: Name, parameters: dict[str, Any], damaged: list[str]) -> None:
        """Bring the blobs, have the engine set the registry's name, then set ours."""
        store, engine = self.place.store, self.place.engine
        if name == self._name:
            raise ModelError(
                f"{name.short}: a pull would replace the model that is served before "
                "its digest is checked; give the model a name of its own"
            )
        # The tag is asked first: another model behind it is refused unpulled.
        manifest = self._registry.manifest(self._name.tag)
        if (actual := digest_of(manifest)) != self.digest:
            raise ModelError(
                f"{self._name.short}: the registry has {actual} there, but "
                f"{self.digest} is declared; nothing was pulled, what was served is "
                "untouched; see why the tag moved before changing the digest"
            )
        blobs = modelpack.blobs(manifest, self._name.short)
        had = store.read(self._name) is not None
        missing = {*damaged, *store.damaged(blobs)} & blobs.keys()
        needed = {digest: blobs[digest] for digest in missing}
        _hand_over(self.place, self._registry, needed)
        # All blobs are there, so that this sets the registry's name and no more. The
        # engine's own download would begin again after its restart, and works with
        # registries alone that send it elsewhere for the bytes.
        self._pull()
        pulled = store.read(self._name)
        if pulled is None or pulled.blobs != blobs:
            raise ModelError(
                f"{self._name.short}: the tag moved while it was pulled; what was "
                "served is untouched; run again"
            )
        if parameters:
            engine.create(name.short, parameters, **{"from": self._name.short})
        else:
            engine.copy(self._name.short, name.short)
        if not had:
            engine.delete(self._name.short)
        _keep(self.place, manifest)

    def _pull(self) -> None:
        scheme = "http://" if self._plain else ""
        engine, progress = self.place.engine, self.place.progress
        name = f"{scheme}{self._name.host}/{self._name.repository}:{self._name.tag}"
        engine.pull(name, insecure=self._plain, progress=progress)

    def _layer(self, manifest: bytes) -> str:
        layers = modelpack.read(manifest, self._name.short)
        found = [each for each in layers if each.media_type == modelpack.OLLAMA_MODEL]
        if len(found) != 1:
            raise ModelError(f"{self._name.short}: has {len(found)} files of weights")
        return found[0].digest


def _hand_over(place: Place, registry: Registry, blobs: dict[str, int]) -> None:
    """Download blobs beside the engine's and hand each of them over.

    Args:
        place: The engine.
        registry: Where they are.
        blobs: Digest to size.

    Raises:
        ModelError: They do not fit, or cannot be brought; what arrived is kept.
    """
    if not blobs:
        return
    folder = place.work / "partial"
    place.work.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True)
    parts = {digest: folder / digest.replace(":", "-") for digest in blobs}
    begun = sum(length(part) for part in parts.values())
    # The engine copies what it is given: one blob is there twice for a moment.
    total, twice = sum(blobs.values()), max(max(blobs.values()) - begun, 0)
    store = place.store.folder
    if folder.stat().st_dev == store.stat().st_dev:
        require_space(store, total + twice, "the model, its largest file twice,")
    else:
        require_space(store, total, "the model")
        require_space(folder, twice, "the largest file of the model")
    for digest, size in blobs.items():
        registry.download(digest, size, parts[digest], place.progress)
        with _set_aside(place.store, digest):
            place.engine.give_blob(parts[digest], digest, place.progress)
        parts[digest].unlink()


class _set_aside:  # noqa: N801 - used as a function
    """Take damaged blobs out of the engine's sight, back in if nothing replaces them.

    The engine looks at a blob's name alone: while a damaged one is there, it says that
    it has it, and pulls and takes nothing. Under another name in the same folder it is
    of no use to the engine, which removes such files at its next start.
    """

    def __init__(self, store: Store, *digests: str) -> None:
        self._blobs = [store.blob(digest) for digest in digests]

    def __enter__(self) -> None:
        for path in self._blobs:
            if path.exists():
                path.rename(_aside(path))

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for path in self._blobs:
            aside = _aside(path)
            if kind is not None and aside.exists() and not path.exists():
                aside.rename(path)
            aside.unlink(missing_ok=True)


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}-damaged")


def _size(store: Store, digest: str, path: Path) -> int:
    """Return the size that a blob must have, from its file if that is there."""
    return length(path) if path.is_file() else length(store.blob(digest))


def _kept_path(place: Place, digest: str) -> Path:
    return place.work / "manifests" / digest.replace(":", "-")


def _kept(place: Place, digest: str) -> bytes | None:
    """Return a manifest of an earlier run, None if it is not there or not the same."""
    try:
        data = _kept_path(place, digest).read_bytes()
    except OSError:
        return None
    return data if digest_of(data) == digest else None


def _keep(place: Place, manifest: bytes) -> None:
    write_whole(_kept_path(place, digest_of(manifest)), manifest)
