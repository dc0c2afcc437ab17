"""The uptime table: what a month was, as Prometheus has it.

Availability is the share of reads that were answered. Beside it stands how many reads
there are at all, against the host that has most: what was never read is not known to
have been up, and the table says so instead of guessing.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from forge.errors import ForgeError, InputError
from forge.report.prometheus import Prometheus

LONGEST = 366  # days
DAY = 86_400  # seconds


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One machine.

    Attributes:
        availability: Share of reads that it answered, 0 to 1.
        seen: Its reads, as a share of those of the host with most.
        restarts: Of the machine.
        oom_kills: Processes that its kernel ended for memory.
        hottest: Highest temperature of a core, degrees Celsius.
        within_slo: Share of the time within the thermal SLO; these two are None where
            the machine shows no temperature.
    """

    name: str
    tier: str
    availability: float
    seen: float
    restarts: int | None = None
    oom_kills: int | None = None
    hottest: float | None = None
    within_slo: float | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of it.

    Attributes:
        days: That it looks back.
        elections: Of etcd's leader.
        container_restarts: Of all containers.
        certificate_days: Until the first certificate expires. The last three are None
            where nothing exports them.
    """

    days: int
    nodes: tuple[Node, ...]
    elections: int | None = None
    container_restarts: int | None = None
    certificate_days: float | None = None


def queries(days: int) -> dict[str, str]:
    """Return what is asked, by name."""
    over = f"[{days}d]"
    by = "by (node, tier)"
    return {
        "availability": f'avg {by} (avg_over_time(up{{job="node"}}{over}))',
        "seen": f'sum {by} (count_over_time(up{{job="node"}}{over}))',
        # A counter of the kernel begins anew with each start; the time of the start
        # itself moves with the clock.
        "restarts": f"max {by} (resets(node_context_switches_total{over}))",
        "oom_kills": f"sum {by} (increase(node_vmstat_oom_kill{over}))",
        "hottest": f"max {by} (max_over_time(node:cpu_temperature_celsius:max{over}))",
        "within_slo": f"min {by} (avg_over_time(node:within_thermal_slo:bool{over}))",
        "elections": f"sum(increase(etcd_server_leader_changes_seen_total{over}))",
        "container_restarts": (
            f"sum(increase(kube_pod_container_status_restarts_total{over}))"
        ),
        "certificate_days": (
            "min(certmanager_certificate_expiration_timestamp_seconds - time())"
            f" / {DAY}"
        ),
    }


def gather(prometheus: Prometheus, days: int) -> Report:
    """Ask for a report.

    Raises:
        InputError: No number of days that can be looked back.
        ForgeError: Prometheus does not answer, or knows no host.
    """
    if not 1 <= days <= LONGEST:
        raise InputError(f"--days {days}: 1 to {LONGEST}")
    found = {name: prometheus.instant(query) for name, query in queries(days).items()}
    if not found["availability"]:
        raise ForgeError(
            f"{prometheus.url} has no reads of hosts in the last {days} days",
            remedy='its job "node" reads node-exporter: docs/observability.md',
        )
    return Report(
        days=days,
        nodes=_nodes(found),
        elections=_whole(_only(found["elections"])),
        container_restarts=_whole(_only(found["container_restarts"])),
        certificate_days=_only(found["certificate_days"]),
    )


type _Series = list[tuple[dict[str, str], float]]


def _nodes(found: Mapping[str, _Series]) -> tuple[Node, ...]:
    by = {
        name: {(m.get("node", ""), m.get("tier", "")): value for m, value in series}
        for name, series in found.items()
    }
    most = max(by["seen"].values())
    nodes = [
        Node(
            name=name,
            tier=tier,
            availability=availability,
            seen=by["seen"][name, tier] / most,
            restarts=_whole(by["restarts"].get((name, tier))),
            oom_kills=_whole(by["oom_kills"].get((name, tier))),
            hottest=by["hottest"].get((name, tier)),
            within_slo=by["within_slo"].get((name, tier)),
        )
        for (name, tier), availability in by["availability"].items()
    ]
    return tuple(sorted(nodes, key=lambda node: (node.tier, node.name)))


def _only(series: _Series) -> float | None:
    return series[0][1] if series else None


def _whole(value: float | None) -> int | None:
    """A count: Prometheus extrapolates to the edges of the window."""
    return None if value is None else round(value)


def rows(report: Report) -> list[dict[str, Any]]:
    """Return the table's cells as text, a row a machine."""
    return [
        {
            "host": node.name,
            "tier": node.tier,
            "availability": _percent(node.availability),
            "seen": _percent(node.seen),
            "restarts": _text(node.restarts),
            "OOM kills": _text(node.oom_kills),
            "hottest": "-" if node.hottest is None else f"{node.hottest:.0f} °C",
            "thermal SLO": _percent(node.within_slo),
        }
        for node in report.nodes
    ]


def summary(report: Report) -> list[str]:
    """Return the lines below the table."""
    left = report.certificate_days
    return [
        f"leader elections: {_text(report.elections)}",
        f"restarts of containers: {_text(report.container_restarts)}",
        "first certificate expires: "
        + ("-" if left is None else f"in {left:.0f} days"),
    ]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _text(value: int | None) -> str:
    return "-" if value is None else str(value)
