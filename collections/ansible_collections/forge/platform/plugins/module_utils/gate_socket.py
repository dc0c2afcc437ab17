# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a ClawLaw gate at its Unix socket, as an account of this host.

The gate knows its callers by the uid at the other end of the socket. A question is sent
once: the gate may have decided it although no answer came.
"""

import http.client
import json
import os
import pwd
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

MAX_ANSWER = 16 << 20  # bytes


class NoAnswerError(Exception):
    """Nobody answered, or what came is no answer of a gate; that is a denial."""


class RefusedError(Exception):
    """The gate does not take the question; the message says why and what to do."""

    def __init__(self, message: str, status: int = 0) -> None:
        """Say why.

        Args:
            message: For a person.
            status: Of HTTP; 0 where the answer was not an error of HTTP.
        """
        super().__init__(message)
        self.status = status


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, account: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self._account = account

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with acting_as(self._account):
            self.sock.connect(self._path)


@contextmanager
def acting_as(account: str) -> Iterator[None]:
    """Have the effective ids of an account of this host for a moment.

    The kernel notes them when a socket connects. What else a module does, it does as
    before: the files that Ansible brought it in are readable to nobody else.

    Raises:
        NoAnswerError: There is no such account, or this process may not become it.
    """
    try:
        known = pwd.getpwnam(account)
    except KeyError:
        raise NoAnswerError(f"no account {account} on this host") from None
    if os.geteuid() == known.pw_uid:
        yield
        return
    groups, gid, uid = os.getgroups(), os.getegid(), os.geteuid()
    try:
        os.initgroups(account, known.pw_gid)
        os.setegid(known.pw_gid)
        os.seteuid(known.pw_uid)
    except OSError as error:
        raise NoAnswerError(f"cannot act as {account}: {error.strerror}") from error
    try:
        yield
    finally:
        os.seteuid(uid)
        os.setegid(gid)
        os.setgroups(groups)


class Asker:
    """One account's way to one gate."""

    def __init__(self, path: str, account: str, timeout: float) -> None:
        """Remember both.

        Args:
            path: Of the socket.
            account: That asks.
            timeout: Seconds for one answer.
        """
        self._path = path
        self._account = account
        self._timeout = timeout

    def ask(self, where: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """Ask one question.

        Args:
            where: Path of the question, `/v1/proposals`.
            said: Sent as JSON.

        Returns:
            What the gate answered.

        Raises:
            NoAnswerError: Nobody answered, or not as a gate does.
            RefusedError: The gate says that the question is wrong.
        """
        connection = _Connection(self._path, self._account, self._timeout)
        kind = {"Content-Type": "application/json"}
        try:
            connection.request("POST", where, json.dumps(said), kind)
            answered = connection.getresponse()
            raw = answered.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            problem = f"{self._path}: the gate does not answer: {error}"
            raise NoAnswerError(problem) from error
        finally:
            connection.close()
        return read_answer(raw, self._path, answered.status)


def read_answer(raw: bytes, path: str, status: int = 200) -> dict[str, Any]:
    """Read the body of an answer.

    Args:
        raw: The body.
        path: Of the socket.
        status: Of HTTP.

    Raises:
        NoAnswerError: It is none.
        RefusedError: It is an error.
    """
    try:
        found = json.loads(raw) if len(raw) <= MAX_ANSWER else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise NoAnswerError(f"{path}: what answers there is no gate")
    error = found.get("error")
    if isinstance(error, dict):
        parts = (error.get("what"), error.get("where"), error.get("remedy"))
        raise RefusedError("; ".join(str(part) for part in parts if part), status)
    return found
