"""What the filters of roles call: plain data in, plain data out."""

from collections.abc import Mapping
from typing import Any

from forge.services import launchd
from forge.services.model import read_service
from forge.services.systemd import unit


def systemd_unit(values: Mapping[str, Any]) -> str:
    """Return the text of a service's unit.

    Args:
        values: The fields of `forge.services.model.Service`.

    Raises:
        InputError: A value cannot be part of a unit.
    """
    return unit(read_service(values))


def launchd_daemon(
    values: Mapping[str, Any], log_mb: int = 10, logs_kept: int = 5
) -> dict[str, Any]:
    """Return what a service needs on macOS.

    Args:
        values: The fields of `forge.services.model.Service`.
        log_mb: Size of its log that makes for a new one, in megabytes.
        logs_kept: How many old logs are kept.

    Returns:
        ``label``, ``plist``, ``log`` (a path) and ``rotation`` (a line for newsyslog).

    Raises:
        InputError: A value cannot be part of a plist.
    """
    service = read_service(values)
    return {
        "label": launchd.label(service.name),
        "plist": launchd.plist(service),
        "log": launchd.log_path(service.name),
        "rotation": launchd.log_rotation(service, int(log_mb), int(logs_kept)),
    }
