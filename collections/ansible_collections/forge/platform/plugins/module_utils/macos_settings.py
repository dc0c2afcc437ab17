# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands of macOS print about its settings: pure."""

import re

# How pmset ends the lines of what a process holds off at the moment.
POWER_LINE = re.compile(r"^\s+(?P<key>[A-Za-z]+)\s+(?P<value>-?\d+)\b")
ON = re.compile(
    r"\b(enabled|on)\b|\(State = [12]\)|block all non-essential", re.IGNORECASE
)
OFF = re.compile(r"\b(disabled|off)\b|\(State = 0\)", re.IGNORECASE)


def read_power(text: str) -> dict[str, set[str]]:
    """Return the values of ``pmset -g custom``, which lists each source of power.

    Source: pmset(1). A Mac lists the settings that it has; on one with a battery a
    setting may have a value for each source.
    """
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        match = POWER_LINE.match(line)
        if match:
            found.setdefault(match["key"], set()).add(match["value"])
    return found


def read_switch(text: str) -> bool | None:
    """Return whether a line of ``socketfilterfw --get...`` says on; None if neither.

    The words differ by release: ``Firewall is enabled. (State = 1)``, state 2 where
    everything is blocked, ``Stealth mode enabled``, ``Firewall stealth mode is on``.
    """
    if OFF.search(text):
        return False
    return True if ON.search(text) else None


def read_application(text: str) -> str:
    """Return what ``socketfilterfw --getappblocked`` says of a program.

    Returns:
        ``on`` if connections to it pass, ``off`` if not, ``absent`` if it is not
        listed: then somebody at the screen is asked, whom a server does not have.
    """
    if "not part of" in text:
        return "absent"
    return "on" if "permitted" in text else "off"
