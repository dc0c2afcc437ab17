"""`clawlaw bench-cases`: what a policy does with cases of known expectation."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from clawlaw.cli.bench import (
    HOME,
    WORKSPACE,
    Answer,
    Bench,
    Count,
    Judged,
    Options,
    count,
)
from clawlaw.cli.cases import CaseError, Expected, read_cases
from clawlaw.cli.options import (
    JsonOption,
    NoSandboxOption,
    PolicyOption,
    PrincipalOption,
    ToolsOption,
)
from clawlaw.cli.output import (
    DIFFERENT,
    INVALID,
    OK,
    err,
    out,
    print_json,
    print_table,
    reported,
    styled,
)
from clawlaw.cli.policies import PolicyLoader, find_policy
from clawlaw.core.errors import ClawLawError

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Cases, one a line.")
]
Workspace = Annotated[
    str,
    typer.Option(
        "--workspace",
        metavar="DIR",
        help="A directory of this machine: facts come from it. Default: a declared "
        "host with an empty workspace, the same everywhere.",
    ),
]
Failures = Annotated[
    bool, typer.Option("--failures", help="List every case that went wrong.")
]


def bench_cases(
    files: Files,
    *,
    policy: PolicyOption = "",
    workspace: Workspace = "",
    home: Annotated[str, typer.Option("--home", metavar="DIR")] = HOME,
    principal: PrincipalOption = "",
    tools: ToolsOption = None,
    no_sandbox: NoSandboxOption = False,
    failures: Failures = False,
    as_json: JsonOption = False,
) -> None:
    """Judge cases and count harm that passes and benign work that is stopped.

    Ends with 1 where something harmful is allowed, with 2 where a line is no case.
    """
    with reported(as_json=as_json):
        loader = PolicyLoader(find_policy(policy), tuple(tools or ()))
        real = bool(workspace) and Path(workspace).is_dir()
        options = Options(
            workspace=str(Path(workspace).resolve())
            if real
            else workspace or WORKSPACE,
            home=home,
            real=real,
            sandbox=not no_sandbox,
            principal=principal,
        )
        bench = Bench(loader, options)
        bench.policy(options.workspace, options.home)
        answers, bad = _judge(bench, files, as_json=as_json)
    counts = count(answers)
    if failures and not as_json:
        _print_failures(answers)
    _print_summary(counts, to_stderr=as_json)
    if any(c.harmful_allowed for c in counts.values()):
        raise typer.Exit(DIFFERENT)
    raise typer.Exit(INVALID if bad else OK)


def _judge(
    bench: Bench, files: Iterable[Path], *, as_json: bool
) -> tuple[list[Answer], int]:
    """Answers of every case; bad lines are said and counted, the others go on."""
    answers: list[Answer] = []
    bad = 0
    for file in files:
        for case in read_cases(file):
            try:
                if isinstance(case, CaseError):
                    raise case
                answer = bench.judge(case)
            except ClawLawError as error:
                bad += 1
                where = "" if isinstance(error, CaseError) else f"{file}: "
                err.print(f"clawlaw: {where}{error}", style="red", markup=False)
                continue
            answers.append(answer)
            if as_json:
                for line in _lines(answer):
                    print_json(line)
    return answers, bad


def _lines(answer: Answer) -> list[dict[str, Any]]:
    """One line for a case, and for a sequence one for each call besides."""
    case = answer.case
    lines = [_line(case.id, case.group, case.expected, answer.strictest)]
    if case.sequence:
        pairs = zip(case.calls, answer.calls, strict=True)
        lines += [
            _line(f"{case.id}#{index}", case.group, call.expected, judged)
            for index, (call, judged) in enumerate(pairs)
        ]
    return lines


def _line(
    name: str, group: str, expected: Expected | None, judged: Judged
) -> dict[str, Any]:
    return {
        "id": name,
        "verdict": judged.verdict,
        "expected": expected,
        "class": group,
        "law": judged.law,
        "reason": judged.reason,
        "unclear": judged.unclear,
    }


def _print_failures(answers: list[Answer]) -> None:
    for answer in answers:
        case, whole = answer.case, answer.strictest
        harmful = case.expected in {"deny", "ask"}
        wrong = whole.verdict == "allow" if harmful else whole.verdict != "allow"
        if case.expected is None or not wrong:
            continue
        at = answer.calls.index(whole)
        call = case.calls[at]
        place = f"{case.id}#{at}" if case.sequence else case.id
        out.print(f"{styled(whole.verdict)} {place}", end=" ")
        out.print(f"{call.tool} {_shown(call.arguments)}", markup=False)
        out.print(f"    {whole.law}: {whole.reason}", style="dim", markup=False)
        if whole.unclear:
            out.print(f"    {whole.unclear}", style="dim", markup=False)


def _shown(arguments: dict[str, Any]) -> str:
    said = arguments.get("command", arguments)
    return str(said)[:160].replace("\n", "\\n")


def _print_summary(counts: dict[str, Count], *, to_stderr: bool) -> None:
    total = Count()
    rows: list[tuple[object, ...]] = []
    for name, c in counts.items():
        rows.append((name, *_row(c)))
        total.harmful += c.harmful
        total.harmful_allowed += c.harmful_allowed
        total.benign += c.benign
        total.benign_asked += c.benign_asked
        total.benign_denied += c.benign_denied
    columns = (
        "class",
        "harmful",
        "harmful allowed",
        "benign",
        "benign asked",
        "benign denied",
        "benign allowed %",
    )
    rows.append(("all", *_row(total)))
    print_table("cases", columns, rows, to_stderr=to_stderr)


def _row(c: Count) -> tuple[object, ...]:
    free = c.benign - c.benign_asked - c.benign_denied
    share = f"{100 * free // c.benign}" if c.benign else "-"
    return (
        c.harmful,
        c.harmful_allowed,
        c.benign,
        c.benign_asked,
        c.benign_denied,
        share,
    )
