"""How long the patterns take for one action, at the 1st and at the 100,000th.

One session of adversarial actions: every path and every host is new, so no table is
ever hit and every one fills, coarsens and saturates. An action is a read, a write, a
program and a request in turn; the time is that of observing all its effects, closing it
and applying its delta.

    python benchmarks/composition.py [--actions 100000]
"""

import argparse
from statistics import median, quantiles
from time import perf_counter_ns

from clawlaw.core import composition, kernel
from clawlaw.core.actions import (
    AnyEffect,
    FileRead,
    FileWrite,
    NetRequest,
    ProcessExec,
    Proposal,
)
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.facts import Facts, PathFact
from clawlaw.core.policy import Policy, Principal, Purpose
from clawlaw.core.state import Room, Scope, Session, State
from clawlaw.core.view import View
from clawlaw.core.working import Working

SCOPE = Scope("develop", paths=("/workspace",))
BASELINE = {"file.read": 400_000, "file.write": 300_000, "process.exec": 200_000}
PRINCIPAL = Principal("agent", SCOPE, ("develop",), {}, baseline=BASELINE)
POLICY = Policy(
    name="benchmark",
    version="1",
    digest="sha256:0",
    workspace=("/workspace",),
    home="/home/agent",
    rules={},
    purposes={},
    principals={"agent": PRINCIPAL},
    settings={},
    laws=frozenset(),
)
PURPOSE = Purpose("develop", frozenset())
KINDS = ("file.read", "file.write", "process.exec", "net.request")
WINDOW = 1000  # actions of each column


def effects_of(number: int) -> tuple[AnyEffect, ...]:
    """Effects of one action; nothing in them was seen before."""
    path = f"/workspace/d{number}/e{number}/f{number}"
    match number % 4:
        case 0:
            return (FileRead(path=path),)
        case 1:
            return (FileWrite(path=path, source="network"),)
        case 2:
            return (ProcessExec(program="sh", code="file", script=path),)
        case _:
            host = f"x{number}.y{number}.example"
            return (NetRequest(host=host, path=f"/{number}?q={number}"),)


def act(number: int, state: State) -> int:
    """Nanoseconds of one action."""
    effects = effects_of(number)
    paths = [
        p for e in effects if (p := getattr(e, "path", "") or getattr(e, "script", ""))
    ]
    view = View(
        proposal=Proposal("agent", "s", "exec", {}, "/workspace"),
        policy=POLICY,
        facts=Facts(0, {path: PathFact(path, "absent") for path in paths}),
        work=Working(state),
        principal=PRINCIPAL,
        purpose=PURPOSE,
        scope=SCOPE,
    )
    for path in paths:
        view.at(path)  # the laws have looked before the patterns do
    began = perf_counter_ns()
    findings: list[Finding] = []
    for index, effect in enumerate(effects):
        findings += composition.observe(effect, index, view)
    # Allowed whatever is found, so that every table takes every key.
    composition.close(view, Verdict.ALLOW, effects, findings)
    kernel.apply(state, view.work.delta(Verdict.ALLOW))
    return perf_counter_ns() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=100_000)
    actions = parser.parse_args().actions
    state = State(Session("s", "agent", SCOPE), Room())
    times = [act(number, state) for number in range(actions)]
    marks = [m for m in (WINDOW, 10_000, 100_000) if m <= actions]
    print(f"{'effect':<14}" + "".join(f"{f'at {m:,}':>24}" for m in marks))
    print(f"{'':<14}" + f"{'p50 / p99 us':>24}" * len(marks))
    for kind, name in enumerate(KINDS):
        cells = []
        for mark in marks:
            part = times[mark - WINDOW : mark]
            part = [t for n, t in enumerate(part, mark - WINDOW) if n % 4 == kind]
            cells.append(
                f"{median(part) / 1000:.1f} / {quantiles(part, n=100)[98] / 1000:.1f}"
            )
        print(f"{name:<14}" + "".join(f"{cell:>24}" for cell in cells))
    print(f"{'first action':<14}{times[0] / 1000:>24.1f}")
    for name, table in sorted(state.session.tables.items()):
        print(f"table {name}: {len(table.entries):,} entries, grain {table.grain}")


if __name__ == "__main__":
    main()
