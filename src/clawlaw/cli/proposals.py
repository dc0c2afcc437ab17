"""Proposals as a person or a program hands them to the command."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clawlaw.adapters.aliases import in_known_words
from clawlaw.cli.output import UsageError
from clawlaw.core.actions import MAX_TEXT, Proposal
from clawlaw.core.decode import decode_proposal
from clawlaw.core.policy import Policy

MAX_INPUT = 64 * MAX_TEXT  # bytes
SESSION = "cli"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a proposal has that does not say it."""

    principal: str
    session: str
    cwd: str

    def complete(self, raw: bytes) -> bytes:
        """Add what an object leaves out, its own bytes untouched.

        The strict decoder must see what was sent, so members are added, never merged.
        """
        try:
            data = json.loads(raw)
        except (ValueError, RecursionError):
            return raw
        if not isinstance(data, dict):
            return raw
        given = {
            "principal": self.principal,
            "session": self.session,
            "cwd": self.cwd,
            "arguments": {},
        }
        missing = {name: given[name] for name in given if name not in data}
        if not missing:
            return raw
        start = raw.index(b"{") + 1
        added = json.dumps(missing)[1:-1].encode()
        comma = b", " if data else b""
        return raw[:start] + added + comma + raw[start:]


def read_input(file: Path) -> bytes:
    """The bytes of a file, or of the standard input for `-`.

    Raises:
        OSError: It cannot be read.
        UsageError: It is longer than a program would send.
    """
    if str(file) == "-":
        raw = sys.stdin.buffer.read(MAX_INPUT + 1)
    else:
        with file.open("rb") as opened:
            raw = opened.read(MAX_INPUT + 1)
    if len(raw) > MAX_INPUT:
        raise UsageError(str(file), f"longer than {MAX_INPUT} bytes")
    return raw


def split(raw: bytes) -> list[bytes]:
    """One proposal, or one a line where the whole is not one JSON value."""
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        lines = [line for line in raw.split(b"\n") if line.strip()]
        return lines if len(lines) > 1 else [raw]
    return [raw]


def from_options(tool: str, arguments: Sequence[str]) -> bytes:
    """A proposal of `--tool` and `--arg NAME=VALUE`; `NAME:=JSON` is a JSON value.

    Raises:
        UsageError: An argument without a name, or that is not JSON.
    """
    said: dict[str, Any] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or not name.strip(":"):
            raise UsageError(
                f"--arg {argument}", "no name", "write NAME=TEXT or NAME:=JSON"
            )
        if not name.endswith(":"):
            said[name] = value
            continue
        try:
            said[name[:-1]] = json.loads(value)
        except ValueError as error:
            raise UsageError(f"--arg {argument}", f"not JSON: {error}") from error
    return json.dumps({"tool": tool, "arguments": said}).encode()


def decode(raw: bytes, policy: Policy) -> Proposal:
    """A proposal in the gate's words.

    Raises:
        ProposalError: It is none.
    """
    proposal = decode_proposal(raw)
    return proposal if proposal.tool in policy.tools else in_known_words(proposal)
