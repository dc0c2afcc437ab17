"""Where this checkout and the user's cache are."""

import os
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


def cache() -> Path:
    """Return ``FORGE_CACHE``, or ``forge`` in the user's cache directory.

    Source: XDG Base Directory Specification, ``XDG_CACHE_HOME``.
    """
    named = os.environ.get("FORGE_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "forge"
