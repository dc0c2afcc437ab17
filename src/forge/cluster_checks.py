"""Judges what a running cluster shows against the topology. Pure.

Every function takes what the Kubernetes API or a probe returned and gives back one
line per problem; no line means that the check passed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

PROBE = "forge.dev/probe"  # label of a probe's kind: plain or tolerant
PREFIX = "forge.dev/"  # labels and taints below it belong to the Forge alone
# Set by Kubernetes itself while a node is not healthy; not part of any declaration.
PASSING_TAINTS = "node.kubernetes.io/"
ENCRYPTED = "k8s:enc:"  # kubernetes.io, "Encrypting Confidential Data at Rest"

type Resource = Mapping[str, Any]
type Topology = Mapping[str, Any]


def members(topology: Topology) -> dict[str, Any]:
    """Return the hosts that are nodes of the cluster."""
    return {
        name: host
        for name, host in topology["hosts"].items()
        if host["is_server"] or host["is_agent"]
    }


def node_problems(
    nodes: Sequence[Resource], topology: Topology, version: str
) -> list[str]:
    """Check that exactly the declared nodes are Ready at one version.

    Args:
        nodes: Node objects.
        topology: The fact ``forge_topology``.
        version: What each kubelet must run, such as ``v1.36.4+k3s1``.
    """
    found = {node["metadata"]["name"]: node["status"] for node in nodes}
    declared = members(topology)
    problems = [f"{name}: not a node" for name in declared if name not in found]
    problems += [f"{name}: not declared" for name in found if name not in declared]
    for name, status in found.items():
        ready = {c["type"]: c["status"] for c in status.get("conditions", [])}
        if ready.get("Ready") != "True":
            problems.append(f"{name}: not Ready")
        running = status["nodeInfo"]["kubeletVersion"]
        if running != version:
            problems.append(f"{name}: runs {running}, pinned is {version}")
    return problems


def metadata_problems(nodes: Sequence[Resource], topology: Topology) -> list[str]:
    """Check labels and taints, also for what nobody declared."""
    problems: list[str] = []
    declared = members(topology)
    for node in nodes:
        name = node["metadata"]["name"]
        if name not in declared:
            continue
        labels = node["metadata"].get("labels", {})
        wanted = declared[name]["labels"]
        problems += [
            f"{name}: label {key} is {labels.get(key)!r}, declared {value!r}"
            for key, value in wanted.items()
            if labels.get(key) != value
        ]
        problems += [
            f"{name}: label {key} is not declared"
            for key in labels
            if key.startswith(PREFIX) and key not in wanted
        ]
        has = {_taint(taint) for taint in node["spec"].get("taints", [])}
        has = {taint for taint in has if not taint.startswith(PASSING_TAINTS)}
        want = {_taint(taint) for taint in declared[name]["taints"]}
        problems += [f"{name}: taint {taint} is missing" for taint in want - has]
        problems += [f"{name}: taint {taint} is not declared" for taint in has - want]
    return sorted(problems)


def placement_problems(pods: Sequence[Resource], topology: Topology) -> list[str]:
    """Check that one probe runs on each node that takes it, and none elsewhere.

    Args:
        pods: The probes' Pods; the label ``PROBE`` tells ``plain`` ones, which keep off
            tainted nodes, from ``tolerant`` ones, which run everywhere.
        topology: The fact ``forge_topology``.
    """
    problems: list[str] = []
    for kind in ("plain", "tolerant"):
        wanted = {
            name
            for name, host in members(topology).items()
            if kind == "tolerant"
            or not any(taint["effect"] == "NoSchedule" for taint in host["taints"])
        }
        mine = [pod for pod in pods if pod["metadata"]["labels"].get(PROBE) == kind]
        placed = {pod["spec"].get("nodeName", "no node") for pod in mine}
        ready = sorted(pod["spec"]["nodeName"] for pod in mine if _is_ready(pod))
        problems += [
            *(f"{name}: no {kind} probe runs" for name in sorted(wanted - {*ready})),
            *(f"{name}: a {kind} probe is there" for name in sorted(placed - wanted)),
            *(
                f"{name}: two {kind} probes run"
                for name, n in pairwise(ready)
                if name == n
            ),
        ]
    return problems


def network_problems(
    answers: Mapping[str, str],
    errors: Mapping[str, str],
    nodes: Sequence[str],
    service: str,
) -> list[str]:
    """Check what the probe on each node saw of DNS, Pods and the Service.

    Args:
        answers: Node name to the probe's output: lines ``dns ADDRESS``,
            ``pod NODE`` and ``service NODE``.
        errors: Node name to why its probe could not be asked.
        nodes: Nodes with a probe; each must be seen from each.
        service: The Service's address.
    """
    problems = [
        f"{node}: its Pod was not asked: {errors.get(node, 'there is no answer')}"
        for node in nodes
        if node not in answers
    ]
    for node in filter(answers.__contains__, nodes):
        words = [line.split() for line in answers[node].splitlines()]
        seen = {
            kind: {word[1] for word in words if len(word) == 2 and word[0] == kind}  # noqa: PLR2004 - kind and value
            for kind in ("dns", "pod", "service")
        }
        if service not in seen["dns"]:
            problems.append(f"{node}: cluster DNS did not answer {service}")
        problems += [
            f"{node}: no answer from the Pod on {other}"
            for other in nodes
            if other not in seen["pod"]
        ]
        # kube-proxy picks at random, so one answer from another node is the proof.
        if not seen["service"] & (set(nodes) - {node} or {node}):
            problems.append(f"{node}: the Service reached no other node")
    return problems


def platform_problems(
    answers: Mapping[str, str], components: Sequence[str], nodes: Sequence[str]
) -> list[str]:
    """Check what the platform's servers answered to a Pod.

    Args:
        answers: What was asked -> the whole HTTP answer: ``registry`` its API's root,
            ``prometheus`` a query of ``up``.
        components: What runs, by name of its folder in the overlay.
        nodes: Whose node-exporter Prometheus must reach.
    """
    problems = []
    if "registry" in components:
        head = answers.get("registry", "").partition("\r\n\r\n")[0].lower()
        if "200" not in head.split() or "registry/2.0" not in head:
            problems.append(f"registry: its API does not answer: {_first(head)}")
    if "prometheus" in components:
        problems += _scraped(answers.get("prometheus", ""), components, nodes)
    return problems


def _scraped(
    answer: str, components: Sequence[str], nodes: Sequence[str]
) -> Iterator[str]:
    """Yield what Prometheus does not see."""
    try:
        rows = json.loads(answer.partition("\r\n\r\n")[2])["data"]["result"]
    except (ValueError, KeyError, TypeError):
        yield f"prometheus: does not answer a query: {_first(answer)}"
        return
    up = {
        (row["metric"].get("job"), row["metric"].get("node"))
        for row in rows
        if row["value"][1] == "1"
    }
    yield from (
        f"prometheus: cannot read node-exporter on {node}"
        for node in nodes
        if ("node", node) not in up
    )
    if "registry" in components and "registry" not in {job for job, _ in up}:
        yield "prometheus: cannot read the registry's metrics"


def _first(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no answer"


def encryption_problems(record: str, secret: str) -> list[str]:
    """Check that a raw etcd record is encrypted.

    Args:
        record: What ``etcdctl get KEY -w fields`` printed.
        secret: The plain value that must not be in it.
    """
    problems: list[str] = []
    if f'"Value" : "{ENCRYPTED}' not in record:
        problems.append(f"the raw record does not begin with {ENCRYPTED}")
    if secret in record:
        problems.append("the raw record holds the plain value")
    return problems


def _is_ready(pod: Resource) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _taint(taint: Mapping[str, Any]) -> str:
    value = taint.get("value")
    key = f"{taint['key']}={value}" if value else str(taint["key"])
    return f"{key}:{taint['effect']}"
