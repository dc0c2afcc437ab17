"""Actions that were allowed and whose outcome is not known yet."""

from collections import OrderedDict
from dataclasses import dataclass

from clawlaw.core.actions import AnyEffect
from clawlaw.evidence.schema import Decided

# Of one session, with a permit and without; of older ones no outcome is taken. Each has
# its own bound: of calls in a model's answer no outcome comes, since nobody performs
# them by that decision, and the request to the model, which has a permit, stays open.
MAX_OPEN = 256


@dataclass(frozen=True, slots=True)
class Allowed:
    """One of them, as far as its outcome depends on it.

    Attributes:
        number: Of the action in its session.
        permit: Digest of the permit that went with it, "" where there was none.
        call: The client's own name of it.
    """

    principal: str
    session: str
    tool: str
    effects: tuple[AnyEffect, ...]
    number: int
    permit: str = ""
    call: str = ""


class AllowedActions:
    """All of them, bounded by session."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_id: dict[str, Allowed] = {}
        self._by_session: dict[str, OrderedDict[str, None]] = {}
        # The same, apart by whether they have a permit.
        self._by_kind: dict[tuple[str, bool], OrderedDict[str, None]] = {}
        # Of mediated ones, whether reported or not: the client hears of them later.
        self._calls: dict[str, OrderedDict[str, tuple[str, Allowed]]] = {}

    def take(self, decided: Decided, number: int) -> None:
        """Remember a decision, unless it stops its action."""
        record = decided.record
        if record.decision["verdict"] != "allow" and not decided.observe:
            return
        self.put(
            decided.id,
            Allowed(
                record.proposal.principal,
                record.proposal.session,
                record.proposal.tool,
                record.effects,
                number,
                decided.permit,
                record.proposal.id,
            ),
        )

    def put(self, name: str, allowed: Allowed) -> None:
        """Remember an action by the id of its decision."""
        self._by_id[name] = allowed
        self.call(name, allowed)
        self._by_session.setdefault(allowed.session, OrderedDict())[name] = None
        kind = allowed.session, bool(allowed.permit)
        same = self._by_kind.setdefault(kind, OrderedDict())
        same[name] = None
        if len(same) > MAX_OPEN:
            self.remove(next(iter(same)))

    def call(self, name: str, allowed: Allowed) -> None:
        """Remember a mediated action by the client's name of it."""
        if allowed.call and allowed.permit:
            calls = self._calls.setdefault(allowed.session, OrderedDict())
            calls.pop(allowed.call, None)
            calls[allowed.call] = name, allowed
            if len(calls) > MAX_OPEN:
                calls.popitem(last=False)

    def called(self, session: str, call: str) -> tuple[str, Allowed] | None:
        """An action by the client's name: a mediated one, or one still open."""
        calls = self._calls.get(session)
        found = None if calls is None else calls.get(call)
        if found is None and call:
            found = next((o for o in self.of(session) if o[1].call == call), None)
        return found

    def calls(self, session: str) -> list[tuple[str, Allowed]]:
        """Mediated ones of a session with a name, the oldest first."""
        return list(self._calls.get(session, {}).values())

    def of(self, session: str) -> list[tuple[str, Allowed]]:
        """Those of a session by the ids of their decisions, the oldest first."""
        return [(name, self._by_id[name]) for name in self._by_session.get(session, ())]

    def get(self, name: str) -> Allowed | None:
        """The action of a decision."""
        return self._by_id.get(name)

    def remove(self, name: str) -> None:
        """Its outcome is known."""
        allowed = self._by_id.pop(name, None)
        if allowed is not None:
            self._by_session[allowed.session].pop(name, None)
            self._by_kind[allowed.session, bool(allowed.permit)].pop(name, None)

    def close(self, session: str) -> None:
        """Forget those of a session."""
        self._calls.pop(session, None)
        for mediated in (False, True):
            self._by_kind.pop((session, mediated), None)
        for name in self._by_session.pop(session, ()):
            del self._by_id[name]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_id)
