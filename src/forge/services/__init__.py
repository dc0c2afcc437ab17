"""One description of a service, as a unit of systemd or a LaunchDaemon. Pure."""

from forge.services.model import Service, read_service
from forge.services.systemd import unit

__all__ = ["Service", "read_service", "unit"]
