"""The testbed's own SSH identity: one key, one list of host keys."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from forge.errors import ForgeError
from forge.testbed.room import Host
from forge.testbed.state import Folder, replace_file


class Identity:
    """Key and known hosts under ``.testbed/ssh``."""

    def __init__(self, folder: Folder, room: str = "testbed") -> None:
        """Make the key at the first use, mode 0600, outside git.

        Args:
            folder: ``.testbed`` of the checkout.
            room: Whose list of host keys is meant; rooms come and go independently.
        """
        self.folder = folder / "ssh"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.key = self.folder / "id_ed25519"
        self.known_hosts = self.folder / f"known_hosts.{room}"
        if not self.key.exists():
            self._generate()

    def public_key(self) -> str:
        """Return the public half, one line."""
        return self.key.with_suffix(".pub").read_text().strip()

    def trust(self, keys: Mapping[Host, str]) -> None:
        """Replace the list of known hosts.

        Args:
            keys: Host to its public key, read through podman and not the network.
        """
        lines = [
            f"{','.join([host.name, *host.addresses.values()])} {key}\n"
            for host, key in keys.items()
        ]
        replace_file(self.known_hosts, "".join(lines).encode())

    def options(self) -> list[str]:
        """Return the ssh options that use this identity and nothing of the user's."""
        return [
            "-F", "none",
            "-i", str(self.key),
            "-o", f"UserKnownHostsFile={self.known_hosts}",
            "-o", "IdentitiesOnly=yes",
            "-o", "StrictHostKeyChecking=yes",
        ]  # fmt: skip

    def _generate(self) -> None:
        if shutil.which("ssh-keygen") is None:
            raise ForgeError(
                "ssh-keygen is missing", remedy="apt-get install openssh-client"
            )
        scratch: Path = self.folder / "new"
        for leftover in (scratch, scratch.with_suffix(".pub")):
            leftover.unlink(missing_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "forge-testbed",
             "-f", str(scratch)],
            check=True,
        )  # fmt: skip
        scratch.with_suffix(".pub").rename(self.key.with_suffix(".pub"))
        scratch.rename(self.key)
