"""Whether this run may change hosts of tiers II and III, in the memory of its process.

`ansible-playbook` is one process, and each task runs in a child that it forks. What the
gate's task found is kept here by the callback plugin of the run, so every later child
finds it. It is no variable: nothing on the command line, in an inventory or in a fact
can set it, and nothing that skips the gate's task can make up for it.

What this does not stop is someone who writes another program, or another callback, with
the controller's key; against that a host must know its caller (docs/change-gate.md).
"""

from typing import Final

import msgspec

from forge.errors import ForgeError

# Roles that bring, keep or remove what enforces, and what it alone may reach.
GUARDED: Final = frozenset(
    {
        "clawlaw",
        "clawlaw_release",
        "clawlaw_witness",
        "engine_guard",
        "inference_proxy",
        "macos_base",
        "mlx",
        "ollama",
        "telemetry_agent",
    }
)
REMEDY: Final = (
    "run playbooks/site.yml or another playbook of playbooks/, which ask the change"
    " gate first; no tag, limit or variable takes its place"
)


class RefusedError(ForgeError):
    """Nothing allows this run to change what it is about to change."""

    status = 3


class Permit(msgspec.Struct, frozen=True, kw_only=True):
    """That the plan of this run was allowed.

    Attributes:
        plan: Its digest.
        path: Which way the verdict came about.
        run: Name of the run's record.
    """

    plan: str
    path: str
    run: str = ""


class _Memory:
    """What this process knows; a child inherits it when it is forked."""

    run = ""
    permit: Permit | None = None


def begin(run: str) -> None:
    """Say that this process is a run that records and remembers its verdict.

    Args:
        run: Name of its record.
    """
    _Memory.run = run
    _Memory.permit = None


def grant(permit: Permit) -> None:
    """Keep the permit of this run.

    Raises:
        RefusedError: This run has one for another plan.
    """
    known = _Memory.permit
    if known is not None and known.plan != permit.plan:
        raise RefusedError(
            f"the plan changed during the run: {known.plan} was allowed, now it is"
            f" {permit.plan}",
            remedy="run it again",
        )
    _Memory.permit = permit


def granted() -> Permit | None:
    """Return the permit of this run, if it has one."""
    return _Memory.permit


def run_name() -> str:
    """Return the name of this run's record; "" where nothing records it."""
    return _Memory.run


def require(what: str) -> None:
    """Refuse unless this run is permitted.

    Args:
        what: A host or a role, for the message.

    Raises:
        RefusedError: It is not.
    """
    if not _Memory.run:
        raise RefusedError(
            f"{what}: the callback plugin forge_run does not watch this run",
            remedy="use the ansible.cfg of the checkout, with its plugins",
        )
    if _Memory.permit is None:
        raise RefusedError(f"{what}: this run has no verdict", remedy=REMEDY)
