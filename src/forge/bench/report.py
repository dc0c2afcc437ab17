"""A benchmark's numbers: percentiles, table, JSON."""

import statistics
from typing import Any

from rich.console import Console
from rich.table import Table

from forge.bench.run import Measured, Report, Result


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the others do not exceed (nearest rank)."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def summary(run: Measured) -> dict[str, Any]:
    """One way's numbers: seconds and tokens a second."""
    firsts = [sample.first for sample in run.samples]
    rates = [sample.rate for sample in run.samples if sample.rate]
    prompts = [s.prompt_rate for s in run.samples if s.prompt_rate]
    made = sum(sample.made for sample in run.samples)
    return {
        "way": run.way,
        "concurrency": run.concurrency,
        "requests": len(run.samples),
        "broken": run.broken,
        "generation_tok_s": _spread(rates),
        "prompt_tok_s": _spread(prompts) if prompts else None,
        "all_streams_tok_s": made / run.seconds if run.seconds else 0.0,
        "first_token_s": _spread(firsts),
        "total_s": _spread([sample.total for sample in run.samples]),
        "tokens": made,
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "mean": statistics.fmean(values) if values else 0.0,
        "p50": percentile(values, 0.5),
        "p95": percentile(values, 0.95),
        "p99": percentile(values, 0.99),
    }


def compared(result: Result) -> list[dict[str, Any]]:
    """What governance costs, by concurrency: ratio of rates, milliseconds more."""
    found = []
    for concurrency in sorted({run.concurrency for run in result.runs}):
        by = {
            run.way: summary(run)
            for run in result.runs
            if run.concurrency == concurrency
        }
        if {"direct", "governed"} <= by.keys():
            direct, governed = by["direct"], by["governed"]
            rate = [w["generation_tok_s"]["p50"] for w in (governed, direct)]
            first = [w["first_token_s"]["p50"] for w in (governed, direct)]
            whole = [w["all_streams_tok_s"] for w in (governed, direct)]
            found.append(
                {
                    "concurrency": concurrency,
                    "rate_ratio_p50": rate[0] / rate[1],
                    "all_streams_ratio": whole[0] / whole[1],
                    "first_token_more_ms_p50": (first[0] - first[1]) * 1000,
                    **_pairs(result, concurrency),
                }
            )
    return found


def _pairs(result: Result, concurrency: int) -> dict[str, float]:
    """Medians over pairs, which were asked one after the other.

    What else the host does changes slower than that, so a pair meets the same host.
    """
    runs = {r.way: r.samples for r in result.runs if r.concurrency == concurrency}
    pairs = list(zip(runs["governed"], runs["direct"], strict=True))
    return {
        "rate_ratio_of_pairs": percentile(
            [g.rate / d.rate for g, d in pairs if g.rate and d.rate], 0.5
        ),
        "first_token_more_ms_of_pairs": percentile(
            [(g.first - d.first) * 1000 for g, d in pairs], 0.5
        ),
    }


def as_json(report: Report) -> dict[str, Any]:
    """Everything, also each sample."""
    scenario = report.scenario
    return {
        "scenario": scenario.name,
        "host": report.host,
        "words": scenario.words,
        "max_tokens": scenario.max_tokens,
        "warmup": scenario.warmup,
        "requests": scenario.requests,
        "results": [_result(result) for result in report.results],
        "gate_seconds": {name: _spread(v) for name, v in report.gate.items()},
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        "model": result.target.name,
        "engine": result.target.engine,
        "read_bytes": result.target.read_bytes,
        "bandwidth_bytes_s": result.bandwidth[0],
        "bandwidth_source": result.bandwidth[1],
        "roofline_tok_s": result.roof,
        "engine_resident_bytes": result.memory,
        "runs": [summary(run) for run in result.runs],
        "governance": compared(result),
        "samples": [
            {
                "way": run.way,
                "concurrency": run.concurrency,
                "first_s": [round(s.first, 5) for s in run.samples],
                "tok_s": [round(s.rate, 2) for s in run.samples],
            }
            for run in result.runs
        ],
    }


def show(report: Report, out: Console) -> None:
    """Tables for a person."""
    scenario, host = report.scenario, report.host
    out.print(
        f"{scenario.name}: {scenario.requests} requests each way after "
        f"{scenario.warmup} for warm-up, prompts of about {scenario.words} words, at "
        f"most {scenario.max_tokens} tokens\n{host['cpu']}, {host['cores']} cores, "
        f"{host['system']}, load {host['load']}",
        markup=False,
    )
    table = Table()
    for name in (
        *("model", "engine", "at a time", "way", "tok/s p50", "p5", "of the roof"),
        *("all tok/s", "prompt tok/s", "first ms p50", "p95", "p99", "memory MB"),
    ):
        table.add_column(name, justify="left" if name in {"model", "way"} else "right")
    for result in report.results:
        for run in result.runs:
            table.add_row(*_row(result, run))
    out.print(table)
    for result in report.results:
        speed, source = result.bandwidth
        out.print(
            f"{result.target.name}: {result.target.read_bytes / 1e9:.2f} GB a token at "
            f"{speed / 1e9:.0f} GB/s ({source}): at most {result.roof:.1f} tok/s",
            markup=False,
        )
        for row in compared(result):
            out.print(
                f"  governed at {row['concurrency']}: {row['rate_ratio_p50']:.3f} x "
                f"the rate, {row['first_token_more_ms_p50']:+.2f} ms to the first "
                f"token (p50; of pairs {row['rate_ratio_of_pairs']:.3f} x, "
                f"{row['first_token_more_ms_of_pairs']:+.2f} ms)",
                markup=False,
            )
    broken = sum(run.broken for result in report.results for run in result.runs)
    if broken:
        out.print(f"{broken} answers broke off at the engine and were asked again")
    for name, values in report.gate.items():
        spread = [percentile(values, share) * 1000 for share in (0.5, 0.95, 0.99)]
        text = " / ".join(f"{value:.2f}" for value in spread)
        out.print(f"gate, {name}: {text} ms (p50 / p95 / p99)", markup=False)


def _row(result: Result, run: Measured) -> list[str]:
    said = summary(run)
    rates = [sample.rate for sample in run.samples]
    rate, first = said["generation_tok_s"]["p50"], said["first_token_s"]
    prompt = said["prompt_tok_s"]
    return [
        result.target.name,
        result.target.engine,
        str(run.concurrency),
        run.way,
        f"{rate:.1f}",
        f"{percentile(rates, 0.05):.1f}",
        f"{rate / result.roof:.0%}",
        f"{said['all_streams_tok_s']:.1f}",
        f"{prompt['p50']:.0f}" if prompt else "-",
        *(f"{first[name] * 1000:.1f}" for name in ("p50", "p95", "p99")),
        f"{result.memory / 1e6:.0f}" if result.memory else "-",
    ]
