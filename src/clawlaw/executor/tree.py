"""The writable trees before and after: what is secret in them, and what changed.

One walk, links not followed, everything by its own descriptor. A file that holds a
secret is hidden under each of its names; a tree too large to be looked through is
refused rather than shown unseen.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from clawlaw.executor.bounds import KEPT_NAMES, is_secret_name
from clawlaw.executor.host import SandboxError

MAX_ENTRIES: Final = 400_000  # files and directories of all writable trees
MAX_DIGESTS: Final = 1024  # files of one outcome, as the gate takes them
MAX_DIGEST_BYTES: Final = 1 << 30  # read for digests after one action

# Device, inode, size, change time: the last cannot be set by a program.
type Mark = tuple[int, int, int, int]


class Tree(Struct):
    """What one walk saw.

    Attributes:
        files: Mark of every file and link, by path.
        secrets: Files and directories that are secret by their names.
        kept: Files and directories that stay read only.
        absent: Names that would, and are not there.
        repositories: Directories that hold a `.git` directory.
    """

    files: dict[str, Mark]
    secrets: list[str]
    kept: list[str]
    absent: list[str]
    repositories: list[str]


def scan(
    roots: tuple[str, ...],
    more_secrets: tuple[str, ...] = (),
    limit: int = MAX_ENTRIES,
) -> Tree:
    """Look through writable trees.

    Args:
        roots: Absolute, without links.
        more_secrets: Patterns of further names that hold secrets.
        limit: Entries in all.

    Raises:
        SandboxError: There are more.
    """
    tree = Tree({}, [], [], [], [])
    shared: dict[tuple[int, int], list[str]] = {}
    hidden: set[tuple[int, int]] = set()
    count = 0
    for path, name, seen in _walk(roots):
        count += 1
        if count > limit:
            raise SandboxError(
                f"{', '.join(roots)}: more than {limit} files and directories",
                "give the agent a smaller workspace, or take build products out of it",
            )
        is_directory = stat.S_ISDIR(seen.st_mode)
        secret = is_secret_name(name, more_secrets)
        if secret and not stat.S_ISLNK(seen.st_mode):
            tree.secrets.append(path)
        if is_directory:
            if name == ".git":
                tree.repositories.append(os.path.dirname(path))  # noqa: PTH120  # text
            continue
        tree.files[path] = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_ctime_ns)
        if seen.st_nlink > 1:
            shared.setdefault((seen.st_dev, seen.st_ino), []).append(path)
            if secret:
                hidden.add((seen.st_dev, seen.st_ino))
    for identity in hidden:  # the same file under an innocent name
        tree.secrets += [p for p in shared[identity] if p not in tree.secrets]
    for path in _kept(roots, tree.repositories):
        (tree.kept if os.path.lexists(path) else tree.absent).append(path)
    return tree


def _walk(roots: tuple[str, ...]) -> Iterator[tuple[str, str, os.stat_result]]:
    todo = list(roots)
    while todo:
        folder = todo.pop()
        try:
            entries = os.scandir(folder)
        except NotADirectoryError:
            seen = os.lstat(folder)
            yield folder, folder.rpartition("/")[2], seen
            continue
        except OSError:
            continue  # closed to the executor, so to the command
        with entries:
            for entry in entries:
                try:
                    seen = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                yield entry.path, entry.name, seen
                if stat.S_ISDIR(seen.st_mode):
                    todo.append(entry.path)


def _kept(roots: tuple[str, ...], repositories: list[str]) -> list[str]:
    """What another program would obey later, where its directory is there."""
    places = {*roots, *repositories}
    found = {f"{place}/{name}" for place in places for name in KEPT_NAMES}
    return sorted(path for path in found if os.path.isdir(path.rpartition("/")[0]))  # noqa: PTH112  # text


def changes(before: Tree, after: Tree) -> list[tuple[str, str]]:
    """Files that were written or removed, with digests.

    Returns:
        At most `MAX_DIGESTS` pairs of path and "sha256:..."; "" for what is gone; what
        could not be read, or was beyond `MAX_DIGEST_BYTES`, is "unread".
    """
    gone = [path for path in before.files if path not in after.files]
    new = [path for path, mark in after.files.items() if before.files.get(path) != mark]
    budget = MAX_DIGEST_BYTES
    found = [(path, "") for path in sorted(gone)]
    for path in sorted(new):
        size = after.files[path][2]
        budget -= size
        found.append((path, digest(path) if budget >= 0 else "unread"))
    return found[:MAX_DIGESTS]


def digest(path: str) -> str:
    """Digest of a file's bytes, or of a link's text; "unread" where that fails."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return _link(path)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return "unread"
        whole = hashlib.sha256()
        while data := os.read(fd, 1 << 20):
            whole.update(data)
        return f"sha256:{whole.hexdigest()}"
    except OSError:
        return "unread"
    finally:
        os.close(fd)


def _link(path: str) -> str:
    try:
        text = os.readlink(path)  # noqa: PTH115  # text, undecodable names too
    except OSError:
        return "unread"
    return "sha256:" + hashlib.sha256(os.fsencode(text)).hexdigest()
