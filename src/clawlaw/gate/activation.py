"""Another policy while the gate serves: compiled aside, then in force at once.

Compiling takes about a second and runs in a thread; the decisions of meanwhile are
made under the policy of before. A policy that cannot be used changes nothing.
"""

import asyncio
from collections.abc import Callable

from clawlaw.core.errors import ClawLawError
from clawlaw.core.policy import Policy
from clawlaw.gate import replies
from clawlaw.gate.boundary import Boundary
from clawlaw.gate.http import Request
from clawlaw.gate.journal import note
from clawlaw.gate.replies import Reply
from clawlaw.gate.stewardship import Stewardship, activate
from clawlaw.policy.errors import PolicyError

PATH = "/v1/steward/policy"


class Activation:
    """Reload on SIGHUP, and stewards' requests for another policy."""

    def __init__(
        self,
        compiled: Callable[[str], Policy],
        boundary: Boundary,
        stewardship: Stewardship,
    ) -> None:
        """Activate what `compiled` makes of a folder ("": the configured one)."""
        self._compiled = compiled
        self._boundary = boundary
        self._stewardship = stewardship
        self._tasks: set[asyncio.Task[Reply]] = set()

    def reload(self, flush: Callable[[], None]) -> None:
        """Read the configured policy again; called on SIGHUP."""
        task = asyncio.ensure_future(self._reload(flush))
        self._keep(task)

    def deferred(self, request: Request) -> "asyncio.Task[Reply] | None":
        """The answer to a request for another policy, where it is one."""
        if request.method != "POST" or request.path != PATH:
            return None
        task = asyncio.ensure_future(self._requested(request.body))
        self._keep(task)
        return task

    def _keep(self, task: "asyncio.Task[Reply]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload(self, flush: Callable[[], None]) -> Reply:
        try:
            policy = await asyncio.to_thread(self._compiled, "")
            if self._boundary.state.ledger.latched:
                return replies.unavailable(replies.NOT_RECORDED)
            activate(self._boundary, policy, "reload")
            flush()
        except (PolicyError, ClawLawError, OSError) as error:
            note("policy refused", error=str(error))
            return replies.problem(409, str(error), "policy", "it stays as it is")
        note("policy activated", policy=policy.digest)
        return replies.fields({"policy": policy.digest})

    async def _requested(self, raw: bytes) -> Reply:
        remedy = "the policy in force stays"
        try:
            asked = self._stewardship.checked_policy(raw)
            policy = await asyncio.to_thread(self._compiled, asked.path)
        except (PolicyError, ClawLawError, OSError) as error:
            return replies.problem(409, str(error), "policy", remedy)
        if policy.digest != asked.digest:
            what = f"the folder holds {policy.digest}, not what was signed"
            return replies.problem(409, what, "policy", remedy)
        if self._boundary.state.ledger.latched:
            return replies.unavailable(replies.NOT_RECORDED)
        note("policy activated", policy=policy.digest, by=asked.key)
        return self._stewardship.activate(policy, asked.key)
