# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that keeps a robot's secret, which Harbor tells once."""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ansible_collections.forge.platform.plugins.module_utils.harbor_client import (
    HarborError,
)

MODE = 0o600


def read(path: Path, name: str) -> str | None:
    """Return the secret that is kept for this robot; `None`: there is none.

    Raises:
        HarborError: The file cannot be read.
    """
    try:
        kept = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return None
    except OSError as error:
        raise HarborError(
            f"secret_path {path}: cannot be read ({error.strerror}): "
            "give a file of the user who runs this"
        ) from error
    if not isinstance(kept, dict) or kept.get("name") != name:
        return None
    return str(kept.get("secret") or "") or None


def is_private(path: Path) -> bool:
    """Return whether nobody else can read the file."""
    return path.stat().st_mode & 0o777 == MODE


def keep(path: Path, name: str, obtain: Callable[[], str]) -> None:
    """Write a new secret; the file is opened before Harbor is asked for it.

    Args:
        path: Of the file, whose folder exists.
        name: With which the robot logs in.
        obtain: Asks Harbor.

    Raises:
        HarborError: The file cannot be written, or Harbor refuses.
    """
    try:
        number, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise HarborError(
            f"secret_path {path}: cannot be written ({error.strerror}), so Harbor was "
            "not asked for a secret: make its folder, or choose another"
        ) from error
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump({"name": name, "secret": obtain()}, file)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except OSError as error:
        raise HarborError(
            f"secret_path {path}: the secret of {name} was not written "
            f"({error.strerror}); make room and run again: it is then made anew"
        ) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(beside).unlink()
