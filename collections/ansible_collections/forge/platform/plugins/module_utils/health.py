# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until a service answers, over HTTP or by accepting a connection.

With the standard library alone: the hosts that services run on have no other.
"""

import http.client
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

ANSWER = 5.0  # seconds that one attempt may take
PAUSE = 0.5  # seconds between attempts
OK = range(200, 400)

OPTIONS: dict[str, Any] = {
    "url": {"type": "str"},
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int"},
    "seconds": {"type": "int", "default": 60},
}


def is_asked(options: dict[str, Any] | None) -> bool:
    """Return whether there is anything to ask."""
    return bool(options and (options.get("url") or options.get("port")))


def wait(options: dict[str, Any], ended: Callable[[], str] = str) -> tuple[float, str]:
    """Wait until the service answers.

    Args:
        options: The values of ``OPTIONS``.
        ended: Says why waiting longer is of no use, or nothing.

    Returns:
        Seconds that it took, and what was wrong at last; empty if it answered.
    """
    begin = time.monotonic()
    while True:
        problem = attempt(options)
        passed = time.monotonic() - begin
        if not problem:
            return passed, ""
        reason = ended()
        if reason:
            return passed, f"{reason}; {problem}"
        if passed + PAUSE > options["seconds"]:
            return passed, f"{problem} for {options['seconds']} s"
        time.sleep(PAUSE)


def attempt(options: dict[str, Any]) -> str:
    """Return what is wrong with the service now; nothing if it answers."""
    try:
        if options.get("url"):
            return _http(options["url"])
        address = options["host"], options["port"]
        with socket.create_connection(address, timeout=ANSWER):
            return ""
    except (OSError, http.client.HTTPException) as error:
        where = options.get("url") or f"{options['host']}:{options['port']}"
        return f"{where} does not answer ({type(error).__name__}: {error})"


def _http(url: str) -> str:
    parts = urlsplit(url)
    kinds = {
        "http": http.client.HTTPConnection,
        "https": http.client.HTTPSConnection,
    }
    if parts.scheme not in kinds or not parts.hostname:
        raise ValueError(f"{url!r} is not an address of http or https")
    # Not urllib: it would follow a proxy of the environment, away from this host.
    line = kinds[parts.scheme](parts.hostname, parts.port, timeout=ANSWER)
    try:
        line.request("GET", f"{parts.path or '/'}{parts.query and '?' + parts.query}")
        status = line.getresponse().status
    finally:
        line.close()
    return "" if status in OK else f"{url} answers {status}"
