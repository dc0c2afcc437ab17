"""Tell the service manager how the gate is: sd_notify(3), without a library.

Nothing is sent where `NOTIFY_SOCKET` is not set (launchd, a terminal).
"""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """The service manager's socket, if there is one."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Read where it is."""
        address = environment.get("NOTIFY_SOCKET", "")
        if address.startswith("@"):
            address = "\0" + address[1:]
        self._address = address
        usec = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watchdog = int(usec) if usec.isdigit() and mine else 0

    @property
    def watchdog(self) -> float:
        """Seconds between two signs of life; 0: none is wanted."""
        return self._watchdog / 2_000_000

    def tell(self, *lines: str) -> None:
        """Send a state; a manager that does not listen is no reason to stop."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(0)
                channel.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            return
