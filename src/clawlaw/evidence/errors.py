"""What goes wrong with evidence: one base, one class for each thing a caller may do.

`LogLatched`: nothing can be written; deny everything until a restart.
`LogDamaged`: the files are not what was written; a person must look at them.
`LogBehind`: the log does not extend a checkpoint that it must extend.
`LogBusy`: another process writes to it.
`NoteError`: a signed note that cannot be read, or that a known key did not sign.
`StoreError`, `ConflictError`: of the object store; in `objects` is what needs boto3.
"""

from clawlaw.core.errors import ClawLawError


class EvidenceError(ClawLawError):
    """Base of every error of the evidence log; the message says what, where, remedy."""


class LogLatched(EvidenceError):  # noqa: N818  # a state, and the name of its word
    """A write or a sync failed, so nothing is appended until a restart."""


class LogDamaged(EvidenceError):  # noqa: N818  # as above
    """Bytes of the log are not what was written, and no interruption explains it."""


class LogBehind(EvidenceError):  # noqa: N818  # as above
    """The log does not extend a checkpoint that others hold."""


class LogBusy(EvidenceError):  # noqa: N818  # as above
    """Another process has the log open for writing."""


class NoteError(EvidenceError):
    """Bytes are not a signed note, or no known key signed it."""


class StoreError(EvidenceError):
    """The object store did not do what was asked; it may later."""


class ConflictError(EvidenceError):
    """Under the name of evidence stands something else; a person must look at it."""
