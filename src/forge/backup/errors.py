"""What can go wrong while copies are pulled.

BackupError
 ├── SourceError    a component does not answer, refuses, or changed while it was read
 └── FolderError    the folder of copies cannot be written or is not to be trusted
"""

from forge.errors import ForgeError


class BackupError(ForgeError):
    """A copy was not made, or is damaged."""


class SourceError(BackupError):
    """A source could not be read; its message names the component."""


class FolderError(BackupError):
    """The folder of copies cannot be used."""
