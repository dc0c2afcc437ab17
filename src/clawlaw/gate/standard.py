"""The machine that cases are judged on: a plain Linux host with an empty workspace.

Nothing of it is looked up, so that a case has the same verdict everywhere.
"""

from collections.abc import Mapping
from typing import Any

from clawlaw.gate.declared import DeclaredTree

NOW = 1_767_225_600_000  # milliseconds: the first of January 2026

DIRECTORIES = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",  # noqa: S108  # a name in a declared tree
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/usr/share",
    "/usr/share/doc",
    "/usr/share/man",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/tmp",  # noqa: S108  # a name in a declared tree
)
FILES = (
    "/etc/fstab",
    "/etc/group",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/etc/shadow",
    "/etc/ssh/sshd_config",
    "/etc/sudoers",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/version",
    "/var/log/syslog",
)
DEVICES = (
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/sda",
    "/dev/stderr",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
)
AT_HOME = (
    ".aws/credentials",
    ".bash_history",
    ".bashrc",
    ".gitconfig",
    ".profile",
    ".ssh/authorized_keys",
    ".ssh/config",
    ".ssh/id_ed25519",
    ".ssh/id_rsa",
    ".ssh/known_hosts",
    ".zshrc",
)
IN_WORKSPACE = (".git/HEAD", ".git/config")


def standard_tree(
    workspace: str,
    home: str,
    more: Mapping[str, Any] | None = None,
    *,
    sandbox: bool = True,
    mediated: bool = True,
) -> DeclaredTree:
    """A host with a workspace under version control, and what is declared besides.

    Args:
        workspace: Absolute directory; it exists.
        home: Absolute home directory of the agent's user; it exists.
        more: Further paths, as for :class:`DeclaredTree`.
        sandbox: That the facts carry.
        mediated: That the facts carry.

    Raises:
        DeclarationError: What is declared besides is not understood.
    """
    files: dict[str, Any] = dict.fromkeys(DIRECTORIES, "directory")
    files |= dict.fromkeys(FILES, "file") | dict.fromkeys(DEVICES, "other")
    files |= {home: "directory", workspace: "directory"}
    files |= {f"{home}/{name}": "file" for name in AT_HOME}
    files |= {f"{workspace}/{name}": "file" for name in IN_WORKSPACE}
    files |= {"/proc/self": {"kind": "unreadable"}}
    return DeclaredTree(
        files | dict(more or {}),
        writable=(workspace, home, "/tmp", "/var/tmp"),  # noqa: S108  # declared names
        now=NOW,
        sandbox=sandbox,
        mediated=mediated,
    )
