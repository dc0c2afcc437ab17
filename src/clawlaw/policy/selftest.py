"""Rules against their own examples: a law without tests does not load.

An example is a tool call or an effect, judged in an empty session in which every path
is a file that leads nowhere else, unless the example says otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from clawlaw.core.actions import KIND_OF, AnyEffect, Proposal
from clawlaw.core.analyse import analyse
from clawlaw.core.errors import ProposalError
from clawlaw.core.facts import Facts, PathFact, ProgramFact
from clawlaw.core.intent import plain
from clawlaw.core.laws.law10_protocol import untested
from clawlaw.core.policy import Policy, Principal, Purpose, Rule
from clawlaw.core.state import Label, Room, Scope, Session, State, insert, pack
from clawlaw.core.text import fold_path
from clawlaw.core.view import View
from clawlaw.core.working import Working
from clawlaw.policy.document import Example, LawDocument, Loaded
from clawlaw.policy.paths import Bindings
from clawlaw.policy.source import Place, Source

# Argument that the short form of a tool stands for.
SHORT = {
    "exec": "command",
    "read": "path",
    "write": "path",
    "edit": "path",
    "delete": "path",
    "fetch": "url",
}
_FILL = {"write": {"content": "text"}, "edit": {"old": "a", "new": "b"}}
_ANYONE = Principal("example", Scope(purpose="example"), ("example",), {})
_ANYTHING = Purpose("example", frozenset(KIND_OF.values()))


@dataclass(frozen=True, slots=True)
class Scene:
    """One example, ready to be judged."""

    effects: tuple[AnyEffect, ...]
    view: View


def check_examples(
    documents: Sequence[Loaded], policy: Policy, bindings: Bindings
) -> int:
    """Hold every rule to its examples.

    Returns:
        Number of examples that held.

    Raises:
        PolicyError: The first rule without examples or whose example does not hold.
    """
    rules = {rule.id: rule for some in policy.rules.values() for rule in some}
    held = 0
    for loaded in documents:
        if not isinstance(loaded.document, LawDocument):
            continue
        for number, entry in enumerate(loaded.document.rules):
            place: Place = ("rules", number)
            if untested([entry]):
                lacks = "not_match" if entry.match else "match"
                problem = f"{entry.id}: no `{lacks}`; a rule without tests is none"
                raise loaded.source.error(place, problem)
            for name, wanted in (("match", True), ("not_match", False)):
                for index, example in enumerate(getattr(entry, name)):
                    where: Place = (*place, name, index)
                    tester = _Tester(loaded.source, where, policy, bindings)
                    always = not (entry.when or entry.unless)
                    tester.hold(rules[entry.id], example, wanted, always=always)
                    held += 1
    return held


class _Tester:
    """Holds one rule to one example."""

    def __init__(
        self, source: Source, place: Place, policy: Policy, bindings: Bindings
    ) -> None:
        self._source = source
        self._place = place
        self._policy = policy
        self._bindings = bindings

    def hold(
        self,
        rule: Rule,
        example: Example,
        wanted: bool,  # noqa: FBT001  # reads as said
        *,
        always: bool,
    ) -> None:
        scene = self._scene(example)
        seen = False
        applied = False
        for index, effect in enumerate(scene.effects):
            if KIND_OF[type(effect)] not in rule.kinds:
                continue
            seen = True
            scene.view.index = index
            applied = applied or rule.test(effect, scene.view)
        found = ", ".join(KIND_OF[type(e)] for e in scene.effects) or "no effect"
        # Only other kinds of effects can show where a rule without conditions ends.
        if not seen and not (always and not wanted):
            kinds = ", ".join(sorted(rule.kinds))
            problem = f"{rule.id} looks at {kinds}; this example has {found}"
            raise self._source.error(self._place, problem)
        if applied is not wanted:
            does = "applies" if applied else "does not apply"
            shown = "; ".join(map(repr, scene.effects))
            problem = f"{rule.id} {does} to this example: {shown}"
            raise self._source.error(self._place, problem)

    def _scene(self, example: Example) -> Scene:
        proposal = self._proposal(example)
        if example.effect is None:
            try:
                effects = analyse(proposal, self._policy).effects
            except ProposalError as error:
                raise self._source.error(self._place, str(error)) from error
        else:
            effects = (self._effect(example.effect),)
        policy = self._policy
        work = Working(self._state(example))
        work.flow = int(_labels(example.flow))
        view = View(
            proposal=proposal,
            policy=policy,
            facts=self._facts(example, effects),
            work=work,
            principal=policy.principals.get(example.principal, _ANYONE),
            purpose=policy.purposes.get(example.purpose, _ANYTHING),
            scope=self._scope(example),
        )
        return Scene(effects, view)

    def _expand(self, value: Any) -> Any:
        """Variables anywhere in an example, with their first value."""
        if isinstance(value, str):
            bound = self._bindings
            value = value.replace("${workspace}", bound.workspace[0])
            value = value.replace("${policy}", bound.policy[0])
            return value.replace("${home}", bound.home)
        if isinstance(value, list):
            return [self._expand(item) for item in value]
        if isinstance(value, dict):
            return {self._expand(k): self._expand(v) for k, v in value.items()}
        return value

    def _effect(self, fields: dict[str, Any]) -> AnyEffect:
        try:
            effect: AnyEffect = msgspec.convert(
                self._expand(fields), AnyEffect.__value__
            )
        except msgspec.ValidationError as error:
            raise self._source.error((*self._place, "effect"), str(error)) from error
        return effect

    def _proposal(self, example: Example) -> Proposal:
        given = [name for name in SHORT if getattr(example, name) is not None]
        forms = len(given) + (example.call is not None) + (example.effect is not None)
        if forms != 1:
            problem = "an example is one tool, or `call`, or `effect`"
            raise self._source.error(self._place, problem)
        tool, arguments = "exec", {}
        if given:
            tool = given[0]
            argument = self._expand(getattr(example, tool))
            arguments = {SHORT[tool]: argument, **_FILL.get(tool, {})}
        elif example.call is not None:
            call = self._expand(example.call)
            tool, arguments = str(call.get("tool", "")), call.get("arguments", {})
        return Proposal(
            principal=example.principal or "example",
            session="example",
            tool=tool,
            arguments=arguments,
            cwd=self._expand(example.cwd) or self._bindings.workspace[0],
        )

    def _facts(self, example: Example, effects: tuple[AnyEffect, ...]) -> Facts:
        declared = {self._expand(p): fact for p, fact in example.paths.items()}
        paths: dict[str, PathFact] = {}
        globs = {self._expand(g): self._expand(m) for g, m in example.globs.items()}
        named = [p for matches in globs.values() for p in matches]
        for effect in effects:
            named += paths_of(effect)
        for path in named:
            fact = declared.get(path)
            paths[path] = PathFact(
                resolved=self._expand(fact.resolved) if fact else "",
                kind=fact.kind if fact else "file",
                links=fact.links if fact else 1,
                linked=fact.linked if fact else False,
                origin="declared",
            )
            if not paths[path].resolved and paths[path].kind != "unknown":
                paths[path] = msgspec.structs.replace(paths[path], resolved=plain(path))
        return Facts(
            now=0,
            paths=paths,
            globs={glob: tuple(matches) for glob, matches in globs.items()},
            programs=self._programs(example, effects),
            sandbox=example.sandbox,
            mediated=example.mediated,
        )

    @staticmethod
    def _programs(
        example: Example, effects: tuple[AnyEffect, ...]
    ) -> dict[str, ProgramFact]:
        names = [getattr(effect, "program", "") for effect in effects]
        return {
            name: ProgramFact(
                resolved=name if "/" in name else f"/usr/bin/{name}",
                writable=name in example.writable,
            )
            for name in names
            if name and name not in example.missing
        }

    @staticmethod
    def _scope(example: Example) -> Scope:
        return Scope(example.purpose, namespaces=tuple(example.namespaces))

    def _state(self, example: Example) -> State:
        session = Session("example", "example", self._scope(example))
        state = State(session, Room())
        session.labels = int(_labels(example.session))
        for path, names in example.labels.items():
            folded = fold_path(self._expand(path)).text
            insert(state, "files", folded, pack(int(_labels(names)), 1))
        return state


def _labels(names: Sequence[str]) -> Label:
    found = Label(0)
    for name in names:
        found |= Label[name.upper()]
    return found


def paths_of(effect: AnyEffect) -> list[str]:
    """Absolute paths of an effect that facts are needed of."""
    found = []
    for name in ("path", "to", "target", "script", "program"):
        path = getattr(effect, name, "")
        if path.startswith("/") and KIND_OF[type(effect)] != "net.request":
            found.append(path)
    return found
