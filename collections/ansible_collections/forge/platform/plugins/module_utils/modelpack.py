# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests of models in OCI registries: made and read, without any input or output.

A manifest is made here, not by a tool, since its digest has to be the same on every
machine and in every year: no time, no owner, keys in order.

Source: https://github.com/modelpack/model-spec, version 0.0.7.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils.model_files import (
    DIGEST,
    File,
    ModelError,
    digest_of,
    safe_path,
)

IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MEDIA_TYPES = (IMAGE_MANIFEST, DOCKER_MANIFEST)
TITLE = "org.opencontainers.image.title"
VOCABULARIES = ("cncf", "cnai")  # the second is what Harbor's view of models knows
OLLAMA_MODEL = "application/vnd.ollama.image.model"
MANIFEST_MAX = 4 * 2**20  # bytes, as registries limit it
LAYERS_MAX = 10_000

WEIGHTS = frozenset({".gguf", ".safetensors", ".npz", ".bin", ".pt", ".pth"})
DOCUMENTS = frozenset({".md", ".rst", ".pdf"})
CODE = frozenset({".py", ".sh", ".ipynb"})
DOCUMENT_NAMES = ("license", "licence", "notice", "readme")


@dataclass(frozen=True)
class Layer:
    """One file inside an artifact."""

    path: str
    digest: str
    size: int
    media_type: str


@dataclass(frozen=True)
class Pack:
    """An artifact ready to be pushed: two small documents and the files' layers."""

    manifest: bytes
    config: bytes
    layers: tuple[Layer, ...]

    @property
    def digest(self) -> str:
        """The digest of the manifest, which is that of the artifact."""
        return digest_of(self.manifest)


def build(
    files: Mapping[str, File],
    about: Mapping[str, Any],
    vocabulary: str = "cncf",
) -> Pack:
    """Make the manifest of a model.

    Args:
        files: Path inside the model to digest and size; not empty.
        about: ``name``, ``version``, ``family``, ``licences``, ``architecture``,
            ``format``, ``param_size``, ``precision``, ``quantization``; each optional.
        vocabulary: One of ``VOCABULARIES``.
    """
    if not files:
        raise ModelError("a model has at least one file")
    names = sorted(files, key=str.encode)
    layers = tuple(
        Layer(
            safe_path(name),
            files[name].digest,
            files[name].size,
            f"application/vnd.{vocabulary}.model.{_kind(name)}.v1.raw",
        )
        for name in names
    )
    config = _json(
        {
            "descriptor": _given(
                about,
                {
                    "name": "name",
                    "version": "version",
                    "family": "family",
                    "licences": "licenses",
                },
            ),
            "config": _given(
                about,
                {
                    "architecture": "architecture",
                    "format": "format",
                    "param_size": "paramSize",
                    "precision": "precision",
                    "quantization": "quantization",
                },
            ),
            # Layers are not compressed, so what is stored is what is hashed.
            "modelfs": {
                "type": "layers",
                "diffIds": [layer.digest for layer in layers],
            },
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "artifactType": f"application/vnd.{vocabulary}.model.manifest.v1+json",
        "config": {
            "mediaType": f"application/vnd.{vocabulary}.model.config.v1+json",
            "digest": digest_of(config),
            "size": len(config),
        },
        "layers": [
            {
                "mediaType": layer.media_type,
                "digest": layer.digest,
                "size": layer.size,
                "annotations": {
                    TITLE: PurePosixPath(layer.path).name,
                    f"org.{vocabulary}.model.filepath": layer.path,
                },
            }
            for layer in layers
        ],
    }
    return Pack(_json(manifest), config, layers)


def read(data: bytes, name: str) -> tuple[Layer, ...]:
    """Return the files of a model that a manifest names.

    Args:
        data: The manifest's bytes, whose digest the caller has checked.
        name: What errors call it.

    Raises:
        ModelError: It is no manifest of a model whose layers are plain files.
    """
    document = _document(data, name)
    layers: dict[str, Layer] = {}
    for entry in document["layers"]:
        layer = _layer(entry, name)
        if layer is None:
            continue
        if layer.path in layers:
            raise ModelError(f"{name}: the file {layer.path} is there twice")
        layers[layer.path] = layer
    if not layers:
        raise ModelError(f"{name}: its manifest names no file")
    return tuple(layers.values())


def blobs(data: bytes, name: str) -> dict[str, int]:
    """Return digest to size of everything that a manifest refers to."""
    document = _document(data, name)
    entries = [*document["layers"], document.get("config") or {}]
    found = {}
    for entry in entries:
        digest, size = entry.get("digest"), entry.get("size")
        if not (_is_digest(digest) and _is_size(size)):
            raise ModelError(f"{name}: a layer without sound digest and size")
        found[digest] = size
    return found


def _document(data: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name}: the manifest is not JSON: {error}") from error
    layers = document.get("layers") if isinstance(document, dict) else None
    if (
        not isinstance(layers, list)
        or len(layers) > LAYERS_MAX
        or not all(isinstance(entry, dict) for entry in layers)
        or not isinstance(document.get("config") or {}, dict)
    ):
        raise ModelError(
            f"{name}: not the manifest of one artifact; an index has to be resolved to "
            "the manifest that it names"
        )
    return document


def _layer(entry: Mapping[str, Any], name: str) -> Layer | None:
    kind = entry.get("mediaType")
    given = entry.get("annotations")
    notes = given if isinstance(given, dict) else {}
    paths = [f"org.{each}.model.filepath" for each in VOCABULARIES] + [TITLE]
    path = next((notes[key] for key in paths if notes.get(key)), None)
    if (
        path is None
        and isinstance(kind, str)
        and kind.startswith("application/vnd.ollama")
    ):
        # Ollama names no files: the weights are the file, the rest is its own.
        if kind != OLLAMA_MODEL:
            return None
        path = "model.gguf"
    digest, size = entry.get("digest"), entry.get("size")
    if not (isinstance(path, str) and isinstance(kind, str)):
        raise ModelError(f"{name}: a layer without a path and a type")
    if kind.endswith((".tar", "+gzip", "+zstd")):
        raise ModelError(
            f"{name}: {path} is packed ({kind}); push the model with raw layers"
        )
    if not (_is_digest(digest) and _is_size(size)):
        raise ModelError(f"{name}: {path} has no sound digest and size")
    return Layer(safe_path(path), str(digest), int(str(size)), kind)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _kind(name: str) -> str:
    path = PurePosixPath(name)
    if path.suffix in WEIGHTS:
        return "weight"
    if path.suffix in DOCUMENTS or path.name.lower().startswith(DOCUMENT_NAMES):
        return "doc"
    return "code" if path.suffix in CODE else "weight.config"


def _given(about: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {theirs: about[ours] for ours, theirs in names.items() if about.get(ours)}


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
