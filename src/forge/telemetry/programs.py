"""Debian's programs of Prometheus, taken out of their packages and kept in the cache.

What is checked with them is checked by the very programs that the testbed runs, without
installing a service on this machine.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final, Literal

from forge import paths
from forge.artifacts import debian
from forge.artifacts.pins import host_arch

type Name = Literal[
    "prometheus", "promtool", "amtool", "prometheus-alertmanager",
    "prometheus-node-exporter",
]  # fmt: skip
PACKAGES: Final[dict[Name, str]] = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-node-exporter": "prometheus-node-exporter",
}


def program(name: Name) -> Path:
    """Return a program's path, fetching its package where the cache has none.

    Raises:
        BuildError: apt is not here, or has no such package.
    """
    kept = paths.cache() / "telemetry" / _release()
    found = kept / name
    if found.is_file():
        return found
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.is_file():
            _bring(name, kept)
    return found


def _bring(name: Name, kept: Path) -> None:
    with tempfile.TemporaryDirectory(dir=kept) as scratch:
        brought, _ = debian.program(PACKAGES[name], name, host_arch(), Path(scratch))
        whole = Path(scratch) / "whole"
        shutil.copy2(brought, whole)
        whole.replace(kept / name)


def _release() -> str:
    """Name of this machine's release, as ``debian-12``: packages are of one."""
    said = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    return f"{said.get('ID', 'linux')}-{said.get('VERSION_ID', '0')}".replace(
        '"', ""
    ).replace(os.sep, "-")
