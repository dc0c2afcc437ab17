"""What a sandbox costs: one `true`, plainly and confined, in the same run.

Columns from the floor up: the shell that the executor starts; bubblewrap around it with
every namespace and the filter, without the last steps; the whole sandbox, Landlock and
limits put up from inside by a Python that starts for it; the same with a workspace of
10,000 files that is looked through for secrets before and for changes after; and the
command `clawlaw-run` with a permit, from its start to its end.

    python benchmarks/executor.py [--runs 40]
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from time import perf_counter_ns

from clawlaw.executor import available, process, sandbox, tree
from clawlaw.executor.bounds import Bounds
from clawlaw.executor.host import look, system_secrets
from clawlaw.executor.process import Job

FILES = 10_000


def plainly() -> None:
    """The executor's shell without a sandbox."""
    subprocess.run(sandbox.shell("true"), check=True, env={}, stdin=subprocess.DEVNULL)


def bounds(workspace: Path) -> Bounds:
    """Of an ordinary command."""
    return Bounds(
        cwd=str(workspace),
        home="/home/agent",
        write=(str(workspace),),
        hide=system_secrets(),
    )


def namespaces(job: Job) -> None:
    """Bubblewrap alone: the command in the place of the last steps."""
    with process.command_line(job) as (argv, inherited):
        words = argv[: argv.index("--") + 1] + list(job.command)
        subprocess.run(
            words, check=True, env={}, pass_fds=inherited, stdin=subprocess.DEVNULL
        )


def confined(job: Job) -> None:
    """Everything."""
    if process.perform(job).exit != 0:
        raise SystemExit("the sandbox did not run `true`")


def looked_through(job: Job) -> None:
    """Everything, and the workspace before, when it is mounted, and after."""
    roots = job.bounds.write
    before = tree.scan(roots)
    process.perform(job, None, lambda: tree.scan(roots).secrets == before.secrets)
    tree.changes(before, tree.scan(roots))


def started() -> None:
    """The start of the executor's own program."""
    words = [sys.executable, "-m", "clawlaw.executor.run", "--help"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def measure(name: str, runs: int, act: Callable[[], None]) -> None:
    """Print p50, p95 and p99 in milliseconds."""
    act()
    taken = []
    for _ in range(runs):
        start = perf_counter_ns()
        act()
        taken.append((perf_counter_ns() - start) / 1e6)
    cuts = quantiles(taken, n=100, method="inclusive")
    print(f"{name:46}{cuts[49]:8.1f} {cuts[94]:8.1f} {cuts[98]:8.1f}")


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    runs = parser.parse_args().runs
    found = available()
    if not found.ok:
        raise SystemExit(f"{found.problem}\n  {found.remedy}")
    with tempfile.TemporaryDirectory() as folder:
        small, large = (
            Path(folder).resolve() / "small",
            Path(folder).resolve() / "large",
        )
        small.mkdir()
        for number in range(FILES):
            place = large / f"d{number // 100}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"f{number}").touch()
        job = Job(bounds(small), tuple(sandbox.shell("true")))
        many = Job(bounds(large), job.command)
        title = f"{found.name}, {runs} runs, milliseconds"
        print(f"{title:46}{'p50':>8}{'p95':>9}{'p99':>9}")
        measure("bash --noprofile --norc -c true", runs, plainly)
        measure("+ bubblewrap and system-call filter", runs, lambda: namespaces(job))
        measure("+ Landlock and limits: the sandbox", runs, lambda: confined(job))
        measure(f"+ a workspace of {FILES:,} files looked through", runs,
                lambda: looked_through(many))  # fmt: skip
        measure("command line made (in the sandbox's time)", runs, lambda: made(job))
        measure("start of the program that redeems a permit", runs, started)


def made(job: Job) -> None:
    """The pure part: what is on the machine, and the options."""
    host = look(job.bounds)
    sandbox.options(job.bounds, host, sandbox.Descriptors(3, 4))


if __name__ == "__main__":
    main()
