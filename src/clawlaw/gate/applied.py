"""What a controller said last is applied, by platform: the log, read back to it.

A run that was allowed says, before it touches a host, which record of the applied state
it begins with and which one it will write if it ends well: the tool `forge.record`,
kind `state`. The record that the next run finds has to be one of these two. Who may say
so is a matter of the laws; each principal reads what it said itself, and no other's.
"""

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from clawlaw.evidence.schema import Decided

TOOL: Final = "forge.record"
KIND: Final = "state"
Platform = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,62}$")]
_Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]


class AppliedRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A controller asks what it said last."""

    platform: Platform


class AppliedState(Struct, frozen=True, forbid_unknown_fields=True):
    """What one principal said of one platform.

    Attributes:
        run: That said it.
        begun: Digest of the record with which it began.
        done: Digest of the record that it writes if it ends well.
        entry: Id of the decision that let it into the log.
    """

    principal: str
    platform: str
    run: str = ""
    begun: str = ""
    done: str = ""
    entry: str = ""


class _Said(Struct, frozen=True, forbid_unknown_fields=True):
    """What the record of the proposal holds."""

    platform: Platform
    begun: _Digest
    done: _Digest


class AppliedStates:
    """The newest of each principal and platform.

    They are not bounded by number: only who changes the room adds one, and each has a
    decision of its own in the log.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._newest: dict[tuple[str, str], AppliedState] = {}

    def take(self, decided: Decided) -> None:
        """Let a decision take effect, if it is one about a state.

        What cannot be read changes nothing: the run after it then finds its record to
        be another one than the newest here, and is refused.
        """
        proposal = decided.record.proposal
        given = proposal.arguments
        if proposal.tool != TOOL or given.get("kind") != KIND:
            return
        if decided.record.decision["verdict"] != "allow":
            return
        try:
            said = msgspec.convert(given.get("record"), _Said)
        except msgspec.ValidationError:
            return
        self.put(
            AppliedState(
                proposal.principal, said.platform, str(given.get("run", "")),
                said.begun, said.done, decided.id,
            )
        )  # fmt: skip

    def put(self, state: AppliedState) -> None:
        """Take it for the newest of its principal and platform."""
        self._newest[state.principal, state.platform] = state

    def of(self, principal: str, platform: str) -> AppliedState:
        """The newest; all fields empty where nothing was said."""
        nothing = AppliedState(principal, platform)
        return self._newest.get((principal, platform), nothing)

    def every(self) -> Iterable[AppliedState]:
        """All of them, in a fixed order."""
        return (self._newest[place] for place in sorted(self._newest))
