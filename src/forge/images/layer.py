"""The one layer of an image: a tar archive that its inputs alone decide.

Order, owners, modes and times are fixed, so that the same files give the same digest.
"""

import fnmatch
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Final

from forge.images.recipe import Recipe

# Debian's merged /usr, which its packages take for granted.
_MERGED: Final = ("bin", "sbin", "lib", "lib64")
_ACCOUNTS: Final = {
    "etc/passwd": (
        "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        "forge:x:65532:65532::/tmp:/usr/sbin/nologin\n"
        "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"
    ),
    "etc/group": "root:x:0:\nforge:x:65532:\nnogroup:x:65534:\n",
    # Names of Services are asked of DNS, those of the Pod are in /etc/hosts.
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_PROGRAMS: Final = "usr/local/bin"


class LayerError(ValueError):
    """The inputs do not give what the recipe names."""


def write(
    target: IO[bytes],
    recipe: Recipe,
    programs: Mapping[str, Path],
    packages: tarfile.TarFile | None,
) -> None:
    """Write the layer.

    Args:
        target: Where it goes.
        recipe: What is in it.
        programs: Name -> file, of the artifacts.
        packages: The unpacked packages, where the recipe names any.

    Raises:
        LayerError: A program or a kept path is nowhere, or a path comes twice.
    """
    entries = dict(_entries(recipe, programs))
    if packages is not None:
        entries = {**_kept(recipe, packages), **entries}
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info in _folders(recipe, entries):
            tar.addfile(info)
        for path in sorted(entries):
            _add(tar, path, entries[path], packages)


type Source = str | Path | PurePosixPath | tarfile.TarInfo  # text, file, link, member


def _entries(
    recipe: Recipe, programs: Mapping[str, Path]
) -> Iterator[tuple[str, Source]]:
    wanted = recipe.programs or sorted(programs)
    for name in wanted:
        if name not in programs:
            known = ", ".join(sorted(programs))
            raise LayerError(
                f"no artifact of it has a program {name} (there is {known})"
            )
        yield f"{_PROGRAMS}/{name}", programs[name]
    yield from _ACCOUNTS.items()
    yield from ((name, PurePosixPath(f"usr/{name}")) for name in _MERGED)
    for path, to in recipe.links.items():
        yield path.strip("/"), PurePosixPath(to)


def _kept(recipe: Recipe, packages: tarfile.TarFile) -> dict[str, Source]:
    """Return the members that a pattern names; each pattern must name one."""
    members = {
        member.name.removeprefix("./"): member
        for member in packages.getmembers()
        if member.isfile() or member.issym() or member.islnk()
    }
    found: dict[str, Source] = {}
    for pattern in recipe.keep:
        names = fnmatch.filter(members, pattern)
        if not names:
            raise LayerError(f"its packages have nothing that `{pattern}` matches")
        found |= {name: members[name] for name in names}
    return found


def _folders(recipe: Recipe, paths: Iterable[str]) -> Iterator[tarfile.TarInfo]:
    owned = {path.strip("/") for path in recipe.folders}
    names = {
        str(parent)
        for path in [*paths, *owned, "tmp/x"]
        for parent in [*PurePosixPath(path).parents][:-1]
    } | owned
    for name in sorted(names):
        info = tarfile.TarInfo(name)
        info.type = tarfile.DIRTYPE
        info.mode = 0o1777 if name == "tmp" else 0o755
        if name in owned:
            info.uid = info.gid = recipe.user
        yield info


def _add(
    tar: tarfile.TarFile, path: str, source: Source, packages: tarfile.TarFile | None
) -> None:
    info = tarfile.TarInfo(path)
    match source:
        case str():
            content = source.encode()
            info.size, info.mode = len(content), 0o644
            tar.addfile(info, io.BytesIO(content))
        case PurePosixPath() if not isinstance(source, Path):
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, str(source), 0o777
            tar.addfile(info)
        case Path():
            info.size, info.mode = source.stat().st_size, 0o755
            with source.open("rb") as stream:
                tar.addfile(info, stream)
        case tarfile.TarInfo():
            _add_member(tar, info, source, packages)


def _add_member(
    tar: tarfile.TarFile,
    info: tarfile.TarInfo,
    source: tarfile.TarInfo,
    packages: tarfile.TarFile | None,
) -> None:
    """Add a package's file or symbolic link; a hard link becomes a file of its own."""
    if source.issym():
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, source.linkname, 0o777
        tar.addfile(info)
        return
    stream = packages.extractfile(source) if packages else None
    if stream is None:
        raise LayerError(f"{source.name}: its archive has no content for it")
    info.mode = 0o755 if source.mode & 0o111 else 0o644
    info.size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    tar.addfile(info, stream)
