"""The ``forge`` command: one subcommand per part of the platform."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from forge import __version__
from forge.errors import ForgeError

# Imported only when named on the command line: a part's libraries cost up to a
# second, which `forge --help` should not take.
PARTS = {
    "topology": "check, show and draw the inventory",
    "plan": "what a change would do, and what the laws say to it",
    "approve": "sign the repair of one plan while the gate is dead",
    "artifacts": "fetch or build the pinned binaries",
    "images": "images of the testbed's servers, made here",
    "gitops": "pins and checks of what Argo CD deploys",
    "models": "declared models and what they need",
    "bench": "what models deliver, directly and through the gate",
    "report": "what the Forge publishes about itself",
    "telemetry": "rules, dashboards and what they name",
    "wheels": "bring the gate's wheels for a host",
    "backup": "copies of the cluster's state, in a folder of this machine",
    "drift": "what the machines are, beside what the repository says",
    "testbed": "run the whole Forge in small on this machine",
    "history": "the recorded runs of playbooks",
    "show": "everything that one run recorded",
}
# Where a part is not `forge.PART.cli` with `add_parser`.
ELSEWHERE = {
    "approve": ("forge.plan.approve", "add_parser"),
    "history": ("forge.runs.cli", "add_history"),
    "show": ("forge.runs.cli", "add_show"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Without the program's name; ``None`` takes ``sys.argv``.

    Returns:
        The exit status: 0 done, 1 failed, 2 the input is invalid.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="forge", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="part", required=True, metavar="PART")
    named = next((word for word in words if not word.startswith("-")), None)
    for part, summary in PARTS.items():
        if part == named:
            module, add = ELSEWHERE.get(part, (f"forge.{part}.cli", "add_parser"))
            getattr(importlib.import_module(module), add)(subparsers)
        else:
            subparsers.add_parser(part, help=summary)
    options = parser.parse_args(words)
    try:
        status: int = options.run(options)
    except ForgeError as error:
        print(f"forge: {error}", file=sys.stderr)  # noqa: T201 - a command's output
        return error.status
    except KeyboardInterrupt:
        print("forge: interrupted; run the same command to go on", file=sys.stderr)  # noqa: T201 - a command's output
        return 130
    return status
