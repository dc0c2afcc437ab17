# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the files of a model into a folder, from another folder or a registry.

Whatever the origin, there is one document whose digest is the model's: the manifest of
an artifact, or the list of a folder's files. It is kept beside the files as
``.forge-manifest``, so that a later run can check everything without the origin.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.forge.platform.plugins.module_utils import modelpack
from ansible_collections.forge.platform.plugins.module_utils.model_files import (
    STEP,
    File,
    ModelError,
    Progress,
    damage,
    digest_of,
    folder_files,
    hash_file,
    listing,
    parse_listing,
    require_space,
    safe_path,
    sync_folder,
    write_whole,
)
from ansible_collections.forge.platform.plugins.module_utils.oci_registry import (
    Registry,
    length,
)

MANIFEST = ".forge-manifest"
READABLE = 0o644  # the engine's user reads, and never writes

# Brings one file: path inside the model, what it must be, where to.
type Fetch = Callable[[str, File, Path], None]


@dataclass(frozen=True)
class Wanted:
    """What a folder has to hold.

    Attributes:
        manifest: The document with the model's digest.
        files: Path to what each file must be.
        fetch: Brings one of them.
    """

    manifest: bytes
    files: Mapping[str, File]
    fetch: Fetch


def from_registry(registry: Registry, digest: str, progress: Progress) -> Wanted:
    """Return what an artifact holds; its manifest is read and checked."""
    manifest = registry.manifest(digest)
    layers = {layer.path: layer for layer in modelpack.read(manifest, digest)}

    def fetch(_: str, file: File, target: Path) -> None:
        registry.download(file.digest, file.size, target, progress)

    files = {path: File(each.digest, each.size) for path, each in layers.items()}
    return Wanted(manifest, files, fetch)


def from_folder(folder: Path, digest: str, progress: Progress) -> Wanted:
    """Return what a folder holds; every file is read and the whole is checked.

    Raises:
        ModelError: There is no folder, or its files are not those of the digest.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such folder; copy the model there first")
    names = [safe_path(name) for name in folder_files(folder)]
    sizes = {name: (folder / name).stat().st_size for name in names}
    files = {name: File(hash_file(folder / name), sizes[name]) for name in sizes}
    manifest = listing({name: file.digest for name, file in files.items()})
    if digest_of(manifest) != digest:
        raise ModelError(
            f"{folder}: its files have {digest_of(manifest)}, declared is {digest}; "
            "nothing was replaced; copy the model again, or correct the digest after "
            "comparing with its publisher"
        )

    def fetch(name: str, file: File, target: Path) -> None:
        tell = progress.begin(name, file.size)
        done = 0
        with (folder / name).open("rb") as source, target.open("wb") as copy:
            while block := source.read(STEP):
                copy.write(block)
                tell(done := done + len(block))
        if (actual := hash_file(target)) != file.digest:
            target.unlink()
            raise ModelError(f"{folder / name}: changed while it was read, {actual}")

    return Wanted(manifest, files, fetch)


def installed(folder: Path, digest: str) -> dict[str, str] | None:
    """Return the files that a folder was made to hold: path to digest.

    Returns:
        None if it holds another model or none.
    """
    try:
        manifest = (folder / MANIFEST).read_bytes()
    except OSError:
        return None
    if digest_of(manifest) != digest:
        return None
    if manifest.startswith(b"{"):
        layers = modelpack.read(manifest, str(folder))
        return {layer.path: layer.digest for layer in layers}
    return parse_listing(manifest)


def flaws(folder: Path, digest: str) -> dict[str, str]:
    """Return what keeps a folder from holding a model: path to reason."""
    files = installed(folder, digest)
    if files is None:
        return {str(folder): f"does not hold {digest}"}
    return damage(folder, files)


def fill(folder: Path, wanted: Wanted, sound: Path | None = None) -> int:
    """Make a folder hold exactly a model; a killed run is gone on with.

    Args:
        folder: Where; what is right in it already stays.
        wanted: The model.
        sound: A folder whose files may be taken where they are the same.

    Returns:
        The bytes that were missing.

    Raises:
        ModelError: They do not fit on the disk, or cannot be brought.
    """
    parts = folder / ".forge-partial"
    missing = {
        name: file
        for name, file in wanted.files.items()
        if not _is_there(folder / name, file)
        and not _linked(folder / name, file, sound / name if sound else None)
    }
    needed = sum(file.size for file in missing.values())
    begun = sum(length(parts / _hex(file.digest)) for file in missing.values())
    if missing:
        require_space(folder, needed - begun, f"the model in {folder.name}")
    parts.mkdir(parents=True, exist_ok=True)
    for name, file in missing.items():
        part = parts / _hex(file.digest)
        wanted.fetch(name, file, part)
        _place(part, folder / name)
    for name in [*folder_files(folder)]:
        if name not in wanted.files:
            (folder / name).unlink()
    write_whole(folder / MANIFEST, wanted.manifest)
    (folder / MANIFEST).chmod(READABLE)
    shutil.rmtree(parts)
    sync_folder(folder)
    return needed


def _is_there(path: Path, file: File) -> bool:
    return (
        path.is_file() and length(path) == file.size and hash_file(path) == file.digest
    )


def _linked(target: Path, file: File, source: Path | None) -> bool:
    """Take a file of the previous version: the same bytes need no second copy."""
    if source is None or not _is_there(source, file):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    os.link(source, target)
    return True


def _place(part: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part.chmod(READABLE)
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(target)


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
