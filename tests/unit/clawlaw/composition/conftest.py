"""Runs sequences of effects through the patterns alone, without laws or analysis."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from clawlaw.core import composition, kernel, results
from clawlaw.core.actions import AnyEffect, Proposal
from clawlaw.core.analyse import requested
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.facts import Facts, PathFact, ProgramFact
from clawlaw.core.policy import Policy, Principal, Purpose
from clawlaw.core.state import Label, Room, Scope, Session, State
from clawlaw.core.view import View
from clawlaw.core.working import Working

type Judged = tuple[Verdict, list[Finding]]


@dataclass
class World:
    """Sessions of one room, and the policy that they are judged by."""

    secret: Sequence[str] = ()
    internal: Sequence[str] = ()
    sandbox: bool = False
    settings: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    baseline: Mapping[str, int] = field(default_factory=dict)
    hosts: Sequence[str] = ()
    room: Room = field(default_factory=Room)
    sessions: dict[str, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.principal = Principal(
            "p", Scope("develop"), (), {}, baseline=self.baseline
        )
        self.policy = Policy(
            name="test",
            version="1",
            digest="sha256:0",
            workspace=("/workspace",),
            home="/home/agent",
            rules={},
            purposes={},
            principals={"p": self.principal},
            settings=self.settings,
            laws=frozenset(),
            label_of=self._label_of,
            internal=lambda host: host in self.internal,
        )

    def _label_of(self, path: str) -> int:
        held = any(path == s or path.startswith(s + "/") for s in self.secret)
        return int(Label.SECRET) if held else 0

    def _fact(self, path: str) -> PathFact:
        """Every path exists as a plain file, unless the case says otherwise."""
        said = {"resolved": path, "kind": "file", **self.files.get(path, {})}
        return msgspec.convert(said, PathFact)

    def state(self, name: str) -> State:
        if name not in self.sessions:
            session = Session(id=name, principal="p", scope=Scope("develop"))
            self.sessions[name] = State(session, self.room)
        return self.sessions[name]

    def view(
        self,
        name: str,
        command: str = "",
        cwd: str = "/workspace",
        effects: Sequence[AnyEffect] = (),
    ) -> View:
        asked = {*requested(list(effects)).paths, *self.programs.values(), cwd}
        facts = Facts(
            now=0,
            paths={path: self._fact(path) for path in asked},
            programs={k: ProgramFact(v) for k, v in self.programs.items()},
            sandbox=self.sandbox,
        )
        return View(
            proposal=Proposal("p", name, "exec", {"command": command}, cwd),
            policy=self.policy,
            facts=facts,
            work=Working(self.state(name)),
            principal=self.principal,
            purpose=Purpose("develop", frozenset()),
            scope=Scope("develop", hosts=tuple(self.hosts)),
        )

    def act(
        self,
        effects: Sequence[AnyEffect],
        session: str = "a",
        *,
        refused: int | None = None,
        asked: int | None = None,
        command: str = "",
        cwd: str = "/workspace",
    ) -> Judged:
        """One proposal; a law denies the effect `refused`, or asks about `asked`."""
        view = self.view(session, command, cwd, effects)
        findings: list[Finding] = []
        for index, effect in enumerate(effects):
            findings += composition.observe(effect, index, view)
        told = list(findings)
        if refused is not None:
            told.append(Finding(0, "boundary.test", Verdict.DENY, "no", refused))
        if asked is not None:
            told.append(Finding(8, "authority.test", Verdict.ESCALATE, "?", asked))
        verdict = max((f.verdict for f in told), default=Verdict.ALLOW)
        composition.close(view, verdict, tuple(effects), told)
        kernel.apply(self.state(session), view.work.delta(verdict))
        return verdict, findings

    def result(
        self,
        text: str,
        effects: Sequence[AnyEffect] = (),
        session: str = "a",
        *,
        untrusted: bool = False,
    ) -> None:
        state = self.state(session)
        kernel.settle(
            state, results.outcome(state, text, untrusted=untrusted, effects=effects)
        )


@pytest.fixture
def world() -> Callable[..., World]:
    return World


def filled(value: Any, number: int) -> Any:
    """Every `{n}` in a step replaced by its number."""
    match value:
        case str():
            return value.replace("{n}", str(number))
        case list():
            return [filled(item, number) for item in value]
        case dict():
            return {key: filled(item, number) for key, item in value.items()}
    return value


def _steps_of(case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Steps of a case, one after the other, repeats written out."""
    for step in case["steps"]:
        whole: dict[str, Any]
        whole = {"effects": step} if isinstance(step, list) else dict(step)
        for number in range(whole.pop("repeat", 1)):
            yield filled(whole, number)


@pytest.fixture
def steps_of() -> Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]:
    return _steps_of
