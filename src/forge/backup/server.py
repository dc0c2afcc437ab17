"""Files of a K3s server, over SSH: snapshots of etcd and what opens them again."""

import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from forge.backup import snapshot
from forge.backup.errors import SourceError
from forge.backup.model import Item
from forge.errors import InputError

LIST_SECONDS = 300  # it reads every file once for its digest
CHUNK = 1 << 20
TEMPLATE = "{{"
SNAPSHOTS = "/var/lib/rancher/k3s/server/db/snapshots"
# What a server cannot be made again without.
# Source: https://docs.k3s.io/datastore/backup-restore
NEEDED = (
    "/etc/rancher/k3s",
    "/var/lib/rancher/k3s/server/token",
    "/var/lib/rancher/k3s/server/agent-token",
    "/var/lib/rancher/k3s/server/tls",
    "/var/lib/rancher/k3s/server/cred",
)


class Server:
    """One server, reached as its inventory says.

    Attributes:
        name: ``server/HOST``.
    """

    def __init__(
        self, host: str, command: Sequence[str], folders: Sequence[str] = ()
    ) -> None:
        """Keep how the host is reached; nothing is asked yet.

        Args:
            host: Inventory name.
            command: Words that run a shell command there as root, which follows.
            folders: What is copied, the folder of snapshots first; the usual ones
                unless given.
        """
        self.name = f"server/{host}"
        self._command = list(command)
        self._snapshots, *self._others = folders or [SNAPSHOTS, *NEEDED]

    def items(self) -> list[Item]:
        """Return the files with their digests.

        Raises:
            SourceError: The host cannot be reached, or has none of these files.
        """
        program = resources.files(__package__).joinpath("remote_list.py").read_bytes()
        done = self._run(
            f"python3 -I - {shlex.join([self._snapshots, *self._others])}",
            program,
            LIST_SECONDS,
        )
        try:
            found = [msgspec.json.decode(line, type=Item) for line in done.splitlines()]
        except msgspec.DecodeError as error:
            raise SourceError(f"{self.name}: the list of files: {error}") from error
        if not found:
            raise SourceError(
                f"{self.name}: none of {self._snapshots}, {', '.join(self._others)} "
                "is there",
                remedy="is it a server of K3s? run playbooks/k3s.yml, then "
                "playbooks/backup.yml",
            )
        return found

    def read(self, item: Item, offset: int) -> Iterator[bytes]:
        """Return the content of a file from a byte on.

        Raises:
            SourceError: The connection or the command ended before its end.
        """
        words = f"tail -c +{offset + 1} -- {shlex.quote(item.name)}"
        with subprocess.Popen(
            [*self._command, words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None  # noqa: S101 - as it was asked for
            assert process.stderr is not None  # noqa: S101 - as it was asked for
            try:
                while chunk := process.stdout.read(CHUNK):
                    yield chunk
                said = process.stderr.read().decode(errors="replace")
            except GeneratorExit:
                process.kill()
                raise
        if process.returncode:
            raise _unreachable(self.name, process.returncode, said)

    def problem(self, item: Item, sha256: str, path: Path) -> str:
        """Return why a file is not the one that was listed, empty if it is."""
        if f"sha256:{sha256}" != item.tag:
            return (
                f"its digest is {sha256}, the server's {item.tag}; it changed meanwhile"
            )
        is_snapshot = item.name.startswith(f"{self._snapshots.rstrip('/')}/")
        return snapshot.problem(path) if is_snapshot else ""

    def _run(self, words: str, data: bytes, seconds: float) -> bytes:
        try:
            done = subprocess.run(
                [*self._command, words],
                input=data, capture_output=True, check=False, timeout=seconds,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SourceError(f"{self.name}: {error}") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace")
            raise _unreachable(self.name, done.returncode, said)
        return done.stdout


def ssh(variables: Mapping[str, Any], host: str) -> list[str]:
    """Return the words that run a command on a host as root, as Ansible would.

    Args:
        variables: The host's variables of the inventory, templates not resolved.
        host: Its name, used where no address is given.

    Raises:
        InputError: One of them is a template, which only Ansible can read. The address
            may be one: then it is the host's on the wire of the cluster.
    """
    words = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        words += shlex.split(_literal(variables, name, host))
    if port := _literal(variables, "ansible_port", host):
        words += ["-p", port]
    if key := _literal(variables, "ansible_ssh_private_key_file", host):
        words += ["-i", key]
    user = _literal(variables, "ansible_user", host)
    address = str(variables.get("ansible_host") or host)
    if TEMPLATE in address:
        address = str((variables.get("forge_addresses") or {}).get("cluster") or host)
    words.append(f"{user}@{address}" if user else address)
    return words if user in {"", "root"} else [*words, "sudo", "-n"]


def _literal(variables: Mapping[str, Any], name: str, host: str) -> str:
    value = str(variables.get(name) or "")
    if TEMPLATE in value:
        raise InputError(
            f"{host}: {name} is a template, which only Ansible can read",
            remedy="write it out, in one more --inventory",
        )
    return value


def _unreachable(name: str, status: int, said: str) -> SourceError:
    last = said.strip().splitlines()[-1:] or ["no reason given"]
    if status == 255:  # noqa: PLR2004 - ssh's own failures, ssh(1)
        return SourceError(
            f"{name}: ssh: {last[0]}",
            remedy="try `ansible HOST -m ping` with the same inventory",
        )
    return SourceError(f"{name}: the command there ended with {status}: {last[0]}")
