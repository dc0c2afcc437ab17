"""Which change of version a node may take."""

import re
from typing import NamedTuple, Self

from forge.errors import InputError

SHAPE = re.compile(
    r"v(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)(?:-(?P<pre>[a-z]+\d+))?"
    r"\+(?P<flavour>[a-z0-9]*[a-z])(?P<build>\d+)"
)


class InvalidVersionError(InputError):
    """A text is not a version as K3s writes it."""


class Version(NamedTuple):
    """A version such as ``v1.36.4+k3s1``; ``pre`` is empty for a release."""

    major: int
    minor: int
    patch: int
    pre: str
    flavour: str
    build: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a version.

        Raises:
            InvalidVersionError: The text has another shape.
        """
        found = SHAPE.fullmatch(text.strip())
        if found is None:
            raise InvalidVersionError(
                f"{text!r} is not a K3s version",
                remedy="write it as K3s does, such as v1.36.4+k3s1",
            )
        return cls(
            int(found["major"]),
            int(found["minor"]),
            int(found["patch"]),
            found["pre"] or "",
            found["flavour"],
            int(found["build"]),
        )

    def precedes(self, other: Self) -> bool:
        """Say whether this is older; builds count within one flavour only."""
        mine, theirs = self._order(), other._order()
        if mine == theirs and self.flavour == other.flavour:
            return self.build < other.build
        return mine < theirs

    def _order(self) -> tuple[int, int, int, bool, str]:
        # A release follows its own candidates.
        return self.major, self.minor, self.patch, not self.pre, self.pre


def version_finding(installed: str, wanted: str) -> str:
    """Say why a node must not change from one version to another.

    Args:
        installed: The version on the node, empty if there is none.
        wanted: The pinned version.

    Returns:
        Problem and remedy, empty if the change is allowed.

    Source: https://kubernetes.io/releases/version-skew-policy/ (no minor is skipped),
    https://docs.k3s.io/upgrades/ (a downgrade needs a restored datastore).
    """
    try:
        goal = Version.parse(wanted)
        now = Version.parse(installed) if installed else goal
    except InvalidVersionError as error:
        return f"{error.what}; {error.remedy}"
    if goal.precedes(now):
        return (
            f"{wanted} is older than {installed}, which is installed; a datastore is "
            "not taken back: pin the installed version or a later one, or restore a "
            "snapshot that was taken with the older one"
        )
    if (goal.major, goal.minor) > (now.major, now.minor + 1):
        return (
            f"{wanted} skips a minor version after {installed}; "
            f"upgrade to the latest v{now.major}.{now.minor + 1} first"
        )
    return ""
