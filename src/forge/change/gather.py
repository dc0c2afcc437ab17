"""Reads what a plan is made from: the checkout, the installed Ansible, extra vars.

What can run on a host, or be copied to one, is in some digest here: all files of the
folders below, whether git knows them or not, but for compiled Python, which is made
from its source. RECORD files say which releases are installed, not that nobody edited
them afterwards.
"""

import hmac
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import file_digest, sha256
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from clawlaw.core.canonical import Json, canonical_json, digest
from forge.change.snapshot import Surroundings
from forge.errors import InputError
from forge.topology.load import listing, load_versions

VERSIONS = "versions.yml"
PLAYBOOKS = "playbooks"
# Folders whose entries are told apart in the effects table.
PARTED = ("policies", "roles", "src")
WHOLE = (
    "ansible.cfg",
    "collections",
    "gitops",
    PLAYBOOKS,
    "plugins",
    "requirements",
    "requirements.yml",
    "testbed",
    "tools",
)
_SKIPPED = frozenset({"__pycache__", ".git", ".ansible", ".mypy_cache", ".ruff_cache"})
_COMPILED = (".pyc", ".pyo")
_ROOTS = ("ansible", "ansible-core", "ansible-runner")
_OWN = frozenset({"forge", "clawlaw"})  # editable; their code is in the tree
# What makes Ansible take code or trust from elsewhere than ansible.cfg says.
ENVIRONMENT = (
    "ANSIBLE_ACTION_PLUGINS",
    "ANSIBLE_BECOME_PLUGINS",
    "ANSIBLE_COLLECTIONS_PATH",
    "ANSIBLE_CONFIG",
    "ANSIBLE_CONNECTION_PLUGINS",
    "ANSIBLE_FILTER_PLUGINS",
    "ANSIBLE_HOST_KEY_CHECKING",
    "ANSIBLE_INVENTORY_PLUGINS",
    "ANSIBLE_LIBRARY",
    "ANSIBLE_LOOKUP_PLUGINS",
    "ANSIBLE_MODULE_UTILS",
    "ANSIBLE_ROLES_PATH",
    "ANSIBLE_SSH_ARGS",
    "ANSIBLE_STRATEGY_PLUGINS",
    "ANSIBLE_TEST_PLUGINS",
    "ANSIBLE_VARS_PLUGINS",
)
_REQUIREMENT = re.compile(r"^[A-Za-z0-9._-]+")


def surroundings(
    root: Path,
    *,
    key: bytes,
    extra_vars: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
) -> Surroundings:
    """Read everything that a plan is made from, but for the inventory.

    Args:
        root: Of the checkout.
        key: For the digest of the extra vars, which may hold secrets.
        extra_vars: As given with ``-e``: ``name=value``, JSON, or ``@file``.
        environment: Of the run.

    Raises:
        InputError: A file cannot be read, or a folder is a link.
    """
    versions = root / VERSIONS
    return Surroundings(
        versions=load_versions(versions),
        pins=_content(versions),
        tree=tree(root),
        ansible=ansible() | _environment(environment, root),
        extra_vars=extra_vars_digest(extra_vars, key),
    )


def tree(root: Path) -> dict[str, str]:
    """Return the digest of each part of a checkout, by its name in the effects table.

    Raises:
        InputError: A file cannot be read, or a folder is a link.
    """
    names = [name for name in WHOLE if (root / name).exists()]
    for folder in PARTED:
        if (root / folder).is_dir():
            names += [f"{folder}/{entry.name}" for entry in (root / folder).iterdir()]
    kept = sorted(name for name in names if not _SKIPPED & {*name.split("/")})
    return {name: _part(root / name) for name in kept}


def ansible() -> dict[str, str]:
    """Return name and version of Ansible and all it needs, to their RECORD's digest."""
    found: dict[str, Distribution] = {}
    left = list(_ROOTS)
    while left:
        name = left.pop()
        if name in found or name in _OWN:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # for another system, or an extra that nobody asked for
        left += [_normal(word) for word in _required(found[name])]
    return {f"{n} {found[n].version}": _record(found[n]) for n in sorted(found)}


def extra_vars_digest(words: Sequence[str], key: bytes) -> str:
    """Return the digest of the extra vars of a command line, in their order.

    Args:
        words: As given with ``-e``; of ``@file`` the content counts.
        key: Without it no guess can be compared with the digest.

    Raises:
        InputError: A file cannot be read.
    """
    if not words:
        return digest([])
    parts: list[Json] = []
    for word in words:
        file = word.startswith("@")
        parts.append(["file", _content(Path(word[1:]))] if file else ["text", word])
    return "hmac-sha256:" + hmac.digest(key, canonical_json(parts), sha256).hex()


def list_inventory(
    inventories: Sequence[Path], root: Path, extra_vars: Sequence[str] = ()
) -> str:
    """Return ``ansible-inventory --list`` as a run of the checkout's playbooks sees it.

    Args:
        inventories: Files or folders, later ones winning.
        root: Of the checkout.
        extra_vars: As given with ``-e``.

    Raises:
        InputError: The inventory cannot be read.
    """
    words = ["--playbook-dir", str(root / PLAYBOOKS)]
    for word in extra_vars:
        words += ["-e", word]
    return listing(inventories, words)


def _environment(environment: Mapping[str, str], root: Path) -> dict[str, str]:
    return {
        f"environment {name}": environment[name].replace(str(root.absolute()), ".")
        for name in ENVIRONMENT
        if name in environment
    }


def _part(path: Path) -> str:
    """Return the digest of a file or folder: names, modes and contents, by steps."""
    files = _files(str(path), "") if _is_folder(str(path)) else [(".", str(path))]
    entries = [
        [name, os.access(file, os.X_OK), _content(Path(file))]
        for name, file in sorted(files, key=lambda found: found[0].split("/"))
    ]
    return digest(entries)  # type: ignore[arg-type]  # text and booleans are JSON


def _files(folder: str, begin: str) -> Iterator[tuple[str, str]]:
    """Yield names below a folder, and the files' paths; plain text, as there are many.

    Every file is read again by each plan. What a file system says of one (inode, size,
    times) does not tell that its content is what it was.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name in _SKIPPED or os.path.splitext(name)[1] in _COMPILED:  # noqa: PTH122 - as above
                continue
            if _is_folder(entry.path):
                yield from _files(entry.path, f"{begin}{name}/")
            else:
                yield f"{begin}{name}", entry.path


def _is_folder(path: str) -> bool:
    found = os.path.isdir(path)  # noqa: PTH112 - plain text, as there are many
    if found and os.path.islink(path):  # noqa: PTH114 - as above
        raise InputError(
            f"{path} links to a folder, whose content no plan would cover",
            remedy="put the folder itself there",
        )
    return found


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return "sha256:" + file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}", remedy="make it readable, or take it away"
        ) from error


def _record(installed: Distribution) -> str:
    """Return the digest of what a wheel brought; scripts name this machine's Python."""
    text = installed.read_text("RECORD") or ""
    lines = sorted(
        line
        for line in text.splitlines()
        if not line.startswith("../") and "__pycache__" not in line
    )
    return "sha256:" + sha256("\n".join(lines).encode()).hexdigest()


def _required(installed: Distribution) -> Iterable[str]:
    # Read by lines: the parser of whole messages takes longer than all the rest.
    head, _, _ = (installed.read_text("METADATA") or "").partition("\n\n")
    words = (line.partition(": ") for line in head.splitlines())
    said = [value for name, _, value in words if name == "Requires-Dist"]
    for line in said if head else installed.requires or ():
        match = _REQUIREMENT.match(line)
        if match is not None and "extra ==" not in line:
            yield match[0]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
