"""An image as one file: an OCI image layout in a tar archive.

Source: OCI image specification v1.1, image-layout.md, manifest.md and config.md. The
annotation ``io.containerd.image.name`` is containerd's: the name under which an
import keeps the image.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from forge.artifacts.pins import Arch

_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
_EPOCH: Final = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Settings:
    """What a container of the image starts as."""

    entrypoint: Sequence[str]
    user: int
    environment: Mapping[str, str]
    labels: Mapping[str, str]


def write(
    target: Path, reference: str, arch: Arch, layer: Path, settings: Settings
) -> str:
    """Write the archive.

    Args:
        target: The file to make.
        reference: The image's whole name, such as ``forge.local/registry:v3.1.2``.
        arch: What its programs run on.
        layer: The one layer, an uncompressed tar archive.
        settings: What its containers start as.

    Returns:
        The manifest's digest, ``sha256:`` and hex.
    """
    with layer.open("rb") as stream:
        layer_digest = hashlib.file_digest(stream, "sha256").hexdigest()
    size = layer.stat().st_size
    config = _json(_config(arch, layer_digest, settings))
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [
                {"mediaType": _LAYER, "digest": f"sha256:{layer_digest}", "size": size}
            ],
        }
    )
    described = _descriptor(_MANIFEST, manifest) | {
        "platform": {"architecture": arch, "os": "linux"},
        "annotations": {
            "io.containerd.image.name": reference,
            "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
        },
    }
    index = _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [described]})
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(tar, "index.json", index)
        _add(tar, f"blobs/sha256/{_sha256(config)}", config)
        _add(tar, f"blobs/sha256/{_sha256(manifest)}", manifest)
        info = tarfile.TarInfo(f"blobs/sha256/{layer_digest}")
        info.size = size
        with layer.open("rb") as stream:
            tar.addfile(info, stream)
    return f"sha256:{_sha256(manifest)}"


def digest_of(archive: Path) -> str:
    """Return the digest of an archive's only manifest, as its index has it."""
    with tarfile.open(archive) as tar:
        stream = tar.extractfile("index.json")
        if stream is None:
            raise ValueError(f"{archive}: index.json is no file")
        (manifest,) = json.load(stream)["manifests"]
    return str(manifest["digest"])


def _config(arch: Arch, layer: str, settings: Settings) -> dict[str, Any]:
    path = {"PATH": "/usr/local/bin:/usr/bin:/usr/sbin", "HOME": "/tmp"}  # noqa: S108 - inside the image
    variables = {**path, **settings.environment}
    return {
        "architecture": arch,
        "os": "linux",
        "created": _EPOCH,
        "config": {
            "Entrypoint": list(settings.entrypoint),
            "Env": [f"{name}={value}" for name, value in sorted(variables.items())],
            "Labels": dict(sorted(settings.labels.items())),
            "User": f"{settings.user}:{settings.user}",
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
    }


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {
        "mediaType": kind,
        "digest": f"sha256:{_sha256(content)}",
        "size": len(content),
    }


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
