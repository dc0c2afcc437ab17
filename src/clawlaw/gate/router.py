"""Which request goes where, and which right it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs, unquote

from clawlaw.gate import replies
from clawlaw.gate.boundary import Boundary
from clawlaw.gate.http import Request
from clawlaw.gate.peers import Peer, Right
from clawlaw.gate.replies import Reply
from clawlaw.gate.stewardship import Stewardship

MAX_WAIT: Final = 60  # seconds that a request may wait for an escalation

type Free = Literal[""]  # whoever reaches the gate may ask
type Handler = Callable[[Peer, Request], Reply]


@dataclass(frozen=True, slots=True)
class Wait:
    """A request that waits for an escalation to end.

    Attributes:
        seconds: At most.
    """

    escalation: str
    seconds: int


class Router:
    """Requests to the boundary's methods."""

    def __init__(self, boundary: Boundary, stewardship: Stewardship) -> None:
        """Lead to a boundary and its stewards' side."""
        self._boundary = boundary
        self._stewardship = stewardship
        self._exact: dict[tuple[str, str], tuple[Right | Free, Handler]] = {}
        routes: tuple[tuple[str, Right, Handler], ...] = (
            ("/v1/proposals", "propose", self._propose),
            ("/v1/sessions", "propose", with_body(boundary.open_session)),
            ("/v1/sessions/close", "propose", with_body(boundary.close_session)),
            ("/v1/outcomes", "outcome", with_body(boundary.outcome)),
            ("/v1/applied", "propose", with_body(boundary.applied)),
            ("/v1/permits/redeem", "executor", with_body(boundary.redeem)),
        )
        for path, right, serve in routes:
            self.add("POST", path, right, serve)
        self.add("GET", "/v1/steward/escalations", "steward", self._escalations)

    def add(
        self, method: str, path: str, right: Right | Free, handler: Handler
    ) -> None:
        """Lead a path to a handler."""
        self._exact[method, path] = right, handler

    def serve(self, peer: Peer, request: Request) -> Reply:
        """Answer one request; a `steward` or an agent's right is checked here."""
        found = self._exact.get((request.method, request.path))
        if found is None:
            found = self._with_name(request)
        if found is None:
            known = any(path == request.path for _, path in self._exact)
            status, what = (405, "not this method") if known else (404, "no such path")
            remedy = "docs/gate.md lists what can be asked"
            return replies.problem(status, what, request.path[:200], remedy)
        right, handler = found
        if not right:
            return handler(peer, request)
        if right not in peer.rights:
            remedy = "ask at a listener that has the right"
            return replies.problem(403, f"no right to {right} here", "", remedy)
        if right not in {"steward", "metrics"} and not peer.principal:
            remedy = "an operator must list this uid, token or certificate as an agent"
            return replies.problem(401, "the gate does not know who asks", "", remedy)
        return handler(peer, request)

    def wait_of(self, request: Request) -> Wait | None:
        """What a request wants to wait for, if it does."""
        if request.method != "GET" or not request.path.startswith("/v1/escalations/"):
            return None
        wanted = parse_qs(request.query).get("wait", ["0"])[-1]
        seconds = (
            min(int(wanted), MAX_WAIT) if wanted.isascii() and wanted.isdigit() else 0
        )
        name = unquote(request.path.removeprefix("/v1/escalations/"))
        return Wait(name, seconds) if seconds else None

    def _with_name(self, request: Request) -> tuple[Right | Free, Handler] | None:
        """A path that holds an id."""
        steps = [unquote(step) for step in request.path.split("/")[1:]]
        stewards = self._stewardship
        acts: dict[tuple[str, str], Callable[[Peer, str, bytes], Reply]] = {
            ("escalations", "answer"): stewards.answer,
            ("sessions", "budget"): stewards.budget,
            ("sessions", "quarantine"): stewards.quarantine,
            ("sessions", "close"): stewards.close,
        }
        match request.method, steps:
            case "GET", ["v1", "escalations", name]:
                return "propose", lambda peer, _: self._boundary.escalation(peer, name)
            case "GET", ["v1", "steward", "escalations", name]:
                return "steward", lambda *_: stewards.escalation(name)
            case "POST", ["v1", "steward", of, name, act] if (of, act) in acts:
                serve = acts[of, act]
                return "steward", lambda peer, asked: serve(peer, name, asked.body)
            case _:
                return None

    def _propose(self, peer: Peer, request: Request) -> Reply:
        trace = request.headers.get(b"traceparent", "")
        return self._boundary.propose(peer, request.body, trace)

    def _escalations(self, _peer: Peer, request: Request) -> Reply:
        finished = "all" in parse_qs(request.query)
        return self._stewardship.escalations(finished=finished)


def with_body(serve: Callable[[Peer, bytes], Reply]) -> Handler:
    """A handler for what needs nothing of a request but its body."""
    return lambda peer, request: serve(peer, request.body)
