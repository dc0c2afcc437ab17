"""Where the policies are that come with the gate."""

from importlib.resources import files
from pathlib import Path

from clawlaw.policy.errors import PolicyError, nearest

NAMES = ("forge", "infra", "reference")


def builtin(name: str) -> Path:
    """Folder of a policy that comes with the gate.

    An installed wheel carries the policies; in a checkout they stand at its root.

    Raises:
        PolicyError: No such policy.
    """
    if name in NAMES:
        package = Path(str(files("clawlaw")))
        for folder in (package / "policies", package.parents[1] / "policies"):
            if (folder / name).is_dir():
                return folder / name
    problem = f"no policy {name!r} comes with the gate, only {', '.join(NAMES)}"
    raise PolicyError(name, 0, problem, nearest(name, NAMES))
