"""`clawlaw decide` and `clawlaw explain`: the verdict on proposed actions."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from clawlaw.cli.explain import explain_record, explain_refusal
from clawlaw.cli.options import (
    AdvisoryOption,
    HomeOption,
    JsonOption,
    NoSandboxOption,
    PolicyOption,
    PrincipalOption,
    ToolsOption,
    WorkspaceOption,
)
from clawlaw.cli.output import (
    EXIT_OF,
    UsageError,
    out,
    print_bytes,
    reported,
    styled,
)
from clawlaw.cli.policies import PolicyLoader, find_policy
from clawlaw.cli.proposals import (
    SESSION,
    Defaults,
    decode,
    from_options,
    read_input,
    split,
)
from clawlaw.core.canonical import digest
from clawlaw.core.decision import Verdict
from clawlaw.core.errors import ProposalError
from clawlaw.gate.evaluator import Evaluator
from clawlaw.gate.facts import Gatherer
from clawlaw.record import (
    VERDICTS,
    VERSION,
    DecisionRecord,
    RecordError,
    RefusalRecord,
    encode,
)
from clawlaw.record import decode as decode_record

FileArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]", help="A proposal as JSON, or one a line; - is the input."
    ),
]
ToolOption = Annotated[
    str, typer.Option("--tool", metavar="NAME", help="In place of FILE: the tool.")
]
ArgOption = Annotated[
    list[str] | None,
    typer.Option(
        "--arg",
        metavar="NAME=TEXT",
        help="An argument of the tool; NAME:=JSON for what is not text.",
    ),
]
CwdOption = Annotated[
    Path | None,
    typer.Option(
        "--cwd", metavar="DIR", help="Where the action starts; default: the workspace."
    ),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of one command say."""

    file: Path | None
    tool: str
    arguments: tuple[str, ...]
    policy: str
    workspace: Path | None
    home: str
    cwd: Path | None
    principal: str
    maps: tuple[Path, ...]
    sandbox: bool
    mediated: bool

    def inputs(self) -> list[bytes]:
        """The proposals as bytes.

        Raises:
            UsageError: Neither a file nor a tool, or both.
        """
        if (self.file is None) == (not self.tool):
            raise UsageError(
                "clawlaw decide",
                "say what is proposed in one way",
                "clawlaw decide --tool exec --arg command='ls -la', or give a FILE",
            )
        if self.file is None:
            return [from_options(self.tool, self.arguments)]
        return split(read_input(self.file))


def judged(asked: Asked) -> Iterator[DecisionRecord | RefusalRecord]:
    """Decide every proposal, one after the other in one boundary."""
    inputs = asked.inputs()
    place = asked.workspace or Path.cwd()
    if not place.is_dir():
        raise UsageError(str(place), "no such directory", "--workspace DIR names one")
    workspace = str(place.resolve())
    loader = PolicyLoader(find_policy(asked.policy), asked.maps)
    policy = loader.load(workspace, asked.home or str(Path.home()))
    source = Gatherer(
        clock=lambda: time.time_ns() // 1_000_000,
        sandbox=asked.sandbox and asked.mediated,
        mediated=asked.mediated,
    )
    evaluator = Evaluator(policy, source)
    principal = asked.principal or next(iter(policy.principals), "")
    cwd = str(asked.cwd.absolute()) if asked.cwd else workspace
    defaults = Defaults(principal, SESSION, cwd)
    for raw in inputs:
        try:
            proposal = decode(defaults.complete(raw), policy)
            record = evaluator.evaluate(proposal).record()
        except ProposalError as error:
            shown = digest(raw.decode("utf-8", "backslashreplace"))
            yield RefusalRecord(
                VERSION, evaluator.history, shown, error.field, error.reason
            )
            continue
        yield record


def verdict_of(record: DecisionRecord | RefusalRecord) -> Verdict:
    """The verdict of a record; what is no proposal is denied."""
    if isinstance(record, RefusalRecord):
        return Verdict.DENY
    return VERDICTS[record.decision["verdict"]]


def decide(
    file: FileArgument = None,
    *,
    tool: ToolOption = "",
    arg: ArgOption = None,
    policy: PolicyOption = "",
    workspace: WorkspaceOption = None,
    home: HomeOption = "",
    cwd: CwdOption = None,
    principal: PrincipalOption = "",
    tools: ToolsOption = None,
    no_sandbox: NoSandboxOption = False,
    advisory: AdvisoryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Decide a proposed action. Ends with 0 allowed, 3 denied, 4 escalated.

    --json prints the record of each decision, which `clawlaw replay` decides again.
    """
    asked = Asked(
        file, tool, tuple(arg or ()), policy, workspace, home, cwd, principal,
        tuple(tools or ()), not no_sandbox, not advisory,
    )  # fmt: skip
    worst = Verdict.ABSTAIN
    with reported(as_json=as_json):
        for record in judged(asked):
            worst = max(worst, verdict_of(record))
            if as_json:
                print_bytes(encode(record))
            else:
                _print_line(record)
    raise typer.Exit(EXIT_OF[worst])


def _print_line(record: DecisionRecord | RefusalRecord) -> None:
    if isinstance(record, RefusalRecord):
        out.print(f"{styled('deny')}", end=" ")
        place = f"{record.field}: " if record.field else ""
        out.print(f"not a proposal: {place}{record.reason}", markup=False)
        return
    decision = record.decision
    out.print(styled(decision["verdict"]), end=" ")
    out.print(str(decision["reason"]), markup=False)
    if decision["remedy"]:
        out.print(f"  {decision['remedy']}", style="dim", markup=False)


def explain(
    file: FileArgument = None,
    *,
    tool: ToolOption = "",
    arg: ArgOption = None,
    policy: PolicyOption = "",
    workspace: WorkspaceOption = None,
    home: HomeOption = "",
    cwd: CwdOption = None,
    principal: PrincipalOption = "",
    tools: ToolsOption = None,
    no_sandbox: NoSandboxOption = False,
    advisory: AdvisoryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say to a person why an action is allowed or not, and what would make it pass.

    FILE holds a proposal, or records of decisions. Ends as `decide` does.
    """
    asked = Asked(
        file, tool, tuple(arg or ()), policy, workspace, home, cwd, principal,
        tuple(tools or ()), not no_sandbox, not advisory,
    )  # fmt: skip
    worst = Verdict.ABSTAIN
    with reported(as_json=as_json):
        for record in _recorded(file) or judged(asked):
            worst = max(worst, verdict_of(record))
            if isinstance(record, RefusalRecord):
                explain_refusal(record, as_json=as_json)
            else:
                explain_record(record, as_json=as_json)
    raise typer.Exit(EXIT_OF[worst])


def _recorded(file: Path | None) -> list[DecisionRecord | RefusalRecord]:
    """Decisions of a file of records; none where it holds something else."""
    if file is None or str(file) == "-":
        return []
    try:
        found = [decode_record(line) for line in split(read_input(file))]
    except RecordError:
        return []
    return [r for r in found if isinstance(r, DecisionRecord | RefusalRecord)]
