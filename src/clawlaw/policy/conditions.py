"""Conditions of rules: a mapping in YAML to three tests, typed by the effects.

Several keys of a mapping must all hold. A key is a field of the effects, or one of
`any`, `all`, `not`, `fact`, `path_alone`, `target`, `session`, `flow`, `sandbox`,
`mediated`, `granted`, `purpose`, `principal`, `tool`, `tier`, `trusted`. `path` looks
at every path of an effect, where a link leads and a move goes included; `path_alone` at
the path itself; `flow` at the labels of what earlier effects of the same action read;
`granted` at the namespaces of the session's scope. Nothing is skipped: what is not
understood is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clawlaw.core.state import Label
from clawlaw.core.view import View
from clawlaw.policy import operators as op
from clawlaw.policy.errors import PolicyError, nearest
from clawlaw.policy.fields import FieldType, common_field
from clawlaw.policy.looked import Find, Looker, find_all, find_field
from clawlaw.policy.path_tests import (
    at_sets,
    fact_test,
    in_sets,
    outside_sets,
    session_labels,
    target_labels,
)
from clawlaw.policy.paths import PathSets
from clawlaw.policy.sets import HostSets
from clawlaw.policy.source import Place, Source
from clawlaw.policy.triple import Triple, every, known, negated, some

_FACTS = ("kind", "linked", "hardlinked", "expanded", "strange")
_PATH_OPERATORS = ("in", "at", "outside")
_FACT_KINDS = ("file", "directory", "other", "absent", "unknown")


@dataclass(frozen=True, slots=True)
class Names:
    """What conditions may refer to.

    Attributes:
        paths: Named sets of paths.
        hosts: Named sets of hosts.
        programs: Named sets of programs.
        purposes: Names of the purposes.
        principals: Names of the principals.
        used: Sets that a condition named, "paths secrets"; filled while reading.
        lookers: By name of the field, so that all rules share what was looked up.
    """

    paths: PathSets
    hosts: HostSets
    programs: Mapping[str, frozenset[str]]
    purposes: frozenset[str]
    principals: frozenset[str]
    used: set[str] = field(default_factory=set)
    lookers: dict[str, Looker] = field(default_factory=dict)

    def look(self, name: str) -> Looker:
        """What looks up the paths of a field; of `path`, every path of the effect."""
        if name not in self.lookers:
            single = find_field("path" if name == "path_alone" else name)
            find = find_all if name == "path" else single
            self.lookers[name] = Looker(self.paths, find)
        return self.lookers[name]


class Reader:
    """Reads the conditions of one rule."""

    def __init__(self, source: Source, kinds: tuple[str, ...], names: Names) -> None:
        """Read for effects of these kinds."""
        self._source = source
        self._kinds = kinds
        self._names = names
        self._special: dict[str, Callable[[Any, Place], Triple]] = {
            "any": lambda value, place: some(self._each(value, place)),
            "all": lambda value, place: every(self._each(value, place)),
            "not": lambda value, place: negated(self.read(value, place)),
            "fact": self._fact,
            "target": self._target,
            "session": self._session,
            "flow": self._flow,
            "path_alone": self._path_alone,
            "sandbox": self._sandbox,
            "mediated": self._mediated,
            "granted": self._granted,
            "purpose": self._purpose,
            "principal": self._principal,
            "tool": self._tool,
            "tier": self._tier,
            "trusted": self._trusted,
        }

    def read(self, value: Any, place: Place) -> Triple:
        """Read one mapping of conditions.

        Raises:
            PolicyError: A key, an operator, a value or a set that does not exist or
                does not fit these effects.
        """
        if not isinstance(value, dict):
            raise self._source.error(place, f"conditions are a mapping, not {value!r}")
        return every([self._key(k, v, (*place, k)) for k, v in value.items()])

    def _each(self, value: Any, place: Place) -> list[Triple]:
        op.expect(isinstance(value, list), "a list of conditions is needed")
        op.expect(value, "at least one condition is needed")
        return [self.read(item, (*place, n)) for n, item in enumerate(value)]

    def _key(self, key: str, value: Any, place: Place) -> Triple:
        try:
            # `purpose` of a delegation is a field; elsewhere it is the session's.
            if key in self._special and not self._is_field(key):
                return self._special[key](value, place)
            return self._field(key, value)
        except PolicyError:
            raise
        except ValueError as error:
            raise self._source.error(place, f"{key}: {error}") from error

    def _is_field(self, key: str) -> bool:
        try:
            common_field(self._kinds, key)
        except ValueError:
            return False
        return True

    def _field(self, name: str, value: Any) -> Triple:
        try:
            kind = common_field(self._kinds, name)
        except ValueError as error:
            near = nearest(name, self._special)
            hint = f" (or did you mean {near!r}?)" if near else ""
            raise ValueError(f"{error}{hint}") from error
        return self._typed(name, kind, value)

    def _typed(self, name: str, kind: FieldType, value: Any) -> Triple:
        if kind.kind == "path":
            if name == "target" and isinstance(value, dict) and "labels" in value:
                return self._target(value, ())
            return self._path(name, value)
        if kind.kind == "host":
            return self._host(value)
        if kind.kind in {"program", "family"}:
            return self._program(name, value)
        if kind.kind == "choice":
            return op.choice_field(name, kind, value)
        simple = {
            "text": op.text_field,
            "flag": op.flag_field,
            "number": op.number_field,
            "texts": op.list_field,
        }
        return simple[kind.kind](name, value)

    def _path_alone(self, value: Any, _place: Place) -> Triple:
        kind = common_field(self._kinds, "path")
        op.expect(kind.kind == "path", "the path of these effects is no file's")
        return self._path("path_alone", value)

    def _path(self, name: str, value: Any) -> Triple:
        operator, operand = self._membership(value, _PATH_OPERATORS)
        sets = self._sets("paths", self._names.paths.bits, operand)
        look = self._names.look(name)
        mask = self._names.paths.mask(sets)
        make = {"in": in_sets, "at": at_sets, "outside": outside_sets}[operator]
        return make(look, mask)

    @staticmethod
    def _membership(value: Any, known_ones: tuple[str, ...]) -> tuple[str, Any]:
        listed = " or ".join(known_ones)
        good = isinstance(value, dict) and len(value) == 1
        op.expect(good, f"{listed}: [SET, ...] is needed")
        ((operator, operand),) = value.items()
        op.one_of(operator, known_ones)
        return operator, operand

    def _host(self, value: Any) -> Triple:
        operator, operand = self._membership(value, ("in", "outside", "empty"))
        if operator == "empty":
            return op.text_field("host", {operator: operand})
        hosts = self._names.hosts
        triple = op.host_triple(
            hosts, hosts.mask(self._sets("hosts", hosts.bits, operand))
        )
        return triple if operator == "in" else negated(triple)

    def _program(self, field: str, value: Any) -> Triple:
        if not isinstance(value, dict):
            return op.program_triple(field, frozenset(op.texts_of(value)))
        operator, operand = self._membership(value, ("in", "outside", "empty"))
        if operator == "empty":
            return op.text_field(field, {operator: operand})
        names = self._sets("programs", self._names.programs, operand)
        wanted = frozenset[str]().union(*(self._names.programs[n] for n in names))
        triple = op.program_triple(field, wanted)
        return triple if operator == "in" else negated(triple)

    def _sets(
        self, family: str, existing: Mapping[str, object], value: Any
    ) -> tuple[str, ...]:
        names = op.texts_of(value)
        for name in names:
            if name not in existing:
                near = nearest(name, existing)
                hint = f" (did you mean {near!r}?)" if near else ""
                raise ValueError(f"no set of {family} {name!r}{hint}")
            self._names.used.add(f"{family} {name}")
        return names

    def _paths_of_kinds(self) -> Find:
        if self._is_field("path") and common_field(self._kinds, "path").kind == "path":
            return find_all
        if self._is_field("script"):
            return find_field("script")
        raise ValueError(f"{', '.join(self._kinds)} have no path in common")

    def _fact(self, value: Any, _place: Place) -> Triple:
        op.expect(isinstance(value, dict) and value, f"{', '.join(_FACTS)} are facts")
        find = self._paths_of_kinds()
        parts = []
        for name, wanted in value.items():
            op.one_of(name, _FACTS)
            if name == "kind":
                kind = FieldType("choice", _FACT_KINDS)
                op.choice_field("kind", kind, wanted)
                parts.append(fact_test(name, op.texts_of(wanted), find))
            else:
                parts.append(fact_test(name, op.flag_of(wanted), find))
        return every(parts)

    def _labels(self, value: Any) -> Label:
        op.expect(isinstance(value, dict) and list(value) == ["labels"], "labels: [..]")
        known_ones = tuple(label.name.lower() for label in Label if label.name)
        found = Label(0)
        for name in op.texts_of(value["labels"]):
            op.one_of(name, known_ones)
            found |= Label[name.upper()]
        return found

    def _target(self, value: Any, _place: Place) -> Triple:
        return target_labels(self._labels(value), self._paths_of_kinds())

    def _session(self, value: Any, _place: Place) -> Triple:
        return known(session_labels(self._labels(value)))

    def _flow(self, value: Any, _place: Place) -> Triple:
        bits = int(self._labels(value))
        return known(lambda _effect, view: bool(view.work.flow & bits))

    def _sandbox(self, value: Any, _place: Place) -> Triple:
        wanted = op.flag_of(value)
        return known(lambda _effect, view: view.facts.sandbox is wanted)

    def _mediated(self, value: Any, _place: Place) -> Triple:
        wanted = op.flag_of(value)
        return known(lambda _effect, view: view.facts.mediated is wanted)

    def _granted(self, value: Any, _place: Place) -> Triple:
        """Whether the scope of the session names the namespace of the effect."""
        wanted = op.flag_of(value)
        common_field(self._kinds, "namespace")

        def test(effect: Any, view: View) -> bool:
            return (effect.namespace in view.scope.namespaces) is wanted

        return known(test)

    def _purpose(self, value: Any, _place: Place) -> Triple:
        return self._named("purpose", value, self._names.purposes)

    def _principal(self, value: Any, _place: Place) -> Triple:
        return self._named("principal", value, self._names.principals)

    def _named(self, what: str, value: Any, existing: frozenset[str]) -> Triple:
        wanted = frozenset(op.texts_of(value))
        for name in sorted(wanted - existing):
            near = nearest(name, existing)
            hint = f" (did you mean {near!r}?)" if near else ""
            raise ValueError(f"no {what} {name!r}{hint}")

        def test(_effect: Any, view: View) -> bool:
            return getattr(view, what).name in wanted

        return known(test)

    def _tool(self, value: Any, _place: Place) -> Triple:
        wanted = frozenset(op.texts_of(value))
        return known(lambda _effect, view: view.proposal.tool in wanted)

    def _tier(self, value: Any, _place: Place) -> Triple:
        holds = op.number_holds(value)
        return known(lambda _effect, view: holds(view.principal.tier))

    def _trusted(self, value: Any, _place: Place) -> Triple:
        op.expect(self._kinds == ("process.exec",), "only process.exec has a program")
        return known(op.trusted_program(value))
