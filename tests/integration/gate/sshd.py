"""A real sshd on loopback that believes an authority, in a folder of its own."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from tests.integration.gate.house import free_port

# Root's sshd wants an account and a folder that a machine without sshd does not have.
MOUNTS = """
set -e
mount --bind "$1" /etc/passwd
mount -t tmpfs -o mode=0755 none /run
mkdir -m 0755 /run/sshd
shift
exec "$@"
"""
USER = pwd.getpwuid(os.geteuid()).pw_name
START = 20  # seconds


def program() -> str:
    """Where sshd is; skips a test that has none."""
    found = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        pytest.skip("sshd is not installed")
    return found


class Sshd:
    """One host."""

    def __init__(
        self, folder: Path, name: str, authority: str, options: str = ""
    ) -> None:
        """Prepare it.

        Args:
            folder: Of its own.
            name: The principal that it accepts.
            authority: Public line.
            options: Further lines of its configuration.
        """
        self.folder = folder
        self.port = free_port()
        self._program = program()
        folder.mkdir(mode=0o700)
        host_key = folder / "host"
        key(host_key)
        (folder / "authorities").write_text(authority + "\n")
        (folder / "principals").write_text(f"restrict,pty {name}\n")
        (folder / "authorized").touch(mode=0o600)
        self._log = folder / "journal"
        (folder / "sshd_config").write_text(
            f"{options}\nListenAddress 127.0.0.1:{self.port}\nHostKey {host_key}\n"
            f"PidFile none\nUsePAM no\nStrictModes no\nLogLevel VERBOSE\n"
            f"PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"PermitRootLogin prohibit-password\n"
            f"AuthorizedKeysFile {folder}/authorized\n"
            f"TrustedUserCAKeys {folder}/authorities\n"
            f"AuthorizedPrincipalsFile {folder}/principals\n"
        )

    def __enter__(self) -> Self:
        command = [self._program, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        if os.geteuid() == 0:
            known = Path("/etc/passwd").read_text()
            if "\nsshd:" not in known:
                known += "sshd:x:64103:65534::/run/sshd:/usr/sbin/nologin\n"
            accounts = self.folder / "passwd"
            accounts.write_text(known)
            accounts.chmod(0o644)
            apart = ["unshare", "-m", "sh", "-c", MOUNTS, "sh", str(accounts)]
            command = [*apart, *command]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stderr=log)
        until = time.monotonic() + START
        while True:
            if self._process.poll() is not None:
                pytest.skip(f"sshd does not start here: {self.journal()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < until, self.journal()
                time.sleep(0.05)
            else:
                return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(20)

    def journal(self) -> str:
        """What it said."""
        return self._log.read_text()

    def login(
        self, private: Path, *options: str, command: str = "echo in"
    ) -> subprocess.CompletedProcess[str]:
        """Log in with a key, and the certificate beside it if there is one."""
        return subprocess.run(
            ["ssh", "-F", "none", "-i", str(private), "-p", str(self.port),
             "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
             "-o", "IdentityAgent=none", "-o", "StrictHostKeyChecking=no",
             "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
             *options, f"{USER}@127.0.0.1", command],
            stdin=subprocess.DEVNULL,  # ssh would leave that of the tests non-blocking
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


def key(path: Path) -> str:
    """Make a key; its public line."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path],
        check=True,
    )
    return path.with_suffix(".pub").read_text().strip()
