"""Rootful podman, called as a program, with the engine settings the hosts need."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from forge.errors import ForgeError

# runc: crun refuses a hybrid cgroup v1 machine. The limits stay below what a
# machine without CAP_SYS_RESOURCE may grant. The file is the testbed's own, so the
# user's /etc/containers is neither read for these keys nor changed.
SETTINGS = """\
[containers]
default_ulimits = ["nofile=1024:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""


class PodmanError(ForgeError):
    """podman refused a command; the message holds its last words."""


class Podman:
    """One way to call podman, so that every call has the same settings."""

    def __init__(self, settings: Path) -> None:
        """Write the engine settings.

        Args:
            settings: Where to keep the file; its folder exists.
        """
        if not settings.exists() or settings.read_text() != SETTINGS:
            settings.write_text(SETTINGS)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(settings)}

    def run(
        self, *arguments: str, stdin: bytes | None = None, timeout: float = 300
    ) -> str:
        """Run one podman command.

        Args:
            arguments: Words after ``podman``.
            stdin: Bytes for its standard input.
            timeout: Seconds.

        Returns:
            Its standard output, stripped.

        Raises:
            PodmanError: It ended with another status than 0, or not in time.
        """
        try:
            done = subprocess.run(
                ["podman", *arguments],
                input=stdin,
                capture_output=True,
                check=False,
                env=self.environment,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise PodmanError(
                f"podman {arguments[0]}: no answer in {timeout:.0f} s"
            ) from error
        if done.returncode != 0:
            words = done.stderr.decode(errors="replace").strip().splitlines()
            said = words[-1] if words else f"exit status {done.returncode}"
            raise PodmanError(f"podman {' '.join(arguments[:2])}: {said}")
        return done.stdout.decode(errors="replace").strip()

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - podman's own shapes
        """Run one podman command that prints JSON and decode it."""
        return json.loads(self.run(*arguments) or "null")

    def containers(self, *filters: str) -> list[dict[str, Any]]:
        """Return ``podman ps --all`` rows that pass every filter."""
        words = [word for item in filters for word in ("--filter", item)]
        return self.json("ps", "--all", "--format", "json", *words) or []

    def networks(self, *filters: str) -> list[dict[str, Any]]:
        """Return the podman networks that pass every filter."""
        words = [word for item in filters for word in ("--filter", item)]
        return self.json("network", "ls", "--format", "json", *words) or []

    def volumes(self, *filters: str) -> list[str]:
        """Return the names of the volumes that pass every filter."""
        words = [word for item in filters for word in ("--filter", item)]
        return self.run("volume", "ls", "--quiet", *words).split()
