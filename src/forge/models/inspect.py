"""What a model's files say, compared with what the inventory declares."""

import hashlib
from pathlib import Path

import msgspec

from forge.errors import InputError
from forge.models.geometry import Geometry
from forge.models.gguf import read_gguf
from forge.models.mlx import read_mlx
from forge.topology.model import MLX, OLLAMA, UNRESOLVED, Model


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What can be declared of a file or folder.

    Attributes:
        engine: Which engine serves it.
        digest: Of the file; for a folder, of the sorted list of its files' digests.
        size: Bytes of all files.
        kv_bytes_per_token: Bytes of keys and values of one token, all layers.
        architecture: The model's family.
        context: Longest context that it was trained for, 0 if not said.
    """

    engine: str
    digest: str
    size: int
    kv_bytes_per_token: int
    architecture: str
    context: int


def inspect(path: Path) -> Inspection:
    """Read a GGUF file, or a folder for MLX, whole.

    Raises:
        InputError: It cannot be read, or is neither.
    """
    try:
        if path.is_dir():
            listing, size = folder_listing(path)
            digest = hashlib.sha256(listing).hexdigest()
            return _inspection(MLX, digest, size, read_mlx(path))
        geometry = read_gguf(path)
        return _inspection(OLLAMA, _sha256(path), path.stat().st_size, geometry)
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}", remedy="name a GGUF file or a folder"
        ) from error


def folder_listing(folder: Path) -> tuple[bytes, int]:
    """Return the list of a folder's files that its digest is made of, and their size.

    The list is what ``sha256sum`` prints for the files by their paths inside the
    folder, sorted by the bytes of the paths; hidden files and folders are left out.
    """
    files = {}
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            files[inside.as_posix()] = path
    names = sorted(files, key=str.encode)
    text = "".join(f"{_sha256(files[name])}  {name}\n" for name in names)
    return text.encode(), sum(path.stat().st_size for path in files.values())


def differences(found: Inspection, model: Model) -> list[str]:
    """Return in what a declared model is not what its files say."""
    declared = {
        "engine": model.engine,
        "size": model.size,
        "kv_bytes_per_token": model.kv_bytes_per_token,
    }
    # A registry's digest is that of its manifest, which no file holds.
    if model.source_kind == "file" and model.digest != UNRESOLVED:
        declared["digest"] = model.digest
    lines = [
        f"{field} is {getattr(found, field)}, declared {value}"
        for field, value in declared.items()
        if getattr(found, field) != value
    ]
    if found.context and model.context > found.context:
        lines.append(f"context is {found.context} at most, declared {model.context}")
    return lines


def _inspection(engine: str, digest: str, size: int, geometry: Geometry) -> Inspection:
    return Inspection(
        engine=engine,
        digest=f"sha256:{digest}",
        size=size,
        kv_bytes_per_token=geometry.kv_bytes_per_token,
        architecture=geometry.architecture,
        context=geometry.context,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
