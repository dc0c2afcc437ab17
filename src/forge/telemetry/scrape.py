"""The configuration of a Prometheus that runs without an operator.

Its targets stand in it: one that starts while the API is away still knows every host,
and Debian 12 builds Prometheus without the discovery of Kubernetes.

Source: Prometheus, "Configuration".
"""

from pathlib import Path
from typing import Any, Final

import yaml

from forge.telemetry.rules import Whole
from forge.topology.model import Host, Topology

INVENTORY: Final = Path("inventory/testbed")
PLAIN: Final = Path("gitops/observability/prometheus/prometheus.yml")
MADE: Final = """\
# Made from the inventory by `forge telemetry scrape --write`: Prometheus on worker-05.
# Start it with --web.enable-remote-write-receiver --storage.tsdb.retention.time=40d and
# rules.yml beside this file. Its ServiceAccount may get nodes/metrics. Tiers II and III
# push; nobody is read beyond the cluster.
"""
WIRE: Final = "cluster"
# What rules and dashboards ask for: most of cadvisor's series are never looked at.
# Names behind `container_`.
CADVISOR: Final = (
    "memory_working_set_bytes",
    "spec_memory_limit_bytes",
    "cpu_usage_seconds_total",
    "oom_events_total",
    "start_time_seconds",
)
_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105  # a path


def plain(topology: Topology) -> str:
    """Return the whole file."""
    said = configuration(topology)
    form: dict[str, Any] = {"sort_keys": False, "explicit_start": True, "width": 110}
    return MADE + str(yaml.dump(said, Dumper=Whole, **form))


def configuration(topology: Topology) -> dict[str, Any]:
    """Return what Prometheus reads: the nodes of the cluster and itself.

    Args:
        topology: A valid one; its ports give those of the targets.
    """
    nodes = topology.in_group("k3s_cluster")
    servers = topology.in_group("k3s_server")
    own = topology.in_group("observability")
    ports = topology.ports
    return {
        "global": {
            "scrape_interval": "15s",
            "scrape_timeout": "10s",
            "evaluation_interval": "15s",
        },
        "rule_files": ["rules.yml"],
        "alerting": {
            "alertmanagers": [
                {"static_configs": [{"targets": ["alertmanager.monitoring.svc:9093"]}]}
            ]
        },
        "scrape_configs": [
            {
                "job_name": "prometheus",
                "static_configs": [
                    {"targets": ["localhost:9090"], "labels": _labels(host)}
                    for host in own
                ],
            },
            _job("node", nodes, ports["node_metrics"]),
            _job("kube-etcd", servers, ports["etcd_metrics"]),
            _cadvisor(nodes, ports["kubelet"]),
        ],
    }


def _cadvisor(nodes: list[Host], port: str) -> dict[str, Any]:
    wanted = {
        "source_labels": ["__name__"],
        "regex": f"container_({'|'.join(CADVISOR)})",
        "action": "keep",
    }
    return _job("kubelet", nodes, port) | {
        "scheme": "https",
        "metrics_path": "/metrics/cadvisor",
        "authorization": {"credentials_file": _TOKEN},
        # A kubelet's certificate is of an authority that a Pod does not have; what is
        # read is no secret, and the token is of this purpose alone.
        "tls_config": {"insecure_skip_verify": True},
        "metric_relabel_configs": [wanted],
    }


def _job(name: str, hosts: list[Host], port: str) -> dict[str, Any]:
    return {
        "job_name": name,
        "static_configs": [
            {"targets": [f"{host.addresses[WIRE]}:{port}"], "labels": _labels(host)}
            for host in hosts
        ],
    }


def _labels(host: Host) -> dict[str, str]:
    return {"node": host.name, "role": host.role, "tier": "I"}
