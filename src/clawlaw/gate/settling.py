"""What a request to a model used, against what its decision reserved for it.

A decision reserves the most that a request could use. More is added, whoever says so.
Less is given back only to who shows the permit that came with the ALLOW: it was given
to the one who proposed and stands in no log, so that a budget cannot be made to grow by
reporting the outcomes of others.
"""

from hmac import compare_digest

import msgspec
from msgspec import structs

from clawlaw.core.actions import ModelGenerate
from clawlaw.core.decision import Outcome
from clawlaw.core.errors import ProposalError
from clawlaw.evidence.schema import Exchange
from clawlaw.gate.allowed import Allowed
from clawlaw.gate.permits import digest
from clawlaw.gate.requests import OutcomeRequest

TOKENS = "tokens"


def settled(
    asked: OutcomeRequest, allowed: Allowed, outcome: Outcome
) -> tuple[Outcome, Exchange | None]:
    """An outcome with its spend, and what is recorded of the exchange.

    Args:
        asked: As reported.
        allowed: The action as it was decided.
        outcome: What the result teaches.

    Raises:
        ProposalError: An exchange of an action that asked no model, or a permit that
            is not the action's.
    """
    if asked.permit and not compare_digest(digest(asked.permit), allowed.permit):
        raise ProposalError("permit", "is not the one of this action")
    said = asked.exchange
    if said is None:
        return outcome, None
    wanted = [e.tokens for e in allowed.effects if isinstance(e, ModelGenerate)]
    if not wanted:
        raise ProposalError("exchange", "the action asks no model")
    exchange = msgspec.convert(structs.asdict(said), Exchange)
    if not said.reported:
        return outcome, exchange
    used, reserved = said.prompt_tokens + said.completion_tokens, sum(wanted)
    more = {TOKENS: max(used, reserved)}
    less = {TOKENS: reserved - used} if asked.permit and used < reserved else {}
    spent = structs.replace(
        outcome, spend=more, reserved={TOKENS: reserved}, released=less
    )
    return spent, exchange
