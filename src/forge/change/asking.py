"""Who judges a run's plan: the gate wherever there is one, this process only before it.

The gate's host says itself whether a gate was ever installed on it, and the applied
state says whether this controller converged one. Either is enough: from then on, a gate
that does not answer is a denial, and not a first installation. Until then a room that
proposes a gate is being installed, however many runs of parts of it ended well.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from forge.change.applied import Applied
from forge.change.facts import host_facts
from forge.change.model import HostFacts, Plan
from forge.change.permit import RefusedError
from forge.change.proposal import Run, propose
from forge.change.snapshot import Snapshot
from forge.change.verdict import Path, Verdict, by_gate, decide

GATE: Final = "clawlaw_gate"  # the component of the inventory


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking the gate's host.

    Attributes:
        answer: Of the gate; None if it gave none.
        is_absent: The host says that no gate was ever installed there.
        is_refusal: A gate answered, and did not take the question.
        why: No answer came, for a person.
    """

    answer: Mapping[str, Any] | None = None
    is_absent: bool = False
    is_refusal: bool = False
    why: str = ""


type Ask = Callable[[Mapping[str, Any]], Heard]
type Repair = Callable[[], Verdict]


def gate_hosts(facts: Iterable[HostFacts]) -> list[str]:
    """Return the hosts with a gate, by name."""
    return sorted(host.name for host in facts if GATE in host.components)


def basis(record: Applied | None, proposed: Snapshot) -> Applied | None:
    """Return what a plan is compared with; None while the room is being installed.

    Args:
        record: Of what is applied, as stored.
        proposed: What the plan proposes.
    """
    known = record.known() if record else Snapshot({})
    gated = gate_hosts(host_facts(known).values())
    if not known.hosts or (gate_hosts(host_facts(proposed).values()) and not gated):
        return None
    return record


def host_to_ask(plan: Plan) -> str:
    """Return the host whose gate judges a plan, "" if the room has none.

    A gate that was converged stays the one that is asked, whatever is proposed.

    Raises:
        RefusedError: There are two.
    """
    found = gate_hosts(plan.hosts_before) or gate_hosts(plan.hosts_after)
    if len(found) > 1:
        raise RefusedError(
            f"{', '.join(found)} each have the component {GATE}",
            remedy="leave it to one host",
        )
    return found[0] if found else ""


def judged(
    plan: Plan,
    ask: Ask | None,
    *,
    now: int,
    run: Run | None = None,
    repair: Repair | None = None,
) -> Verdict:
    """Return the verdict on a plan that is about to be carried out.

    Args:
        plan: Of this run.
        ask: Puts the proposal to the gate's host; None where the room has no gate.
        now: Milliseconds since the epoch.
        run: What else the proposal says.
        repair: Judges the plan with what a steward signed; None where nothing is
            signed. It is called only if the gate is dead.

    Raises:
        RefusedError: The gate does not answer, and is not to be done without.
        ForgeError: What came back is no answer to this plan.
    """
    heard = ask(propose(plan, run)) if ask else Heard(is_absent=True)
    if heard.answer is not None:
        return by_gate(plan, heard.answer)
    converged = gate_hosts(plan.hosts_before)
    if not heard.is_absent or converged:
        if repair is not None and not heard.is_refusal:
            return repair()
        raise RefusedError(
            f"the gate does not answer: {heard.why or 'it is gone from its host'}",
            remedy=(
                "bring it back (systemctl status clawlaw on its host), or have a"
                f" steward sign the repair of exactly this plan, {plan.digest}:"
                " docs/change-gate.md"
            ),
        )
    return decide(plan, Path.INSTALL, now=now, run=run)
