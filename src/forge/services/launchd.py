"""A service as the plist of a LaunchDaemon.

Source: launchd.plist(5). What a unit of systemd confines beyond accounts and limits has
no documented counterpart there; docs/macos.md says what that leaves open.
"""

from typing import Any

from forge.services.model import Service

PREFIX = "dev.forge."
LOGS = "/var/log/forge"
# Its default, written down: the pause before a service that ended is started again.
THROTTLE = 10  # seconds
MEBI = 1 << 20


def label(name: str) -> str:
    """Return the label of a service's daemon."""
    return PREFIX + name


def log_path(name: str) -> str:
    """Return the file that holds what a service prints."""
    return f"{LOGS}/{name}.log"


def plist(service: Service) -> dict[str, Any]:
    """Return the plist of a service, without its label."""
    limits: dict[str, int] = {"NumberOfFiles": service.limits.nofile}
    if service.limits.memory_mb:
        limits["ResidentSetSize"] = service.limits.memory_mb * MEBI
    found: dict[str, Any] = {
        "ProgramArguments": list(service.command),
        "UserName": service.user,
        "GroupName": service.group,
        "WorkingDirectory": service.working_dir,
        "Umask": "027",
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": THROTTLE,
        "ExitTimeOut": service.stop_seconds,
        # Others are held back in favour of what a person in front of the Mac does.
        "ProcessType": "Interactive",
        "SoftResourceLimits": limits,
        "HardResourceLimits": limits,
        "StandardOutPath": log_path(service.name),
        "StandardErrorPath": log_path(service.name),
    }
    if service.environment:
        found["EnvironmentVariables"] = dict(service.environment)
    return found


def log_rotation(service: Service, megabytes: int, kept: int) -> str:
    """Return a line of newsyslog.conf(5) for a service's log.

    launchd opens the file when it starts the service, and no signal makes it do so
    again: what is rotated is still written to until the next start. So nothing is
    compressed, which would lose that.

    Args:
        service: Whose log it is.
        megabytes: Size that makes a log old.
        kept: How many old ones are kept.
    """
    owner = f"{service.user}:{service.group}"
    size = megabytes * 1024  # newsyslog counts kilobytes
    return f"{log_path(service.name)}\t{owner}\t640\t{kept}\t{size}\t*\tN\n"
