"""What goes wrong in the core: one base, one class for each party at fault.

`ClawLawError`: everything below.
`ProposalError`: the agent's client sent something that is not a proposal.
`SessionError`: a session cannot be opened as asked.
`StateError`: stored state is not what was stored.
`UnsoundError`: a compiled policy is not what a compiler makes.
"""


class ClawLawError(Exception):
    """Base of every error that the gate raises on purpose."""


class ProposalError(ClawLawError):
    """Bytes are not a proposal; the caller answers DENY with this reason.

    Attributes:
        field: Where, as a path: "arguments.command", "effects[2].path"; "" is the
            whole.
        reason: What is wrong with it, without the value.
    """

    def __init__(self, field: str, reason: str) -> None:
        """Name the field and what is wrong with it."""
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class SessionError(ClawLawError):
    """A session is not opened; the message says what was asked and what is allowed."""


class StateError(ClawLawError):
    """Stored state cannot be used; whoever reads it denies until it is repaired."""


class UnsoundError(ClawLawError):
    """A compiled policy holds what no record of a decision could; nothing passes."""
