"""What `gate.py` found, for a person, beside what it should be."""

from statistics import median, quantiles
from typing import Any

from gate_stages import show

TARGETS = {"file": 1.6, "shell": 2.2, "p99": 2.5, "throughput": 0.2}
ROWS = (("file", "file gate"), ("shell", "shell gate"), ("shell", "shell gate, new"))
MOST_MS = {"32 agents gate": 8.0, "hook over TCP": 3.0}  # p99


def cuts(found: list[float]) -> tuple[float, float, float]:
    """p50, p95, p99."""
    parts = quantiles(found, n=100)
    return median(found), parts[94], parts[98]


def report(found: dict[str, object]) -> int:
    """Print for a person; 1 where a target is missed."""
    rows: Any = found["ms"]
    rates: Any = found["per_second"]
    stages: Any = found["stages_ms"]
    traced: Any = found["tracer_us"]
    floor: Any = found["floor_ms"]
    print(f"{'ms':<20}{'p50':>8}{'p95':>8}{'p99':>8}")
    for name, (p50, p95, p99) in rows.items():
        print(f"{name:<20}{p50:8.3f}{p95:8.3f}{p99:8.3f}")
    show(stages, floor)
    share = traced / 1000 / rows["file gate"][0]
    if traced:
        print(f"composition: {traced:.1f} us of a file action, {share:.1%} of its p50")
    else:
        print("composition: compiled into the decision, not told apart")
    print(
        f"32 agents: gate {rates['gate']:.0f}/s, floor {rates['floor']:.0f}/s, "
        f"{found['together']:.1f} actions a sync"
    )
    checks = [
        (f"{row} p50", rows[row][0] / rows[f"{name} floor"][0], TARGETS[name])
        for name, row in ROWS
    ]
    checks += [
        (f"{row} p99", rows[row][2] / rows[f"{name} floor"][2], TARGETS["p99"])
        for name, row in ROWS
    ]
    missed = [
        f"{name} {ratio:.2f} x floor, at most {limit}"
        for name, ratio, limit in checks
        if ratio > limit
    ]
    for name, ratio, limit in checks:
        print(f"{name}: {ratio:.2f} x floor (at most {limit})")
    share = rates["gate"] / rates["floor"]
    print(f"throughput: {share:.2f} x floor (at least {TARGETS['throughput']})")
    if share < TARGETS["throughput"]:
        missed.append("throughput")
    for name, most in MOST_MS.items():
        if rows[name][2] > most:
            missed.append(f"{name} p99 {rows[name][2]:.2f} ms, at most {most}")
    for name in missed:
        print("MISSED:", name)
    return 1 if missed else 0
