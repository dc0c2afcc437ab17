"""What would bring governor and governed together, seen in the plan itself.

The rules of the topology refuse most of this before there is a plan. A plan is judged
all the same: by the laws, which hold where an inventory is not read by these rules.
"""

from collections.abc import Iterator
from typing import Final

from clawlaw.core.actions import InfraApply
from forge.change.model import Change, HostFacts, Kind, Plan
from forge.change.tiers import tiers_of
from forge.topology.model import DEDICATED_TAINT, TELEMETRY_COMPONENTS

APPLIER: Final = "forge"
GOVERNING: Final = frozenset({"boundary", "inference"})  # groups of tiers II and III
GOVERNING_TIERS: Final = frozenset({2, 3})
TELEMETRY: Final = "telemetry"
CLUSTER_PORTS: Final = (2379, 2380, 6443, 10250)  # etcd, API, kubelet
# Names of variables whose value lets its holder administer the cluster.
_KEY_NAMES: Final = ("k3s_token", "k3s_agent_token", "k3s_server_token", "kubeconfig")
_TAINTS: Final = "vars.forge_taints"


def separation_effects(plan: Plan) -> Iterator[InfraApply]:
    """Governors in the cluster, keys of the cluster with them, telemetry untainted."""
    nodes = [h for h in plan.hosts_after if h.is_node and _governs(h)]
    if nodes:
        yield _effect(plan, "cluster_node", [h.name for h in nodes])
    holders = sorted(_key_holders(plan))
    if holders:
        yield _effect(plan, "cluster_key", holders)
    yield from _taints(plan)


def _governs(host: HostFacts) -> bool:
    return host.tier in GOVERNING_TIERS or bool(GOVERNING.intersection(host.groups))


def _key_holders(plan: Plan) -> set[str]:
    """Hosts of tiers II and III that would gain a key of the cluster or a way in."""
    governing = {h.name for h in plan.hosts_after if _governs(h)}
    holders = {
        impact_host
        for impact in plan.impacts
        if _is_key(impact.change)
        for impact_host in ({impact.change.host} | set(impact.hosts)) & governing
    }
    for flow in plan.blast.flows_opened:
        holders |= _administers(flow, plan) & governing
    return holders


def _is_key(change: Change) -> bool:
    name = change.subject.removeprefix("vars.")
    is_variable = name != change.subject
    gains = change.kind is not Kind.REMOVED
    return is_variable and gains and any(key in name for key in _KEY_NAMES)


def _administers(flow: str, plan: Plan) -> set[str]:
    """Hosts that a flow would let administer the cluster.

    Args:
        flow: `PROTOCOL PORTS WIRE SOURCES -> TARGETS`; what cannot be read as that
            counts for every host.
        plan: Says who is in which group.
    """
    members = _members(plan)
    if flow.startswith(("icmp ", "udp ")):  # nothing of these administers
        return set()
    head, arrow, targets = flow.partition(" -> ")
    words = head.split(" ", 3)
    if not arrow or len(words) != 4:  # noqa: PLR2004  # as in the form above
        return set(members)
    ports, sources = words[1], words[3]
    reached = {h for end in _ends(targets) for h in members.get(end, {end})}
    nodes = {h.name for h in plan.hosts_after if h.is_node}
    if not reached & nodes or not _covers(ports):
        return set()
    return {h for end in _ends(sources) for h in members.get(end, {end})}


def _members(plan: Plan) -> dict[str, set[str]]:
    """Hosts by group and by their own name."""
    found: dict[str, set[str]] = {}
    for host in plan.hosts_after:
        for name in (host.name, "all", *host.groups):
            found.setdefault(name, set()).add(host.name)
    return found


def _ends(text: str) -> list[str]:
    if text.endswith(" more"):  # a long list is cut: it may hold any host
        return ["all"]
    return text.replace(",", " ").replace("+", " ").split()


def _covers(ports: str) -> bool:
    """Whether ports hold one that administers; ports that are no numbers do."""
    for part in ports.split(","):
        low, _, high = part.partition("-")
        if not low.isdigit() or not (high or low).isdigit():
            return True
        if any(int(low) <= port <= int(high or low) for port in CLUSTER_PORTS):
            return True
    return False


def _taints(plan: Plan) -> Iterator[InfraApply]:
    """Taints that change; apart from the others those of what keeps telemetry."""
    keeps = {
        h.name
        for h in (*plan.hosts_before, *plan.hosts_after)
        if TELEMETRY_COMPONENTS.intersection(h.components)
    }
    changes = {c.host: c for c in plan.changes if c.subject == _TAINTS}
    others = sorted(changes.keys() - keeps)
    if others:
        yield _effect(plan, "taint_change", others)
    before = {h.name for h in plan.hosts_before}
    moved = _newly_kept(plan) & before
    touched = sorted((changes.keys() | moved) & keeps)
    if touched:
        bare = [h for h in touched if not _is_tainted(changes.get(h))]
        yield _effect(
            plan,
            "taint_change",
            touched,
            group=TELEMETRY,
            members=len(keeps),
            lost=len(bare),
            left=len(keeps) - len(bare),
        )


def _newly_kept(plan: Plan) -> set[str]:
    """Hosts that would keep telemetry and did not before."""
    had = {
        h.name
        for h in plan.hosts_before
        if TELEMETRY_COMPONENTS.intersection(h.components)
    }
    return {
        h.name
        for h in plan.hosts_after
        if TELEMETRY_COMPONENTS.intersection(h.components) and h.name not in had
    }


def _is_tainted(change: Change | None) -> bool:
    """Whether a host surely keeps other work away after a change of its taints."""
    if change is None or not isinstance(change.after, list):
        return False
    return any(
        isinstance(taint, dict)
        and taint.get("key") == DEDICATED_TAINT
        and taint.get("effect") in {"NoSchedule", "NoExecute"}
        for taint in change.after
    )


def _effect(plan: Plan, change: str, hosts: list[str], **numbers: object) -> InfraApply:
    return InfraApply(
        tool=APPLIER,
        change=change,  # type: ignore[arg-type]  # of the words in this file
        hosts=tuple(sorted(hosts)),
        tiers=tiers_of(plan, hosts),
        **numbers,  # type: ignore[arg-type]  # of the names in this file
    )
