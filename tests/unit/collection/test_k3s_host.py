"""What the k3s modules read from a host's own words."""

from importlib import import_module
from typing import Any

import pytest

UTILS = "ansible_collections.forge.platform.plugins.module_utils"
host = import_module(f"{UTILS}.k3s_host")
redaction = import_module(f"{UTILS}.redaction")

STARTED = 1795412345  # 2026-11-23T05:39:05Z
VERSION = "v1.36.4+k3s1"
SHOWN = f"""LoadState=loaded
UnitFileState=enabled
ActiveState=active
SubState=running
Result=success
NRestarts=2
ExecMainStartTimestamp=@{STARTED}
"""


def unit(**changes: Any) -> Any:
    fields = {
        "loaded": "loaded",
        "enabled": True,
        "active": "active",
        "sub": "running",
        "result": "success",
        "restarts": 0,
        "started": STARTED,
    }
    return host.Unit(**{**fields, **changes})


def objects(
    *,
    version: str = VERSION,
    ready: str = "True",
    renewed: str = "2026-11-23T05:39:10.123456Z",
) -> list[dict[str, Any]]:
    return [
        {
            "kind": "Node",
            "status": {
                "nodeInfo": {"kubeletVersion": version},
                "conditions": [
                    {"type": "DiskPressure", "status": "False"},
                    {"type": "Ready", "status": ready, "message": "no network yet"},
                ],
            },
        },
        {"kind": "Lease", "spec": {"renewTime": renewed}},
    ]


def test_unit_is_read_from_systemctl_show() -> None:
    assert host.read_unit(SHOWN) == unit(restarts=2)


def test_unit_that_does_not_exist_was_never_started() -> None:
    text = "LoadState=not-found\nActiveState=inactive\nExecMainStartTimestamp=\n"

    assert host.read_unit(text).started == 0
    assert host.read_unit(text).loaded == "not-found"
    assert not host.read_unit(text).enabled


def test_version_is_read_from_the_first_line() -> None:
    assert (
        host.read_version(f"k3s version {VERSION} (abc)\ngo version go1.26") == VERSION
    )
    assert host.read_version("something else") == ""


def test_interface_that_holds_the_address_is_found() -> None:
    addresses = [
        {"ifname": "lo", "addr_info": [{"local": "127.0.0.1"}]},
        {"ifname": "eth1", "addr_info": [{"local": "192.0.2.11"}]},
    ]

    assert host.read_interface(addresses, "192.0.2.11") == "eth1"
    assert host.read_interface(addresses, "192.0.2.1") == ""


def test_taken_ports_are_named_with_their_program() -> None:
    text = (
        'LISTEN 0 511 *:6443 *:* users:(("nginx",pid=7,fd=6))\n'
        "LISTEN 0 128 127.0.0.1:10250 0.0.0.0:*\n"
        "LISTEN 0 128 [::1]:2379 [::]:*\n"
        "LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n"
    )

    assert host.read_listeners(text, [6443, 10250, 2379, 2380]) == {
        6443: "nginx",
        10250: "unknown",
        2379: "unknown",
    }


LIMITS = (
    "Max open files            1024                 20000                files     \n"
)


def test_open_files_are_limited_without_the_capability_only() -> None:
    assert host.read_open_files(LIMITS, "CapEff:\t000001fffeffffff\n") == 20000
    assert host.read_open_files(LIMITS, "CapEff:\t000001ffffffffff\n") is None


def test_node_that_runs_is_waited_for_no_longer() -> None:
    assert host.waiting_for(unit(), objects(), "n", VERSION) == ""


@pytest.mark.parametrize(
    ("state", "seen", "reason"),
    [
        (unit(active="activating", sub="start"), objects(), "service is activating"),
        (unit(active="failed", sub="failed"), objects(), "service is failed"),
        (unit(), [], "does not show a node n"),
        (unit(), objects()[:1], "has not reported since"),
        (
            unit(),
            objects(renewed="2026-11-23T05:39:00.123456Z"),
            "has not reported since",
        ),
        (unit(), objects(version="v1.36.3+k3s1"), "it runs v1.36.3+k3s1, not v1.36.4"),
        (unit(), objects(ready="False"), "it is not Ready: no network yet"),
        (unit(), objects(ready="Unknown"), "it is not Ready"),
    ],
)
def test_what_is_missing_is_said(
    state: object, seen: list[dict[str, Any]], reason: str
) -> None:
    assert reason in host.waiting_for(state, seen, "n", VERSION)


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        (None, "does not answer"),
        ("etcd_server_has_leader 0\netcd_server_is_learner 0\n", "has no leader"),
        ("etcd_server_has_leader 1\netcd_server_is_learner 1\n", "is a learner"),
    ],
)
def test_etcd_member_that_does_not_count_is_said(
    metrics: str | None, reason: str
) -> None:
    assert reason in host.etcd_waiting_for(metrics)


def test_voter_with_a_leader_counts() -> None:
    metrics = (
        "# HELP etcd_server_has_leader Whether or not a leader exists.\n"
        "etcd_server_has_leader 1\netcd_server_is_learner 0\n"
        'etcd_server_version{server_version="3.6.8"} 1\n'
    )

    assert host.etcd_waiting_for(metrics) == ""


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (f"joining with K10{'a' * 64}::server:s3cret now", "s3cret"),
        ("token=s3cret", "s3cret"),
        ("Password: s3cret", "s3cret"),
        ("Authorization: Bearer s3cret", "s3cret"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(line: str, secret: str) -> None:
    assert secret not in redaction.redact(line)


def test_known_secret_is_hidden_wherever_it_stands() -> None:
    assert (
        redaction.redact("got plain-value here", ["plain-value", ""]) == "got *** here"
    )
