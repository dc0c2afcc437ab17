"""Judge cases and count what matters: harm that passes, benign work that is stopped."""

import json
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clawlaw.adapters.aliases import in_known_words
from clawlaw.adapters.readings import joined
from clawlaw.cli.cases import Call, Case, Expected
from clawlaw.cli.policies import PolicyLoader
from clawlaw.core.actions import Opaque, Proposal
from clawlaw.core.decision import Verdict
from clawlaw.core.decode import decode_proposal
from clawlaw.core.errors import ProposalError
from clawlaw.core.policy import Policy
from clawlaw.core.state import Scope
from clawlaw.gate.declared import DeclaredTree
from clawlaw.gate.evaluator import Evaluation, Evaluator
from clawlaw.gate.facts import FactSource, Gatherer
from clawlaw.gate.standard import NOW, standard_tree
from clawlaw.record import Opening

WORD: Mapping[Verdict, Expected] = {
    Verdict.ALLOW: "allow",
    Verdict.ESCALATE: "ask",
    Verdict.DENY: "deny",
}
STRICT: Mapping[Expected, int] = {"allow": 0, "ask": 1, "deny": 2}
KINDS = frozenset({"directory", "other", "unreadable"})  # else content of a file
WORKSPACE = "/workspace"
HOME = "/home/agent"


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one call.

    Attributes:
        law: Number and rule of the finding that decided, "" where none did.
        unclear: What the analysis did not understand, "" where it did.
    """

    verdict: Expected
    reason: str
    law: str = ""
    unclear: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdicts on one case."""

    case: Case
    calls: tuple[Judged, ...]

    @property
    def strictest(self) -> Judged:
        """The verdict on the whole: its strictest, the first of several."""
        return max(self.calls, key=lambda judged: STRICT[judged.verdict])


@dataclass(slots=True)
class Count:
    """What came of the cases of one class."""

    harmful: int = 0
    harmful_allowed: int = 0
    benign: int = 0
    benign_asked: int = 0
    benign_denied: int = 0

    def add(self, expected: Expected, verdict: Expected) -> None:
        """Count one verdict against what was expected."""
        if expected == "allow":
            self.benign += 1
            self.benign_asked += verdict == "ask"
            self.benign_denied += verdict == "deny"
        else:
            self.harmful += 1
            self.harmful_allowed += verdict == "allow"


@dataclass(frozen=True, slots=True)
class Options:
    """What a run assumes of the machine.

    Attributes:
        workspace: Absolute directory.
        real: Facts of the workspace come from this machine.
        principal: "" takes the policy's first.
    """

    workspace: str = WORKSPACE
    home: str = HOME
    real: bool = False
    sandbox: bool = True
    principal: str = ""


class Bench:
    """Judges each case in a room of its own."""

    def __init__(self, loader: PolicyLoader, options: Options) -> None:
        """Judge under the loader's policy."""
        self._loader = loader
        self._options = options
        self._policies: dict[tuple[str, str], Policy] = {}

    def judge(self, case: Case) -> Answer:
        """Judge the calls of a case in order.

        Raises:
            ClawLawError: The case declares a tree or a session that cannot be.
        """
        return _Run(self, case, self._options).answer()

    def policy(self, workspace: str, home: str) -> Policy:
        """The policy bound to a workspace; compiled once for each."""
        key = workspace, home
        if key not in self._policies:
            self._policies[key] = self._loader.load(workspace, home)
        return self._policies[key]


class _Run:
    """One case while it is judged."""

    def __init__(self, bench: Bench, case: Case, options: Options) -> None:
        self._case = case
        self._workspace = case.workspace or options.workspace
        self._home = case.home or options.home
        self._policy = bench.policy(self._workspace, self._home)
        first = next(iter(self._policy.principals), "")
        self._principal = case.principal or options.principal or first
        sandbox = options.sandbox if case.sandbox is None else case.sandbox
        sandbox = sandbox and case.mediated
        self._source: FactSource
        if options.real and not case.files:
            self._source = Gatherer(
                clock=lambda: NOW, sandbox=sandbox, mediated=case.mediated
            )
        else:
            self._source = standard_tree(
                self._workspace,
                self._home,
                self._declared(),
                sandbox=sandbox,
                mediated=case.mediated,
            )
        self._evaluator = Evaluator(self._policy, self._source)

    def _declared(self) -> dict[str, Any]:
        """The case's own files: content stands for a file."""
        found: dict[str, Any] = {}
        for path, said in self._case.files.items():
            place = posixpath.normpath(joined(self._workspace, path))
            told = isinstance(said, dict) or (
                isinstance(said, str) and (said in KINDS or said.startswith("-> "))
            )
            found[place] = said if told else "file"
        return found

    def answer(self) -> Answer:
        return Answer(self._case, tuple(map(self._judge, range(len(self._case.calls)))))

    def _judge(self, index: int) -> Judged:
        call = self._case.calls[index]
        try:
            proposal = self._proposal(call, index)
            self._open(proposal)
            done = self._evaluator.evaluate(proposal)
        except ProposalError as error:
            return Judged("deny", str(error), "decode")
        # As at the gate's edge: a defect denies, and the other cases go on.
        except Exception as error:  # noqa: BLE001
            told = f"a defect: {type(error).__name__}: {error}"
            return Judged("deny", told, "defect")
        if done.decision.verdict is not Verdict.DENY:
            self._perform(done, call)
        if call.result is not None:
            self._evaluator.settle(done, call.result, untrusted=call.untrusted)
        return _judged(done)

    def _perform(self, done: Evaluation, call: Call) -> None:
        """What was allowed, or shows by its result that it was, has happened."""
        happened = done.decision.verdict is Verdict.ALLOW or call.result is not None
        if happened and isinstance(self._source, DeclaredTree):
            self._source.perform(done.effects)

    def _proposal(self, call: Call, index: int) -> Proposal:
        cwd = joined(self._workspace, call.cwd or "")
        raw = {
            "principal": call.principal or self._principal,
            "session": call.session or self._case.session or "case",
            "tool": call.tool,
            "arguments": call.arguments,
            "cwd": posixpath.normpath(cwd),
            "id": str(index),
            "purpose": self._case.purpose,
        }
        # As a client would send it; text that is not Unicode stays escaped.
        return self._in_words(decode_proposal(json.dumps(raw).encode()))

    def _in_words(self, proposal: Proposal) -> Proposal:
        """A tool that a map teaches is that tool, whatever a client means by it."""
        taught = proposal.tool in self._policy.tools
        return proposal if taught else in_known_words(proposal)

    def _open(self, proposal: Proposal) -> None:
        scope = Scope(self._case.purpose) if self._case.purpose else None
        self._evaluator.open(Opening(proposal.principal, proposal.session, scope))


def _judged(done: Evaluation) -> Judged:
    decision = done.decision
    strictest = next(
        (
            f
            for f in decision.findings
            if f.verdict is decision.verdict and not f.waived
        ),
        None,
    )
    law = f"{strictest.law} {strictest.rule}" if strictest else ""
    unclear = [e for e in done.effects if isinstance(e, Opaque)]
    told = f"{unclear[0].reason}: {unclear[0].at}" if unclear else ""
    return Judged(WORD[decision.verdict], decision.reason, law, told)


def count(answers: Iterable[Answer]) -> dict[str, Count]:
    """Counts by class, sorted; what nobody expects anything of is not counted."""
    found: dict[str, Count] = {}
    for answer in answers:
        group = found.setdefault(answer.case.group, Count())
        if answer.case.expected is not None:
            group.add(answer.case.expected, answer.strictest.verdict)
        for call, judged in zip(answer.case.calls, answer.calls, strict=True):
            if call.expected is not None:
                group.add(call.expected, judged.verdict)
    return dict(sorted(found.items()))
