"""Where this checkout and the user's cache are."""

import os
from collections.abc import Mapping
from pathlib import Path

from forge.errors import InputError

MARK = "versions.yml"


def checkout(start: Path | None = None) -> Path:
    """Return the root of the checkout that holds ``start``.

    Args:
        start: A folder in it; the working directory unless given.

    Raises:
        InputError: No folder above holds ``versions.yml``.
    """
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        if (folder / MARK).is_file() and (folder / "playbooks").is_dir():
            return folder
    raise InputError(
        f"{here} is not in a checkout of the Forge (no {MARK} above it)",
        remedy="run the command inside the checkout",
    )


def cache(environment: Mapping[str, str] = os.environ) -> Path:
    """Return ``FORGE_CACHE``, or ``forge`` in the user's cache directory.

    Args:
        environment: Where the variables are read; this process's unless given.

    Source: XDG Base Directory Specification, ``XDG_CACHE_HOME``.
    """
    named = environment.get("FORGE_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "forge"


def state(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the controller keeps its records of runs and of what is applied.

    Args:
        environment: Where ``FORGE_STATE`` and ``XDG_STATE_HOME`` are read.

    Source: XDG Base Directory Specification, ``XDG_STATE_HOME``.
    """
    named = environment.get("FORGE_STATE")
    if named:
        return Path(named).expanduser().absolute()
    base = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(base) / "forge"


def folder_of_testbed(root: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of a checkout's testbed.

    Args:
        root: Of the checkout.
        environment: Where ``FORGE_TESTBED`` is read; ``.testbed`` of the checkout
            otherwise.
    """
    return root / environment.get("FORGE_TESTBED", ".testbed")


def model_path(source: str) -> str:
    """Return where a model's file or folder is on this machine.

    Args:
        source: ``source.file`` of a declared model: an absolute path, or one below the
            folder ``models`` of the user's cache.
    """
    return str(cache() / "models" / source)
