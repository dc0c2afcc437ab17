"""The picture of a benchmark: rates under the roof, and the time to the first token."""

from pathlib import Path

import matplotlib as mpl

from forge.bench.report import percentile
from forge.bench.run import Report

mpl.use("svg")
from matplotlib import pyplot as plt  # after the choice of its backend
from matplotlib.axes import Axes  # as above

COLOURS = {"direct": "#4c78a8", "governed": "#e45756"}


def draw(report: Report, path: Path) -> None:
    """Write an SVG; two charts of what was measured, nothing else."""
    mpl.rcParams["svg.hashsalt"] = report.scenario.name  # the same bytes each time
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    _rates(report, left)
    _firsts(report, right)
    figure.suptitle(f"{report.scenario.name}: {report.host['cpu']}", fontsize=10)
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)


def _rates(report: Report, axes: Axes) -> None:
    names, at = [], 0
    for result in report.results:
        begin = at
        for run in result.runs:
            rates = [sample.rate for sample in run.samples if sample.rate]
            middle = percentile(rates, 0.5)
            low, high = percentile(rates, 0.05), percentile(rates, 0.95)
            axes.bar(at, middle, 0.8, color=COLOURS[run.way])
            error = [[middle - low], [high - middle]]
            axes.errorbar(at, middle, error, color="black", capsize=3, linewidth=1)
            names.append(f"{result.target.name}\n{run.way} x{run.concurrency}")
            at += 1
        axes.hlines(result.roof, begin - 0.5, at - 0.5, "grey", "dashed")
        axes.text(begin - 0.45, result.roof, "bandwidth", va="bottom", fontsize=7)
    axes.set_xticks(range(at), names, fontsize=7)
    axes.set_ylabel("tokens/s of one stream (p50, bars p5 to p95)")
    axes.set_ylim(bottom=0)


def _firsts(report: Report, axes: Axes) -> None:
    for result in report.results:
        for run in result.runs:
            values = sorted(sample.first * 1000 for sample in run.samples)
            shares = [(n + 1) / len(values) for n in range(len(values))]
            style = "-" if run.concurrency == 1 else "--"
            label = f"{result.target.name} {run.way} x{run.concurrency}"
            axes.step(values, shares, style, color=COLOURS[run.way], label=label)
    axes.set_xlabel("ms to the first token")
    axes.set_ylabel("share of requests")
    axes.set_ylim(0, 1)
    axes.legend(fontsize=7)
