"""Permits: opaque, for one action, once, and gone when the gate ends.

A permit is 32 random bytes that go with an ALLOW. The gate keeps the action that it
stands for under the permit's digest; whoever performs the action redeems the permit
and is told what was judged. Nothing about the action can be read from a permit, and a
copy of the log does not hold one.
"""

import base64
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from clawlaw.core.actions import AnyEffect
from clawlaw.core.errors import ClawLawError

BYTES = 32
MAX_LENGTH = 64  # characters of a permit as it arrives
MAX_OUTSTANDING = 4096  # of one principal


class PermitError(ClawLawError):
    """A permit is not redeemed; the message says why, without the permit."""


class PermittedTarget(Struct, frozen=True):
    """A path as it was when the action was judged; checked again at use."""

    path: str
    resolved: str
    device: int
    inode: int
    kind: str


class PermittedAction(Struct, frozen=True):
    """What a permit stands for.

    Attributes:
        id: Of the decision.
        arguments: As the client gave them, secrets included.
        deadline: Milliseconds since the epoch.
    """

    id: str
    principal: str
    session: str
    tool: str
    arguments: dict[str, Any]
    cwd: str
    effects: tuple[AnyEffect, ...]
    targets: tuple[PermittedTarget, ...]
    programs: dict[str, str]
    deadline: int


class Permits:
    """The permits of one run of the gate."""

    def __init__(self, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        """Begin with none."""
        self._random = random
        self._open: dict[str, OrderedDict[str, PermittedAction]] = {}

    def issue(self) -> tuple[str, str]:
        """A new permit and its digest; it stands for nothing yet."""
        token = _text(self._random(BYTES))
        return token, digest(token)

    def enter(self, name: str, action: PermittedAction) -> None:
        """Let the permit of a digest stand for an action.

        The oldest permits of a principal that has too many are void.
        """
        mine = self._open.setdefault(action.principal, OrderedDict())
        mine[name] = action
        while len(mine) > MAX_OUTSTANDING:
            mine.popitem(last=False)

    def redeem(self, token: str, principal: str, now: int) -> PermittedAction:
        """Use a permit up.

        Args:
            token: As it was given out.
            principal: Who brings it.
            now: Milliseconds since the epoch.

        Raises:
            PermitError: Unknown, used, another's, or too late; used up all the same.
        """
        if not 0 < len(token) <= MAX_LENGTH or not token.isascii():
            raise PermitError("not a permit")
        action = self._open.get(principal, OrderedDict()).pop(digest(token), None)
        if action is None:
            raise PermitError("unknown, used already, or given to another principal")
        if now >= action.deadline:
            raise PermitError("too late: propose the action again")
        return action

    def sweep(self, now: int) -> None:
        """Forget what is past its deadline."""
        for principal, mine in list(self._open.items()):
            while mine and next(iter(mine.values())).deadline <= now:
                mine.popitem(last=False)
            if not mine:
                del self._open[principal]

    def revoke(self, session: str) -> None:
        """Void every permit of a session."""
        for mine in self._open.values():
            for name in [n for n, a in mine.items() if a.session == session]:
                del mine[name]

    def __len__(self) -> int:
        """Permits that can be redeemed or are waiting to be swept."""
        return sum(map(len, self._open.values()))


def digest(token: str) -> str:
    """What the log keeps of a permit."""
    return "sha256:" + hashlib.sha256(token.encode("ascii")).hexdigest()


def _text(random: bytes) -> str:
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode("ascii")
