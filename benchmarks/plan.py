"""How long a plan takes beyond the listing of its inventory, by number of hosts.

    python benchmarks/plan.py [--hosts 10 30 100 300 1000] [--runs 5] [--plot FILE]

For each number an inventory is written with that many agents beside one server, the
boundary and inference, with all shared variables of inventory/testbed. It is listed
once by `ansible-inventory --list`. Then, in this process, each run reads the checkout
and the installed Ansible, decodes the record of what is applied, reads the listing, and
makes the plan: one variable of every tenth host, one flow, one pin and one role are
others than applied. Printed are the medians of the runs, of each part and of all, the
worst run, the processor's time (which other work on the machine does not lengthen), and
the line through the points. The plot shows the processor's time.
"""

import argparse
import copy
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from forge.change import Plan, Surroundings, plan_of, read_listing, supposed
from forge.change.applied import decode, encode
from forge.change.gather import list_inventory, surroundings

ROOT = Path(__file__).resolve().parents[1]
KEY = b"k" * 32
PARTS = ("surroundings", "record", "snapshot", "plan")


def inventory(count: int) -> dict[str, Any]:
    """Return the testbed's inventory with ``count`` hosts."""
    data: dict[str, Any] = yaml.safe_load(
        (ROOT / "inventory/testbed/hosts.yml").read_text("utf-8")
    )
    agents = data["all"]["children"]["k3s_cluster"]["children"]["k3s_agent"]["hosts"]
    model = agents["worker-05"]
    have = 8  # hosts of the testbed
    for number in range(count - have):
        host = copy.deepcopy(model)
        high, low = divmod(number, 250)
        host["forge_addresses"] = {
            "cluster": f"10.21.{high}.{low}",
            "boundary": f"10.22.{high}.{low}",
        }
        agents[f"node-{number:04}"] = host
    return data


def earlier(listing: str) -> bytes:
    """Return a listing of the same hosts before what the plan changes."""
    data = json.loads(listing)
    for number, variables in enumerate(data["_meta"]["hostvars"].values()):
        variables["forge_flows"] = variables["forge_flows"][:-1]
        if number % 10 == 0:
            variables["k3s_limit_nofile"] = 1
    return json.dumps(data).encode()


def before(around: Surroundings) -> Surroundings:
    """Return the surroundings before what the plan changes."""
    versions = copy.deepcopy(around.versions)
    versions["artifacts"]["k3s"]["version"] = "v1.35.0+k3s1"
    return Surroundings(
        versions=versions,
        pins="sha256:0",
        tree={**around.tree, "roles/k3s": "sha256:0"},
        ansible=around.ansible,
    )


def clocks() -> tuple[float, float]:
    """Return the time of the wall and of the processor, seconds."""
    return time.perf_counter(), time.process_time()


def measure(count: int, runs: int) -> dict[str, Any]:
    """Return the seconds of the listing and the medians of each part."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hosts.yml"
        file.write_text(yaml.safe_dump(inventory(count)), encoding="utf-8")
        start = time.perf_counter()
        listing = list_inventory([file], ROOT)
        listed = time.perf_counter() - start
    around = surroundings(ROOT, key=KEY)
    record = encode(supposed(read_listing(earlier(listing), before(around), KEY)), KEY)
    times: dict[str, list[float]] = {part: [] for part in (*PARTS, "all", "cpu")}
    busy: dict[str, list[float]] = {part: [] for part in PARTS}
    plan: Plan | None = None
    for _ in range(runs):
        marks = [clocks()]
        around = surroundings(ROOT, key=KEY)
        marks.append(clocks())
        applied = decode(record, KEY)
        marks.append(clocks())
        proposed = read_listing(listing, around, KEY)
        marks.append(clocks())
        plan = plan_of(proposed, applied, around)
        marks.append(clocks())
        for part, begin, end in zip(PARTS, marks, marks[1:], strict=False):
            times[part].append(end[0] - begin[0])
            busy[part].append(end[1] - begin[1])
        times["all"].append(marks[-1][0] - marks[0][0])
        times["cpu"].append(marks[-1][1] - marks[0][1])
    assert plan is not None  # noqa: S101 - a run was asked for
    return {
        "hosts": count,
        "changes": len(plan.changes),
        "listing": listed,
        **{part: statistics.median(values) for part, values in times.items()},
        "worst": max(times["all"]),
        "busy": {part: statistics.median(values) for part, values in busy.items()},
    }


def draw(rows: list[dict[str, Any]], file: Path) -> None:
    """Write the plot."""
    import matplotlib as mpl  # noqa: PLC0415 - only for the plot

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the choice above

    mpl.rcParams["svg.hashsalt"] = "plan"
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    hosts = [row["hosts"] for row in rows]
    base = [0.0] * len(rows)
    colours = ("#bab0ac", "#f58518", "#54a24b", "#4c78a8")
    for part, colour in zip(PARTS, colours, strict=True):
        top = [low + row["busy"][part] for low, row in zip(base, rows, strict=True)]
        axes.fill_between(hosts, base, top, color=colour, label=part, alpha=0.8)
        base = top
    axes.plot(hosts, base, "o-", color="black", markersize=3, linewidth=1)
    axes.plot([100, 1000], [1, 3], "v", color="#e45756", label="at most")
    axes.set_xlabel("hosts")
    axes.set_ylabel("seconds of the processor beyond ansible-inventory --list")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", fontsize=8)
    figure.savefig(file, format="svg", metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Measure, print, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    numbers = [10, 30, 100, 300, 1000]
    parser.add_argument("--hosts", type=int, nargs="+", default=numbers)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    rows = [measure(count, options.runs) for count in options.hosts]
    print(f"Python {platform.python_version()}, median of {options.runs} runs, seconds")
    names = ("hosts", "changes", "listing", *PARTS, "all", "worst", "cpu")
    print("".join(f"{name:>14}" for name in names))
    for row in rows:
        shown = (row[n] if n in names[:2] else f"{row[n]:.3f}" for n in names)
        print("".join(f"{value!s:>14}" for value in shown))
    if len(rows) > 1:
        hosts = [row["hosts"] for row in rows]
        for name in ("all", "cpu"):
            seconds = [row[name] for row in rows]
            slope, start = statistics.linear_regression(hosts, seconds)
            fit = statistics.correlation(hosts, seconds) ** 2
            line = f"{start:.3f} s + {slope * 1000:.2f} ms a host, R2 {fit:.4f}"
            print(f"{name}: {line}")
    if options.plot:
        draw(rows, options.plot)


if __name__ == "__main__":
    main()
