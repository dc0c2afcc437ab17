"""Policies that refuse, made of those that only report.

Wave 4 brings every policy in audit, so that its reports show what it would refuse;
wave 6 brings the same policy under another name, refusing. The second is generated,
so that what was watched is what is enforced.
"""

import os
from pathlib import Path

from forge.gitops.errors import TreeError
from forge.gitops.pins import TREE

_NAME = "metadata: {name: "
_AUDIT = "validationActions: [Audit]"


def stale(root: Path) -> list[Path]:
    """Return the files below ``policies/enforce`` that are not as they must be.

    Args:
        root: The checkout.

    Raises:
        TreeError: A policy in audit has a form that cannot be enforced.
    """
    wanted = _wanted(root)
    there = set((root / TREE / "policies/enforce").glob("*.yaml"))
    return sorted(
        path
        for path in there | wanted.keys()
        if path not in wanted
        or not path.is_file()
        or path.read_text(encoding="utf-8") != wanted[path]
    )


def write(root: Path) -> list[Path]:
    """Write, and remove, what is stale; return the files that changed."""
    wanted = _wanted(root)
    changed = stale(root)
    for path in changed:
        if path not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_text(wanted[path], encoding="utf-8")
        os.replace(new, path)  # noqa: PTH105 - the atomic call by its own name
    return changed


def enforced(text: str) -> str:
    """Return a policy's text as it refuses.

    Args:
        text: The policy in audit.

    Raises:
        TreeError: It has not exactly one name and one ``validationActions: [Audit]``.
    """
    for part in (_NAME, _AUDIT):
        if text.count(part) != 1:
            raise TreeError(f"`{part}` must stand in it exactly once")
    head, _, rest = text.partition(_NAME)
    name, _, rest = rest.partition("}")
    return (
        "# Generated from ../audit by `forge gitops pins --write`.\n"
        f"{head}{_NAME}{name}-enforced}}{rest}"
    ).replace(_AUDIT, "validationActions: [Deny]")


def _wanted(root: Path) -> dict[Path, str]:
    made = {}
    for path in sorted((root / TREE / "policies/audit").glob("*.yaml")):
        try:
            text = enforced(path.read_text(encoding="utf-8"))
        except TreeError as error:
            raise TreeError(f"{path}: {error.what}") from error
        made[path.parents[1] / "enforce" / path.name] = text
    return made
