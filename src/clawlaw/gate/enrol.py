"""Agents of the gate: credentials on the host, and their lines in the configuration.

A token is made where it is used, in a file that only the agent's account reads; the
configuration has its digest. Of the configuration nothing changes but the lines of
`agents:`; comments and order of the rest stay as a person wrote them.
"""

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clawlaw.core.errors import ClawLawError
from clawlaw.policy.source import Source, read_source
from clawlaw.private import create_private

TOKEN_BYTES: Final = 32  # of randomness
MAX_TOKEN: Final = 200  # bytes of a credentials file
_FIELDS: Final = ("principal", "uid", "gids", "tokens", "names")


class EnrolError(ClawLawError):
    """An agent cannot be enrolled as asked; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The file of an agent's token.

    Attributes:
        digest: "sha256:" and 64 hex digits, as the configuration has it.
        fresh: It was made just now.
    """

    path: Path
    digest: str
    fresh: bool


def digest_of(token: bytes) -> str:
    """A token as the configuration knows it."""
    return "sha256:" + hashlib.sha256(token.strip()).hexdigest()


def make_credentials(path: Path, uid: int, gid: int) -> Credentials:
    """Make a token in a file of the agent's, or take the one that is there.

    Args:
        path: In a directory that the agent's account can pass and not write.
        uid: Owner of the file, the only account that reads it.
        gid: Group of the file.

    Raises:
        EnrolError: What is there is not such a file.
        PrivateFileError: It cannot be written.
    """
    fresh = not os.path.lexists(path)
    if fresh:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        create_private(path, f"{token}\n".encode())
        os.chown(path, uid, gid, follow_symlinks=False)
    return Credentials(path, check_credentials(path, uid), fresh)


def check_credentials(path: Path, uid: int) -> str:
    """Digest of the token in a file that only its agent reads.

    Raises:
        EnrolError: Not there, of another owner, open to others, or no token.
    """
    remedy = "remove it and enrol the agent again"
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise EnrolError(f"{path}: {error.strerror}; {remedy}") from error
    with os.fdopen(opened, "rb") as file:
        found = os.fstat(file.fileno())
        token = file.read(MAX_TOKEN + 1)
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise EnrolError(f"{path}: not a file of its own; {remedy}")
    if found.st_uid != uid:
        raise EnrolError(f"{path}: belongs to uid {found.st_uid}, not {uid}; {remedy}")
    if mode & 0o177:
        raise EnrolError(f"{path}: mode {mode:04o}, not 0600; {remedy}")
    if not TOKEN_BYTES <= len(token.strip()) <= MAX_TOKEN:
        raise EnrolError(f"{path}: holds no token; {remedy}")
    return digest_of(token)


def agents_of(source: Source) -> list[dict[str, Any]]:
    """The agents of a configuration, as they stand there.

    Raises:
        PolicyError: `agents` is no list of mappings.
    """
    agents = source.data.get("agents", [])
    if not isinstance(agents, list) or not all(isinstance(a, dict) for a in agents):
        raise source.error(("agents",), "a list of agents")
    return [dict(a) for a in agents if isinstance(a, dict)]


def enrolled(
    agents: Sequence[Mapping[str, Any]], principal: str, uid: int, digest: str
) -> list[dict[str, Any]]:
    """The agents with one more, or with another uid or token of one of them."""
    there = next((a for a in agents if a.get("principal") == principal), {})
    agent = {**there, "principal": principal, "uid": uid, "tokens": [digest]}
    if not there:
        return [*map(dict, agents), agent]
    return [agent if a.get("principal") == principal else dict(a) for a in agents]


def with_agents(file: str, text: bytes, agents: Sequence[Mapping[str, Any]]) -> bytes:
    """A configuration with other agents and everything else as it was.

    Args:
        file: Name for messages.
        text: The configuration.
        agents: All that it shall have.

    Raises:
        PolicyError: It cannot be read.
        EnrolError: The new text would not read as what was wanted.
    """
    source = read_source(file, text)
    lines = text.decode().splitlines(keepends=True)
    block = ["agents: []\n"] if not agents else ["agents:\n", *map(_line, agents)]
    if ("agents",) in source.lines:
        begin = source.lines["agents",] - 1
        later = [
            n - 1 for p, n in source.lines.items() if len(p) == 1 and n - 1 > begin
        ]
        end = min(later, default=len(lines))
        while end > begin + 1 and lines[end - 1].lstrip().startswith(("#", "\n")):
            end -= 1  # what stands before the next key belongs to it
        lines[begin:end] = block
    else:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines += block
    changed = "".join(lines).encode()
    expected = {**source.data, "agents": [dict(agent) for agent in agents]}
    if read_source(file, changed).data != expected:
        raise EnrolError(f"{file}: `agents` is written in a way that is not edited")
    return changed


def _line(agent: Mapping[str, Any]) -> str:
    """One agent as a line; JSON's texts and lists are YAML's too."""
    names = [*(n for n in _FIELDS if n in agent), *sorted(set(agent) - set(_FIELDS))]
    said = ", ".join(f"{name}: {json.dumps(agent[name])}" for name in names)
    return f"  - {{{said}}}\n"
