# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service accounts in the local directory of macOS, as ``dscl`` shows them: pure.

Source: dscl(1); "Hide a user account in macOS", Apple support article 102099.
"""

import re
from collections.abc import Mapping

NAME = re.compile(r"_[a-z0-9][a-z0-9_-]{0,29}")
NOT_FOUND = "eDSRecordNotFound"
# Apple's own service accounts end below 400; people's begin at 501.
NUMBERS = range(400, 500)
ATTRIBUTES = ("UniqueID", "PrimaryGroupID", "UserShell", "NFSHomeDirectory",
              "RealName", "IsHidden", "Password")  # fmt: skip


def read_record(text: str) -> dict[str, str]:
    """Return the attributes in the output of ``dscl . -read``.

    A value with a space stands on a line of its own, behind a space. Attributes that
    no schema names carry their kind before their name.
    """
    found: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        if line.startswith(" ") and key:
            found[key] = f"{found[key]} {line[1:]}".strip()
        elif ":" in line:
            head, _, value = line.removeprefix("dsAttrTypeNative:").partition(":")
            key = head
            found[key] = value.strip()
    return found


def read_numbers(text: str) -> set[int]:
    """Return the numbers in the output of ``dscl . -list /Users UniqueID``."""
    rows = (line.split() for line in text.splitlines())
    return {int(row[-1]) for row in rows if row and re.fullmatch(r"-?\d+", row[-1])}


def free_number(users: set[int], groups: set[int]) -> int | None:
    """Return the lowest number that neither a user nor a group has."""
    return next((n for n in NUMBERS if n not in users and n not in groups), None)


def user_attributes(number: int, group: int, comment: str) -> dict[str, str]:
    """Return what a service's user has: no shell, no home, no password, hidden."""
    return {
        "UniqueID": str(number),
        "PrimaryGroupID": str(group),
        "UserShell": "/usr/bin/false",
        "NFSHomeDirectory": "/var/empty",
        "RealName": comment,
        "IsHidden": "1",
    }


def differences(wanted: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes to set."""
    return {key: value for key, value in wanted.items() if now.get(key) != value}
