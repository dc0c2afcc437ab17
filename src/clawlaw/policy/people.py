"""Purposes and principals, from their documents to what the kernel judges by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clawlaw.core.decision import Verdict
from clawlaw.core.policy import Principal, Purpose
from clawlaw.core.state import Scope
from clawlaw.policy.conditions import Names
from clawlaw.policy.document import CeilingEntry, PrincipalEntry, PurposeEntry
from clawlaw.policy.errors import nearest
from clawlaw.policy.fields import expand_kinds
from clawlaw.policy.paths import Bindings
from clawlaw.policy.source import Place, Source

_OFF = {"escalate": Verdict.ESCALATE, "deny": Verdict.DENY}


@dataclass(frozen=True, slots=True)
class Register:
    """What purposes and principals may refer to.

    Attributes:
        source: Of the document that lists them.
        names: Of purposes and sets.
        hosts: Entries of the sets of hosts, by name.
        bindings: Of the variables.
    """

    source: Source
    names: Names
    hosts: Mapping[str, Sequence[str]]
    bindings: Bindings

    def purpose(self, number: int, entry: PurposeEntry) -> Purpose:
        """One purpose.

        Raises:
            PolicyError: It has a kind that does not exist.
        """
        try:
            kinds = expand_kinds(entry.kinds)
        except ValueError as error:
            place: Place = ("purposes", number, "kinds")
            raise self.source.error(place, str(error)) from error
        return Purpose(
            name=entry.name,
            kinds=frozenset(kinds),
            programs=frozenset(entry.programs),
            off=_OFF[entry.off],
        )

    def principal(self, number: int, entry: PrincipalEntry) -> Principal:
        """One principal.

        Raises:
            PolicyError: It names a purpose, a variable or a set that does not exist.
        """
        place: Place = ("principals", number)
        for purpose in entry.purposes:
            if purpose not in self.names.purposes:
                near = nearest(purpose, self.names.purposes)
                problem = f"no purpose {purpose!r}"
                raise self.source.error((*place, "purposes"), problem, near)
        budgets = {str(unit): amount for unit, amount in entry.budgets.items()}
        room = {str(unit): amount for unit, amount in entry.room_budgets.items()}
        ceiling = Scope(
            purpose="",
            paths=self._paths((*place, "ceiling", "paths"), entry.ceiling),
            hosts=self._hosts((*place, "ceiling", "hosts"), entry.ceiling),
            programs=tuple(entry.ceiling.programs),
            budgets=budgets,
            namespaces=tuple(entry.ceiling.namespaces),
        )
        return Principal(
            name=entry.name,
            ceiling=ceiling,
            purposes=tuple(entry.purposes),
            budgets=budgets,
            room_budgets=room,
            sessions=entry.sessions,
            depth=entry.depth,
            tier=entry.tier,
            baseline=dict(entry.baseline),
        )

    def _paths(self, place: Place, ceiling: CeilingEntry) -> tuple[str, ...]:
        try:
            return tuple(p for e in ceiling.paths for p in self.bindings.expand(e))
        except ValueError as error:
            raise self.source.error(place, str(error)) from error

    def _hosts(self, place: Place, ceiling: CeilingEntry) -> tuple[str, ...]:
        """Hosts of a ceiling; of a set it names those that are no networks."""
        found: list[str] = []
        for host in ceiling.hosts:
            name = host.removeprefix("@")
            if name == host:
                found.append(host)
            elif name in self.hosts:
                self.names.used.add(f"hosts {name}")
                found += [h for h in self.hosts[name] if "/" not in h]
            else:
                near = nearest(name, self.hosts)
                raise self.source.error(place, f"no set {name!r}", near)
        return tuple(dict.fromkeys(found))
