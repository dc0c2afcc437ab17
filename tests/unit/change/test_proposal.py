"""A plan becomes effects that laws can judge."""

from typing import Any

import pytest
from tests.unit.change.plans import host, impact, plan, room

from clawlaw.core.actions import InfraApply
from forge.change.groups import member_effects, quorum_effects
from forge.change.model import BlastRadius, Effect, Kind, Plan, Scope
from forge.change.proposal import effects_of, propose, session_of
from forge.change.separation import separation_effects
from forge.change.skew import step, version_effects
from forge.errors import ForgeError

SERVERS = tuple(host(f"control-0{n}") for n in (1, 2, 3, 4, 5))
TAINT = {"key": "forge.dev/dedicated", "effect": "NoSchedule", "value": "x"}


def of(effects: list[InfraApply], change: str) -> InfraApply:
    (found,) = [e for e in effects if e.change == change]
    return found


def test_nothing_that_changes_is_no_effect() -> None:
    assert effects_of(plan()) == []


def test_proposal_names_the_plan_and_what_it_came_from() -> None:
    made = plan(impact(Effect.SERVICE_RESTART))
    said = propose(made)
    assert said["tool"] == "forge.apply"
    arguments = said["arguments"]
    assert isinstance(arguments, dict)
    assert arguments["plan"] == made.digest
    assert arguments["applied"] == made.applied_digest
    assert said["session"] == session_of(made)
    assert said["effects"] == [
        {
            "kind": "infra.apply",
            "tool": "forge",
            "change": "service_restart",
            "hosts": ["worker-01"],
            "tiers": ["I"],
        }
    ]


def test_same_plan_is_the_same_proposal_and_another_is_another() -> None:
    first = propose(plan(impact(Effect.SERVICE_RESTART)))
    assert first == propose(plan(impact(Effect.SERVICE_RESTART)))
    other = propose(plan(impact(Effect.SERVICE_RESTART, after="c")))
    assert other["session"] != first["session"]


def test_more_classes_than_a_person_can_review_are_refused() -> None:
    before = (host("worker-01", components=tuple(f"c{n}" for n in range(64))),)
    with pytest.raises(ForgeError, match="--limit"):
        propose(plan(hosts_before=before, hosts_after=room("worker-01")))


# What destroys names its target.


def test_destruction_of_a_host_that_the_limit_names_has_a_target() -> None:
    scope = Scope(limit="worker-04", hosts=("worker-04",))
    made = plan(impact(Effect.STORAGE_REMOVED, hosts=("worker-04",)), scope=scope)
    effect = of(effects_of(made), "storage_removed")
    assert effect.destructive
    assert effect.target == "worker-04"


@pytest.mark.parametrize("limit", ["", "k3s_cluster", "worker-0*", "worker-044", "all"])
def test_a_group_or_a_pattern_names_no_target(limit: str) -> None:
    scope = Scope(limit=limit, hosts=("worker-04",))
    made = plan(impact(Effect.DATA_LOSS, hosts=("worker-04",)), scope=scope)
    effect = of(effects_of(made), "data_loss")
    assert effect.destructive
    assert effect.target == ""


def test_one_named_host_does_not_name_the_others() -> None:
    scope = Scope(limit="worker-04:worker-01", hosts=("worker-01", "worker-04"))
    hosts = ("worker-01", "worker-04", "worker-05")
    made = plan(impact(Effect.HOST_REINSTALL, hosts=hosts), scope=scope)
    found = [e for e in effects_of(made) if e.change == "host_reinstall"]
    assert [(e.hosts, e.target) for e in found] == [
        (("worker-01", "worker-04"), "worker-01, worker-04"),
        (("worker-05",), ""),
    ]


def test_data_loss_that_says_no_host_is_destructive() -> None:
    made = plan(impact(Effect.DATA_LOSS, hosts=()))
    assert of(effects_of(made), "data_loss").destructive


# Who asks for whom: tiers.


@pytest.mark.parametrize(
    ("hosts", "tiers"),
    [
        (("worker-01",), ("I",)),
        (("m4-pro", "worker-01"), ("I", "II")),
        (("mac-studio",), ("III",)),
        (("nobody-knows",), ("I", "II", "III")),
    ],
)
def test_tiers_follow_the_hosts(hosts: tuple[str, ...], tiers: tuple[str, ...]) -> None:
    made = plan(impact(Effect.SERVICE_RESTART, hosts=hosts))
    assert of(effects_of(made), "service_restart").tiers == tiers


def test_a_host_that_changes_its_tier_counts_for_both() -> None:
    after = (host("worker-01", tier=2, groups=("boundary",), is_node=False),)
    made = plan(
        impact(Effect.SERVICE_RESTART),
        hosts_before=room("worker-01"),
        hosts_after=after,
    )
    assert of(effects_of(made), "service_restart").tiers == ("I", "II")


# Governor and governed.


@pytest.mark.parametrize("name", ["m4-pro", "mac-studio"])
def test_governor_in_the_cluster_is_seen(name: str) -> None:
    groups = ("k3s_agent", "boundary" if name == "m4-pro" else "inference")
    joined = host(name, groups=groups, is_node=True)
    effect = of(list(separation_effects(plan(hosts_after=(joined,)))), "cluster_node")
    assert effect.hosts == (name,)


def test_group_counts_even_where_the_tier_says_cluster() -> None:
    joined = host("m4-pro", tier=1, groups=("boundary", "k3s_agent"), is_node=True)
    made = plan(hosts_before=(), hosts_after=(joined,))
    assert of(list(separation_effects(made)), "cluster_node").hosts == ("m4-pro",)


def test_a_node_of_the_cluster_is_no_effect() -> None:
    assert list(separation_effects(plan())) == []


def test_key_of_the_cluster_on_the_boundary_is_seen() -> None:
    given = impact(Effect.NOTHING, hosts=("m4-pro",), subject="vars.k3s_token")
    assert of(list(separation_effects(plan(given))), "cluster_key").hosts == ("m4-pro",)


def test_key_in_the_whole_room_reaches_the_boundary() -> None:
    hosts = ("m4-pro", "worker-01")
    given = impact(
        Effect.NOTHING, hosts=hosts, host="*", subject="vars.forge_kubeconfig"
    )
    assert of(list(separation_effects(plan(given))), "cluster_key").hosts == ("m4-pro",)


def test_key_that_is_taken_away_is_no_effect() -> None:
    gone = impact(
        Effect.NOTHING, hosts=("m4-pro",), subject="vars.k3s_token", kind=Kind.REMOVED
    )
    assert list(separation_effects(plan(gone))) == []


@pytest.mark.parametrize(
    ("flow", "is_key"),
    [
        ("tcp 6443 boundary m4-pro -> control-01", True),
        ("tcp 6000-7000 boundary boundary -> k3s_cluster", True),
        ("tcp 80,2379-2380 boundary m4-pro, worker-01 -> control-01", True),
        ("tcp 80,2379-2380 boundary worker-01+m4-pro -> m4-pro+control-01", True),
        ("tcp 9000,6443 boundary mac-studio+m4-pro -> worker-04", True),
        ("tcp 10250 boundary all -> worker-01", True),
        ("tcp api boundary m4-pro -> control-01", True),  # no number: not known
        ("something else", True),
        ("tcp 6443 boundary a+b+c+d+3 more -> control-01", True),
        ("tcp 6443 boundary m4-pro -> a+b+c+d+2 more", True),
        ("icmp boundary m4-pro -> worker-04", False),
        ("udp 8472 boundary m4-pro -> worker-04", False),
        ("tcp 9000 boundary m4-pro -> worker-04", False),
        ("tcp 6443 boundary worker-01 -> control-01", False),
        ("tcp 6443 inference m4-pro -> mac-studio", False),
    ],
)
def test_way_to_administer_the_cluster_counts_as_a_key(
    flow: str,
    is_key: bool,  # noqa: FBT001  # of the table
) -> None:
    made = plan(blast=BlastRadius(flows_opened=(flow,)))
    changes = [e.change for e in separation_effects(made)]
    assert changes == (["cluster_key"] if is_key else [])


# Telemetry stays tainted.


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        (None, 1),
        ([], 1),
        ([{**TAINT, "effect": "PreferNoSchedule"}], 1),
        ([{**TAINT, "key": "forge.dev/other"}], 1),
        ("sha256:secret", 1),
        ([TAINT], 0),
        ([{"key": "a", "effect": "NoSchedule"}, TAINT], 0),
    ],
)
def test_taint_of_telemetry(after: Any, lost: int) -> None:
    given = impact(
        Effect.TAINT_CHANGE,
        hosts=("worker-05",),
        subject="vars.forge_taints",
        after=after,
    )
    effect = of(effects_of(plan(given)), "taint_change")
    assert (effect.group, effect.lost, effect.members) == ("telemetry", lost, 1)


def test_taints_of_others_have_no_group() -> None:
    given = impact(Effect.TAINT_CHANGE, subject="vars.forge_taints", after=[])
    effect = of(effects_of(plan(given)), "taint_change")
    assert (effect.group, effect.hosts) == ("", ("worker-01",))


def test_telemetry_that_moves_to_a_bare_host_is_seen() -> None:
    moved = (host("worker-04", components=("minio", "prometheus")),)
    made = plan(hosts_before=room("worker-04"), hosts_after=moved)
    assert of(effects_of(made), "taint_change").lost == 1


# Voters.


def voters(before: int, after: int, **more: Any) -> Plan:
    return plan(hosts_before=SERVERS[:before], hosts_after=SERVERS[:after], **more)


@pytest.mark.parametrize(
    ("before", "after", "lost", "left", "count"),
    [
        (3, 2, 1, 2, 1),
        (3, 1, 2, 1, 2),
        (1, 3, 0, 3, 2),
        (2, 3, 0, 3, 1),
        (0, 3, 0, 3, 3),
    ],
)
def test_voters_that_come_and_go(
    before: int, after: int, lost: int, left: int, count: int
) -> None:
    (effect,) = quorum_effects(voters(before, after))
    found = (effect.members, effect.lost, effect.left, effect.count)
    assert found == (before, lost, left, count)


def test_limit_takes_on_one_new_voter() -> None:
    scope = Scope(limit="control-02", hosts=("control-02",))
    (effect,) = quorum_effects(voters(1, 3, scope=scope))
    assert (effect.count, effect.left, effect.hosts) == (1, 2, ("control-02",))


def test_limit_does_not_keep_a_voter_that_the_inventory_dropped() -> None:
    scope = Scope(limit="control-01", hosts=("control-01",))
    (effect,) = quorum_effects(voters(3, 1, scope=scope))
    assert (effect.lost, effect.count) == (2, 2)


def test_voters_made_anew_count_each() -> None:
    hosts = ("control-01", "control-02", "worker-01")
    given = impact(Effect.HOST_REINSTALL, hosts=hosts)
    made = plan(given, hosts_before=SERVERS[:3], hosts_after=SERVERS[:3])
    (effect,) = quorum_effects(made)
    assert (effect.count, effect.lost) == (2, 0)


def unknown(*names: str) -> tuple[Any, ...]:
    return tuple(
        impact(Effect.UNKNOWN, hosts=(n,), subject="host", kind=Kind.UNKNOWN)
        for n in names
    )


@pytest.mark.parametrize(
    ("names", "limit", "count"),
    [
        (("control-02",), "", 1),
        (("control-02", "control-03"), "", 2),
        (("control-02", "control-03"), "control-02", 1),
    ],
)
def test_voters_whose_last_run_failed_may_be_made_anew(
    names: tuple[str, ...], limit: str, count: int
) -> None:
    scope = Scope(limit=limit, hosts=(limit,) if limit else ())
    known = tuple(h for h in SERVERS[:3] if h.name not in names)
    made = plan(
        *unknown(*names), hosts_before=known, hosts_after=SERVERS[:3], scope=scope
    )
    (effect,) = quorum_effects(made)
    found = (effect.members, effect.lost, effect.left, effect.count)
    assert found == (3, 0, 3, count)


def test_role_of_an_unknown_host_is_not_gained() -> None:
    made = plan(*unknown("worker-04"), hosts_before=room("worker-01"))
    gained = {e.group for e in member_effects(made)}
    assert "role storage" not in gained
    assert "role observability" in gained


def test_restart_of_voters_is_no_change_of_the_quorum() -> None:
    restarted = impact(Effect.SERVICE_RESTART, hosts=("control-01", "control-02"))
    assert list(quorum_effects(plan(restarted))) == []


# Roles.


def test_role_that_loses_its_last_host() -> None:
    made = plan(
        hosts_before=room("worker-01", "worker-04"), hosts_after=room("worker-01")
    )
    groups = {e.group: (e.members, e.lost, e.left) for e in member_effects(made)}
    assert groups == {"role storage": (1, 1, 0), "component minio": (1, 1, 0)}


def test_role_that_moves_keeps_a_host() -> None:
    other = host("worker-01", role="storage", components=("minio",))
    made = plan(hosts_before=room("worker-04"), hosts_after=(other,))
    groups = {e.group: (e.members, e.lost, e.left) for e in member_effects(made)}
    assert groups == {"role storage": (1, 1, 1), "component minio": (1, 1, 1)}


def test_first_installation_takes_nothing_from_anybody() -> None:
    assert list(member_effects(plan(hosts_before=(), is_first=True))) == []


# Versions.


@pytest.mark.parametrize(
    ("before", "after", "steps"),
    [
        ("v1.35.1+k3s1", "v1.36.4+k3s1", (1, False)),
        ("v1.34.1+k3s1", "v1.36.4+k3s1", (2, False)),
        ("v1.36.4+k3s1", "v1.36.4+k3s2", (0, False)),
        ("v1.36.4+k3s1", "v1.36.3+k3s1", (0, True)),
        ("v1.36.4", "v1.35.9", (0, True)),
        ("v1.36.4", "v2.0.0", (2, False)),
        ({"version": "v1.35.1"}, {"version": "v1.36.0"}, (1, False)),
        ("v1.36.4", "latest", (2, False)),
        ("sha256:a", "sha256:b", (2, False)),
        (None, "v1.36.4", (0, False)),
    ],
)
def test_steps_between_versions(
    before: Any, after: Any, steps: tuple[int, bool]
) -> None:
    assert step(before, after) == steps


@pytest.mark.parametrize(
    ("subject", "group"),
    [
        ("pins.k3s", "kubernetes"),
        ("pins.kubernetes", "kubernetes"),
        ("vars.k3s_version", "kubernetes"),
        ("pins.harbor", "harbor"),
        ("vars.k3s_server_args", "k3s_server_args"),
        ("ansible", "ansible"),
    ],
)
def test_product_whose_version_changes(subject: str, group: str) -> None:
    given = impact(
        Effect.VERSION_CHANGE, subject=subject, before="1.2.3", after="1.4.0"
    )
    (effect,) = version_effects(plan(given))
    assert (effect.group, effect.count, effect.hosts) == (group, 2, ("worker-01",))


def test_pin_that_no_host_uses_changes_no_version() -> None:
    given = impact(Effect.VERSION_CHANGE, subject="pins.k3s", hosts=())
    assert list(version_effects(plan(given))) == []


# Flows.


def test_flows_are_counted_and_named() -> None:
    flows = ("tcp 80 cluster a -> b", "tcp 81 cluster a -> b")
    made = plan(impact(Effect.FLOW_OPENED), blast=BlastRadius(flows_opened=flows))
    effect = of(effects_of(made), "flow_opened")
    assert (effect.count, effect.target) == (2, "; ".join(flows))


def test_flow_that_cannot_be_named_counts_as_one() -> None:
    assert of(effects_of(plan(impact(Effect.FLOW_OPENED))), "flow_opened").count == 1
