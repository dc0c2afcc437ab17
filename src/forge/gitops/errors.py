"""What can be wrong with the GitOps tree.

InputError
 └── TreeError     a file of gitops/ is wrong: edit it, or write its pins again
"""

from forge.errors import InputError


class TreeError(InputError):
    """A file below ``gitops/`` is not as it must be."""
