"""What this machine must have before the testbed touches it.

``look`` reads the machine, ``judge`` is pure: facts in, problems out.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from forge.errors import ForgeError

# name of a program -> Debian package that brings it
PROGRAMS = {
    "podman": "podman",
    "mmdebstrap": "mmdebstrap",
    "runc": "runc",
    "netavark": "netavark",
    "ssh": "openssh-client",
    "ip": "iproute2",
    "nft": "nftables",
    "dpkg-scanpackages": "dpkg-dev",
}
LIBRARY_PROGRAMS = ("/usr/lib/podman", "/usr/libexec/podman", "/usr/sbin", "/sbin")
# Measured with six nodes and two hosts: benchmarks/testbed_up.py prints the peak.
MEMORY_MIB = 7 * 1024
DISK_MIB = 14 * 1024
# A server takes about 25 inotify instances, an agent 17, a bare host 6.
INOTIFY_INSTANCES = 25 + 5 * 17 + 2 * 6 + 128
INOTIFY_WANTED = 1024
INOTIFY_FILE = Path("/proc/sys/fs/inotify/max_user_instances")


class Machine(msgspec.Struct, frozen=True):
    """What was found; sizes in MiB."""

    system: str
    root: bool
    memory_available: int
    disk_free: dict[str, int]
    inotify_instances: int
    missing_programs: list[str]


class Problem(msgspec.Struct, frozen=True):
    """One thing that stops the testbed."""

    what: str
    remedy: str


def look(disks: Sequence[Path]) -> Machine:
    """Read the machine.

    Args:
        disks: Folders (or their nearest existing parents) that will be filled.
    """
    return Machine(
        system=sys.platform,
        root=os.geteuid() == 0,
        memory_available=_memory_available(),
        disk_free={str(path): _free(path) for path in disks},
        inotify_instances=int(INOTIFY_FILE.read_text()) if INOTIFY_FILE.exists() else 0,
        missing_programs=[name for name in PROGRAMS if not _has(name)],
    )


def judge(machine: Machine, *, running: bool) -> list[Problem]:
    """Return what stops the testbed, worst first.

    Args:
        machine: What ``look`` found, after ``prepare``.
        running: Its hosts run already, so their memory and disk are in use.
    """
    problems: list[Problem] = []
    if machine.system != "linux":
        problems.append(
            Problem(f"the testbed needs Linux, this is {machine.system}", "use Linux")
        )
        return problems
    if not machine.root:
        problems.append(
            Problem("hosts with systemd and wires need root", "run it as root (sudo)")
        )
    if machine.missing_programs:
        packages = " ".join(PROGRAMS[name] for name in machine.missing_programs)
        names = ", ".join(machine.missing_programs)
        problems.append(
            Problem(f"missing programs: {names}", f"apt-get install {packages}")
        )
    if not running and machine.memory_available < MEMORY_MIB:
        problems.append(
            Problem(
                f"{machine.memory_available} MiB of memory are available, "
                f"eight hosts need {MEMORY_MIB}",
                "end other programs or use a larger machine",
            )
        )
    for path, free in machine.disk_free.items():
        if not running and free < DISK_MIB:
            problems.append(
                Problem(
                    f"{free} MiB are free for {path}, {DISK_MIB} are needed",
                    "free disk space, or set FORGE_CACHE to a larger disk",
                )
            )
    if machine.inotify_instances < INOTIFY_INSTANCES:
        problems.append(
            Problem(
                f"fs.inotify.max_user_instances is {machine.inotify_instances}, eight "
                f"hosts need {INOTIFY_INSTANCES}, and this process may not raise it",
                f"sysctl -w fs.inotify.max_user_instances={INOTIFY_WANTED}",
            )
        )
    return problems


def prepare(machine: Machine) -> list[str]:
    """Do what root can do about problems: install programs, raise the inotify limit.

    Returns:
        One line for each thing that was done.

    Raises:
        ForgeError: apt-get failed; its last lines are in the message.
    """
    if not machine.root or machine.system != "linux":
        return []
    done: list[str] = []
    if machine.missing_programs and shutil.which("apt-get"):
        packages = sorted({PROGRAMS[name] for name in machine.missing_programs})
        _apt(packages)
        done.append(f"installed {' '.join(packages)}")
    if machine.inotify_instances < INOTIFY_INSTANCES:
        try:
            INOTIFY_FILE.write_text(f"{INOTIFY_WANTED}\n")
        except OSError:
            return done  # `judge` says it, with the remedy
        done.append(
            f"raised fs.inotify.max_user_instances from {machine.inotify_instances} "
            f"to {INOTIFY_WANTED} until the next boot"
        )
    return done


def require(machine: Machine, *, running: bool) -> None:
    """Raise one error that lists every problem.

    Raises:
        ForgeError: At least one problem was found.
    """
    problems = judge(machine, running=running)
    if problems:
        lines = [f"{item.what}\n    remedy: {item.remedy}" for item in problems]
        raise ForgeError(
            "this machine cannot run the testbed:\n  " + "\n  ".join(lines)
        )


def _apt(packages: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *packages],
    )
    for command in commands:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-6:])
            raise ForgeError(f"{' '.join(command[:2])} failed:\n{words}")


def _has(program: str) -> bool:
    if shutil.which(program):
        return True
    return any(Path(folder, program).exists() for folder in LIBRARY_PROGRAMS)


def _memory_available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0


def _free(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free // 2**20
