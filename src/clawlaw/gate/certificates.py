"""What an SSH certificate of a run says: decided by what the run's permit stands for.

A run of a playbook that was allowed brings its permit and the public half of a key that
it made for itself. The permit is used up by that, and what it stands for was judged: so
the certificate is for exactly this plan, in the minutes after its verdict, for hosts
that the plan reaches. The private half never leaves the run.
"""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from clawlaw.core.actions import InfraApply
from clawlaw.core.errors import ProposalError
from clawlaw.gate.permits import MAX_LENGTH, PermittedAction
from clawlaw.gate.ssh_config import SshPart

SKEW: Final = 60  # seconds that a host's clock may be behind the gate's
MINUTE: Final = 60  # seconds
PLAN: Final = "plan"  # the class of change that names a run's plan


class CertificateRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A run asks for a certificate.

    Attributes:
        permit: That came with the ALLOW of its plan.
        plan: Digest of the plan.
        run: Name of its record.
        key: Public half of the run's own key, one line of OpenSSH.
    """

    permit: Annotated[
        str, Meta(min_length=1, max_length=MAX_LENGTH, pattern="^[ -~]*$")
    ]
    plan: Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
    run: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    key: Annotated[str, Meta(min_length=1, max_length=512, pattern="^[ -~]*$")]


class Statement(Struct, frozen=True):
    """What a certificate says.

    Attributes:
        serial: Of the log's entry that records it, so no two have the same.
        key_id: What sshd writes to its journal at each login: run and plan.
        hosts: Principals; a host accepts its own name.
        begins: Seconds since the epoch.
        ends: Seconds since the epoch; at it, the certificate counts no more.
        sources: Networks that a login may come from; none: any.
    """

    serial: int
    key_id: str
    hosts: tuple[str, ...]
    begins: int
    ends: int
    sources: tuple[str, ...] = ()


def statement(
    action: PermittedAction,
    asked: CertificateRequest,
    part: SshPart,
    *,
    serial: int,
    now: int,
) -> Statement:
    """Say what the certificate of an allowed run says.

    Args:
        action: What its permit stands for.
        asked: By the run.
        part: Of the configuration.
        serial: Of the certificate.
        now: Seconds since the epoch.

    Raises:
        ProposalError: The permit is no plan's or another plan's, or the plan reaches
            no host that certificates are signed for.
    """
    plans = {
        effect.target
        for effect in action.effects
        if isinstance(effect, InfraApply) and effect.change == PLAN
    }
    if plans != {asked.plan}:
        raise ProposalError("plan", "is not the one that the permit was given for")
    return Statement(
        serial,
        f"{asked.run}/{asked.plan}",
        _reached(action.arguments, part),
        now - SKEW,
        now + part.minutes * MINUTE,
        part.sources,
    )


def _reached(arguments: dict[str, Any], part: SshPart) -> tuple[str, ...]:
    """Return the configured hosts that a plan reaches: all, unless it has a limit."""
    scope = arguments.get("scope")
    said = scope.get("hosts") if isinstance(scope, dict) else None
    limited = isinstance(scope, dict) and bool(scope.get("limit") or said)
    if limited and not isinstance(said, list):
        raise ProposalError("scope", "has a limit and does not say its hosts")
    hosts = tuple(h for h in part.hosts if not limited or h in (said or []))
    if not hosts:
        raise ProposalError(
            "scope",
            f"reaches none of the hosts with certificates: {', '.join(part.hosts)}",
        )
    return hosts
