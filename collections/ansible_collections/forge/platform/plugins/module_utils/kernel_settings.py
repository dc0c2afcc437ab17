# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel settings a host can set for itself. Pure.

A setting is the host's own if it is not in a container, or belongs to a network
namespace (``net.*``), or has a file of its own bound over it. Everything else in a
container is the machine's, and a host does not set it for its neighbours.
"""

PROC = "/proc/sys"


def path_of(name: str) -> str:
    """Return the file of a setting below /proc/sys.

    Dots separate; in ``net.ipv4.conf.eth0/1.rp_filter`` a slash stands for a dot of
    the interface's name, as in sysctl(8).
    """
    return f"{PROC}/" + name.translate(str.maketrans("./", "/."))


def mounted(mountinfo: str) -> set[str]:
    """Return the mount points of /proc/self/mountinfo (proc(5): the fifth field)."""
    return {line.split()[4] for line in mountinfo.splitlines() if line}


def obstacle(
    name: str, *, exists: bool, writable: bool, container: bool, mounts: set[str]
) -> str:
    """Return why a setting cannot be set here, or nothing.

    Args:
        name: Name of the setting, such as ``net.ipv4.ip_forward``.
        exists: Its file is there.
        writable: Its mode lets root write.
        container: This host shares its kernel.
        mounts: Mount points that this host sees.
    """
    if not exists:
        return "this kernel does not have it"
    if not writable:
        return "it can only be read here"
    if container and not name.startswith("net.") and path_of(name) not in mounts:
        return "it belongs to the machine that this container runs on"
    return ""


def same(present: str, wanted: str) -> bool:
    """Return whether two values are equal; the kernel separates numbers by tabs."""
    return present.split() == wanted.split()


def file_text(settings: dict[str, str]) -> str:
    """Return the content of a file for sysctl.d(5)."""
    lines = [f"{name} = {value}\n" for name, value in sorted(settings.items())]
    return "".join(
        ["# Written by Ansible; a change made here is overwritten.\n", *lines]
    )
