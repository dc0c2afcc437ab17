"""The words in which a proposed change of the platform is told.

A :class:`Plan` compares what is applied with what is proposed. Its changes say what
differs, its impacts what each difference does to hosts and services, its blast radius
sums them up, and its digest binds all of it together with the inputs it came from. A
verdict and an approval name that digest, and so hold for exactly one plan.
"""

from enum import StrEnum
from typing import Any

import msgspec

from clawlaw.core.canonical import canonical_json, digest

type Value = Any  # Json of clawlaw.core.canonical, in a form that msgspec decodes

WHOLE_ROOM = "*"  # the host of a change that is the same on every host
NOTHING_APPLIED = "none"  # the applied digest where no applied state is recorded


class Kind(StrEnum):
    """How something differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    UNKNOWN = "unknown"  # what is applied, or what a value will be, cannot be told


class Effect(StrEnum):
    """What a change does. ``UNKNOWN`` counts as all of them."""

    NOTHING = "nothing"
    SERVICE_RESTART = "service_restart"  # users do not notice
    SERVICE_INTERRUPTION = "service_interruption"  # users notice
    HOST_RESTART = "host_restart"
    HOST_DRAIN = "host_drain"
    HOST_REINSTALL = "host_reinstall"
    DATA_LOSS = "data_loss"
    TRUST_CHANGE = "trust_change"  # whom a host or a service believes
    CERTIFICATE_REISSUE = "certificate_reissue"
    FLOW_OPENED = "flow_opened"
    FLOW_CLOSED = "flow_closed"
    POLICY_KEY = "policy_key"  # who may sign policy or approve
    STORAGE_REMOVED = "storage_removed"
    QUORUM_CHANGE = "quorum_change"
    TAINT_CHANGE = "taint_change"
    VERSION_CHANGE = "version_change"
    UNKNOWN = "unknown"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between what is applied and what is proposed.

    Attributes:
        host: A host of the inventory, or ``*`` for the same on every host.
        subject: ``host`` (its presence), ``groups``, ``vars.NAME``, ``pins.NAME``,
            ``tree.FOLDER`` or ``ansible``.
        before: What is applied; None where there is nothing. Secrets are keyed digests.
        after: What is proposed, in the same form.
    """

    host: str
    subject: str
    kind: Kind
    before: Value = None
    after: Value = None


class Impact(msgspec.Struct, frozen=True, kw_only=True):
    """What one change does.

    Attributes:
        hosts: The hosts that it touches, by name; empty where it touches none.
        effects: Sorted, never empty.
        services: That restart or are interrupted, sorted.
        minutes: That it takes on one host, at most, roughly.
        why: One sentence for readers.
    """

    change: Change
    hosts: tuple[str, ...]
    effects: tuple[Effect, ...]
    services: tuple[str, ...]
    minutes: int
    why: str


class BlastRadius(msgspec.Struct, frozen=True, kw_only=True):
    """What all changes of a plan do together. All lists are sorted, without repeats.

    Attributes:
        hosts_restarted: Names of hosts; so are the other ``hosts_`` fields,
            ``data_lost``, ``trust_changed`` and ``certificates_reissued``.
        services_interrupted: ``SERVICE@HOST``.
        flows_opened: ``PROTOCOL PORTS WIRE SOURCES -> TARGETS``; ends are group names
            where a group has just these members, else host names.
        minutes: Of the whole run: servers one after the other, the rest at once.
        unknown: ``SUBJECT@HOST`` whose effect cannot be told: the worst is assumed,
            and the host is in every list of hosts.
        policy_keys: ``SUBJECT@HOST``, as are the fields after it.
    """

    hosts_restarted: tuple[str, ...] = ()
    hosts_drained: tuple[str, ...] = ()
    hosts_reinstalled: tuple[str, ...] = ()
    data_lost: tuple[str, ...] = ()
    trust_changed: tuple[str, ...] = ()
    certificates_reissued: tuple[str, ...] = ()
    services_interrupted: tuple[str, ...] = ()
    flows_opened: tuple[str, ...] = ()
    flows_closed: tuple[str, ...] = ()
    minutes: int = 0
    unknown: tuple[str, ...] = ()
    policy_keys: tuple[str, ...] = ()
    storage_removed: tuple[str, ...] = ()
    quorum_changed: tuple[str, ...] = ()
    taints_changed: tuple[str, ...] = ()
    versions_changed: tuple[str, ...] = ()


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What laws ask about one host, before or after a change.

    Attributes:
        tier: 1 cluster, 2 boundary, 3 inference, 0 if its groups do not say.
        is_server: Whether it votes in etcd.
    """

    name: str
    tier: int
    role: str
    groups: tuple[str, ...]
    components: tuple[str, ...]
    is_server: bool
    is_node: bool


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """Digests (``sha256:`` and 64 hex digits) of what a plan was made from.

    Attributes:
        inventory: Every host's groups and variables, extra vars already merged.
        extra_vars: The extra vars by themselves.
        pins: The bytes of versions.yml.
        tree: All files that a run executes or copies.
        ansible: The installed Ansible and its collections.
    """

    inventory: str
    extra_vars: str
    pins: str
    tree: str
    ansible: str


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What of the plan a run takes on, as on the command line of ansible-playbook.

    Attributes:
        hosts: The hosts that ``limit`` selects; empty for all.
    """

    limit: str = ""
    hosts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    start_at: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One proposed change of the platform, with all that it does.

    Attributes:
        digest: Of everything else, ``sha256:`` and 64 hex digits.
        applied_digest: Of the applied state compared with; ``none`` if there is none.
        is_first: Whether nothing was ever applied, as far as the record says.
        hosts_before: The hosts as applied, by name; hosts never applied are missing.
        hosts_after: The hosts as proposed, by name.
    """

    digest: str
    applied_digest: str
    inputs: Inputs
    scope: Scope
    is_first: bool
    changes: tuple[Change, ...]
    impacts: tuple[Impact, ...]
    blast: BlastRadius
    hosts_before: tuple[HostFacts, ...]
    hosts_after: tuple[HostFacts, ...]


def plan_digest(plan: Plan) -> str:
    """Return the digest of all fields of a plan but ``digest``.

    Raises:
        CanonicalError: A value in a change has no canonical form.
    """
    data = msgspec.to_builtins(plan)
    del data["digest"]
    return digest(data)


def encode_plan(plan: Plan) -> bytes:
    """Return a plan as canonical JSON, UTF-8."""
    return canonical_json(msgspec.to_builtins(plan))


def decode_plan(data: bytes) -> Plan:
    """Read a plan, and hold it to its digest.

    Raises:
        ValueError: Not a plan, or not the plan that its digest names.
    """
    plan = msgspec.json.decode(data, type=Plan)
    if plan_digest(plan) != plan.digest:
        raise ValueError(f"the plan's digest is not {plan.digest}: it was changed")
    return plan
