"""The errors that a command reports without a traceback.

ForgeError
 ├── InputError      what was given is invalid (exit status 2)
 └── subclasses of the parts, beside the code that raises them
"""


class ForgeError(Exception):
    """Something failed; the message says what, where, and what to do."""

    status = 1

    def __init__(self, what: str, *, remedy: str | None = None) -> None:
        """Make an error.

        Args:
            what: What is wrong and where, one or more lines, no secret.
            remedy: What the reader can do about it, if anything is known.
        """
        self.what = what
        self.remedy = remedy
        super().__init__(what if remedy is None else f"{what}\n  remedy: {remedy}")


class InputError(ForgeError):
    """An inventory, pin or option is invalid; nothing was changed."""

    status = 2
