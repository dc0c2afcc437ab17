"""The Forge's dashboards: each one signal, with the question that it answers."""

from typing import Final

from forge.telemetry.dashboards import Dashboard, Panel

_NODE: Final = "{{node}}"
_MODEL: Final = "{{model}} on {{served_on}}"

PLATFORM: Final = Dashboard(
    "platform",
    "Platform",
    "Does everything in the cluster answer, and is anything about to be ended?",
    (
        Panel(
            "Targets that do not answer",
            (("up == 0", "{{job}} {{node}}"),),
            now=True,
            limit=0,
        ),
        Panel(
            "Memory of containers, of their limit",
            (
                (
                    "topk(10, container:memory_of_limit:ratio)",
                    "{{namespace}}/{{pod}} {{container}}",
                ),
            ),
            unit="percentunit",
            limit=0.85,
        ),
        Panel(
            "Containers ended for memory",
            (
                (
                    (
                        "sum by (node, namespace, pod) "
                        "(increase(container_oom_events_total[1h])) > 0"
                    ),
                    "{{namespace}}/{{pod}}",
                ),
            ),
        ),
        Panel(
            "Restarts of containers, an hour",
            (
                (
                    (
                        "sum by (namespace, pod) "
                        "(increase(kube_pod_container_status_restarts_total[1h])) > 0"
                    ),
                    "{{namespace}}/{{pod}}",
                ),
            ),
        ),
        Panel(
            "Changes of etcd's leader, an hour",
            (("etcd:leader_changes:increase1h", _NODE),),
            limit=2,
        ),
        Panel(
            "Time of etcd's syncs, 99 of 100",
            (
                (
                    (
                        "histogram_quantile(0.99, sum by (node, le) "
                        "(rate(etcd_disk_wal_fsync_duration_seconds_bucket[5m])))"
                    ),
                    _NODE,
                ),
            ),
            unit="s",
            limit=0.01,
        ),
        Panel(
            "Time until certificates expire",
            (
                (
                    "certmanager_certificate_expiration_timestamp_seconds - time()",
                    "{{namespace}}/{{name}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            "Alerts that fire",
            (
                (
                    'ALERTS{alertstate="firing", alertname!="Watchdog"}',
                    "{{alertname}} {{node}}",
                ),
            ),
            now=True,
            limit=1,
        ),
    ),
)

NODES: Final = Dashboard(
    "nodes",
    "Nodes and thermals",
    "Is a machine hot, full or short of memory?",
    (
        Panel(
            "Hottest core",
            (("node:cpu_temperature_celsius:max", _NODE),),
            unit="celsius",
            limit=85,
        ),
        Panel(
            "Share of six hours over the thermal SLO",
            (("node:over_thermal_slo:ratio_6h", _NODE),),
            unit="percentunit",
            limit=0.05,
        ),
        Panel(
            "Processors busy",
            (("node:cpu_busy:ratio_rate5m", _NODE),),
            unit="percentunit",
        ),
        Panel(
            "Memory available",
            (("node:memory_available:ratio", _NODE),),
            unit="percentunit",
        ),
        Panel(
            "Free on file systems",
            (
                (
                    (
                        'node_filesystem_avail_bytes{fstype!~"tmpfs|overlay"}'
                        " / node_filesystem_size_bytes"
                    ),
                    "{{node}} {{mountpoint}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Processes ended for memory, an hour",
            (("increase(node_vmstat_oom_kill[1h])", _NODE),),
            limit=1,
        ),
        Panel(
            "Time since the last start",
            (("time() - node_boot_time_seconds", _NODE),),
            unit="s",
            now=True,
        ),
        Panel(
            "Offset of clocks",
            (("node_timex_offset_seconds", _NODE),),
            unit="s",
        ),
    ),
)

INFERENCE: Final = Dashboard(
    "inference",
    "Inference",
    "How fast do models answer, and what do requests fail of?",
    (
        Panel(
            "Tokens a second of one answer, median",
            (("model:tokens_per_second:p50_1h", _MODEL),),
        ),
        Panel(
            "Tokens a second of all answers",
            (("model:tokens:rate5m", "{{model}} {{kind}}"),),
        ),
        Panel(
            "Time to the first token, 95 of 100",
            (("model:first_token_seconds:p95_5m", _MODEL),),
            unit="s",
        ),
        Panel(
            "Time that the gate takes, 99 of 100",
            (("model:governance_seconds:p99_5m", "{{stage}}"),),
            unit="s",
        ),
        Panel(
            "Requests by how they ended, a second",
            (
                (
                    "sum by (end) (rate(clawlaw_inference_requests_total[5m]))",
                    "{{end}}",
                ),
            ),
        ),
        Panel(
            "Share that fails",
            (("model:failed:ratio_rate10m", _MODEL),),
            unit="percentunit",
            limit=0.05,
        ),
        Panel(
            "Requests that are answered and that wait",
            (
                ("clawlaw_inference_streams", "answered"),
                ("clawlaw_inference_queue_requests", "waiting"),
            ),
        ),
        Panel(
            "Memory: loaded models, and available on the host",
            (
                ("clawlaw_inference_model_loaded_bytes", "{{model}} {{backend}}"),
                (
                    'clawlaw_inference_host_memory_bytes{kind="available"}',
                    "available",
                ),
            ),
            unit="bytes",
        ),
        Panel(
            "Engines that answer",
            (("clawlaw_inference_backend_up", "{{backend}}"),),
            now=True,
        ),
    ),
)

GATE: Final = Dashboard(
    "gate",
    "Gate",
    "What does the gate decide, and how long do agents wait for it?",
    (
        Panel(
            "Decisions a second, by verdict",
            (
                (
                    "sum by (verdict) (rate(clawlaw_verdicts_total[5m]))",
                    "{{verdict}}",
                ),
            ),
        ),
        Panel(
            "Laws that deny or ask, a second",
            (
                (
                    (
                        "topk(10, sum by (law, verdict) "
                        '(rate(clawlaw_findings_total{verdict!="allow"}[5m])))'
                    ),
                    "{{law}} {{verdict}}",
                ),
            ),
        ),
        Panel(
            "Time of stages, 99 of 100",
            (("gate:stage_seconds:p99_5m", "{{stage}}"),),
            unit="s",
        ),
        Panel(
            "Share of decisions with a slow stage",
            (("gate:slow:ratio_1h", "1 h"), ("gate:slow:ratio_6h", "6 h")),
            unit="percentunit",
            limit=0.001,
        ),
        Panel(
            "Escalations that wait, by age",
            (("clawlaw_escalations", "{{age}}"),),
        ),
        Panel(
            "Oldest escalation",
            (("clawlaw_escalation_oldest_seconds", _NODE),),
            unit="s",
            now=True,
        ),
        Panel(
            "Sessions, and those shut off",
            (
                ("clawlaw_sessions", "open"),
                ("clawlaw_sessions_quarantined", "shut off"),
            ),
        ),
        Panel(
            "Connections, requests that wait for a sync, permits",
            (
                ("clawlaw_connections", "connections"),
                ("clawlaw_queue_requests", "waiting"),
                ("clawlaw_permits", "permits"),
            ),
        ),
    ),
)

EVIDENCE: Final = Dashboard(
    "evidence",
    "Evidence",
    "Is everything that was decided on record, and do others hold its head?",
    (
        Panel(
            "How far the witnesses are behind",
            (("clawlaw_evidence_lag_seconds", _NODE),),
            unit="s",
            limit=300,
        ),
        Panel(
            "1: nothing can be recorded",
            (("clawlaw_latched", _NODE),),
            now=True,
            limit=1,
        ),
        Panel("Entries in the log", (("clawlaw_log_entries", _NODE),)),
        Panel(
            "Entries a second",
            (("rate(clawlaw_log_entries[5m])", _NODE),),
        ),
        Panel(
            "Time of a batch's sync, 99 of 100",
            (('gate:stage_seconds:p99_5m{stage="sync"}', _NODE),),
            unit="s",
            limit=0.025,
        ),
        Panel(
            "Denials without an entry each, an hour",
            (("increase(clawlaw_unrecorded_total[1h])", "{{reason}}"),),
        ),
        Panel(
            "Outcomes of models that are not recorded yet",
            (("clawlaw_inference_outcomes_pending", _NODE),),
            now=True,
            limit=1,
        ),
        Panel(
            "1: verdicts stop nothing",
            (("clawlaw_observe", _NODE),),
            now=True,
            limit=1,
        ),
    ),
)

ALL: Final = (PLATFORM, NODES, INFERENCE, GATE, EVIDENCE)
