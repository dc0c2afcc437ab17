"""Analyses that were made a while ago: agents say the same line again and again.

The analysis of a call is pure: it depends on the tool, its arguments, the directory,
the declared effects and the policy, and on nothing else. Who asks, in which session and
after what, is judged anew each time, and so is what the file system looks like.
"""

from typing import Final

import msgspec

from clawlaw.core.actions import Proposal
from clawlaw.core.analyse import Analysis, analyse
from clawlaw.core.policy import Policy

MAX_KEPT: Final = 512  # calls
MAX_KEY: Final = 4096  # bytes of one; a longer one seldom comes again
_ENCODE: Final = msgspec.msgpack.Encoder().encode


class Analyses:
    """Analyses under one policy; those of another are forgotten."""

    def __init__(self) -> None:
        """Begin with none."""
        self._policy: Policy | None = None
        self._kept: dict[bytes, Analysis] = {}

    def of(self, proposal: Proposal, policy: Policy) -> Analysis:
        """As :func:`clawlaw.core.analyse.analyse`.

        Raises:
            ProposalError: As there, each time.
        """
        if policy is not self._policy:
            self._kept.clear()
            self._policy = policy
        # Arguments in the order in which they came: what is said of them has it too.
        key = _ENCODE(
            (proposal.tool, proposal.arguments, proposal.cwd, proposal.effects)
        )
        found = self._kept.get(key)
        if found is None:
            found = analyse(proposal, policy)
            if len(key) <= MAX_KEY:
                if len(self._kept) >= MAX_KEPT:
                    self._kept.clear()
                self._kept[key] = found
        return found
