# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs in messages, without their secrets: pure."""

import re
from collections.abc import Iterable

HIDDEN = "***"

# The secure form of a token, and values of fields that are named like secrets.
SECRETS = (
    re.compile(r"K10[0-9a-f]{64}::\S+"),
    re.compile(r"(?i)(?<=token[=:])\s*[^\s,}]+"),
    re.compile(r"(?i)(?<=password[=:])\s*[^\s,}]+"),
    re.compile(r"(?i)(?<=bearer )\S+"),
)


def redact(text: str, known: Iterable[str] = ()) -> str:
    """Return text without anything that looks like a secret, or is a known one."""
    for secret in known:
        if secret:
            text = text.replace(secret, HIDDEN)
    for shape in SECRETS:
        text = shape.sub(HIDDEN, text)
    return text
