"""The typed model of a whole inventory, and the words that it may use.

Values that could not be read are absent here (``None``, empty): reading reports
them once, and rules that need them have nothing to say.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

import msgspec

from forge.models.need import DEFAULT_MEMORY_PERCENT

type Protocol = Literal["tcp", "udp", "icmp"]

TIER_CLUSTER, TIER_BOUNDARY, TIER_INFERENCE = 1, 2, 3

# The three wires (docs/architecture.md). Each tier needs some and may use others.
WIRES = ("cluster", "boundary", "inference")
TIER_WIRES: Mapping[int, tuple[frozenset[str], frozenset[str]]] = {
    # tier: (must be on, may be on)
    1: (frozenset({"cluster"}), frozenset({"cluster", "boundary"})),
    2: (frozenset({"boundary"}), frozenset({"boundary", "inference"})),
    3: (frozenset({"inference"}), frozenset({"inference"})),
}

OPERATING_SYSTEMS: Mapping[str, str] = {  # name -> group by OS
    "debian": "linux",
    "ubuntu": "linux",
    "macos": "macos",
}
ARCHITECTURES = ("amd64", "arm64")

# Role -> group whose members have it; None: no group of its own.
ROLES: Mapping[str, str | None] = {
    "control": "control",
    "registry": "registry",
    "policy": "policy",
    "gitops": "gitops",
    "storage": "storage",
    "observability": "observability",
    "inference": None,
    "boundary": "boundary",
    "studio": "inference",
}

# Smallest memory per role in GB: requests of what it runs, 0.5 for the agents of
# every node, 1.75 reserved for system and kubelet, rounded up to what is sold.
MINIMUM_MEMORY_GB: Mapping[str, int] = {
    "control": 6,
    "registry": 6,
    "policy": 4,
    "gitops": 12,
    "storage": 6,
    "observability": 8,
    "inference": 8,
    "boundary": 16,
    "studio": 32,
}

# Component -> tiers that may run it. The gate and what agents use live on the
# boundary; nothing that manages the cluster does.
COMPONENTS: Mapping[str, frozenset[int]] = {
    **dict.fromkeys(
        (
            "actions_runner",
            "argocd",
            "clawlaw_proxy",
            "grafana",
            "harbor",
            "kyverno",
            "loki",
            "minio",
            "postgresql",
            "prometheus",
            "tempo",
            "velero",
        ),
        frozenset({1}),
    ),
    **dict.fromkeys(("agents", "clawlaw_gate", "steward_console"), frozenset({2})),
    # Who watches the gate's log stands elsewhere.
    "clawlaw_witness": frozenset({1, 3}),
    **dict.fromkeys(("mlx", "ollama"), frozenset({1, 2, 3})),
}
MLX, OLLAMA = "mlx", "ollama"
ENGINES = (MLX, OLLAMA)
MODEL_SOURCES = ("registry", "oci", "file")
UNRESOLVED = "unresolved"  # a digest that could not be obtained; roles refuse it

TELEMETRY_COMPONENTS = frozenset({"grafana", "loki", "prometheus", "tempo"})

ROLE_LABEL = "forge.dev/role"
DEDICATED_TAINT = "forge.dev/dedicated"

# Ends of a flow that are not hosts: the machine that runs Ansible, and all Pods.
CONTROLLER = "controller"
PODS = "pods"
EVERY_WIRE = "*"

SSH_PORT = "ssh"  # names in forge_ports that rules refer to
GATE_PORT = "gate"
API_PORT = "api"  # always forge_cluster.api_port


class Wire(msgspec.Struct, frozen=True):
    """One network segment."""

    name: str
    cidr: IPv4Network


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses inside Kubernetes."""

    pod_cidr: IPv4Network | None
    service_cidr: IPv4Network | None
    dns_address: IPv4Address | None
    dns_domain: str
    api_port: int


class Taint(msgspec.Struct, frozen=True):
    """A Kubernetes node taint."""

    key: str
    effect: str
    value: str = ""

    def __str__(self) -> str:
        """Return the form that kubectl prints."""
        value = f"={self.value}" if self.value else ""
        return f"{self.key}{value}:{self.effect}"


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """One permitted kind of connection; everything else is dropped.

    Attributes:
        sources: Hosts, groups, ``controller`` or ``pods``.
        targets: Hosts or groups.
        wire: Name of a wire, or ``*`` for every wire that both ends share.
        ports: Numbers, ranges ``low-high`` or names of ``forge_ports``, as given.
    """

    name: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    wire: str
    protocol: Protocol
    ports: tuple[str, ...]
    why: str


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """One machine.

    Attributes:
        tier: 1 cluster, 2 boundary, 3 inference, 0 if its groups do not say.
        memory_gb: Memory in GB, or None if not stated.
        artifact: Name in versions.yml of the K3s that a cluster node runs.
        connect_to: ``ansible_host`` where it is a literal, else empty.
        model_memory_percent: Share of the memory that models may take.
        model_disk_gb: Disk that models may take in GB, or None if not stated.
    """

    name: str
    groups: frozenset[str]
    tier: int
    os: str
    arch: str
    model: str
    role: str
    components: tuple[str, ...]
    addresses: dict[str, IPv4Address]
    labels: dict[str, str]
    taints: tuple[Taint, ...]
    memory_gb: int | None
    pins: dict[str, str]
    artifact: str
    connect_to: str
    model_memory_percent: int = DEFAULT_MEMORY_PERCENT
    model_disk_gb: int | None = None

    @property
    def is_server(self) -> bool:
        """Whether it runs the control plane."""
        return "k3s_server" in self.groups

    @property
    def is_agent(self) -> bool:
        """Whether it joins as a worker only."""
        return "k3s_agent" in self.groups

    def pinned(self) -> dict[str, str]:
        """Return component to name in versions.yml, the node's K3s included."""
        # A template is the business of the play that sets it.
        known = self.is_node and "{{" not in self.artifact
        return {**({"k3s": self.artifact} if known else {}), **self.pins}

    @property
    def is_node(self) -> bool:
        """Whether it is in the cluster in any way."""
        return bool(self.groups & {"k3s_cluster", "k3s_server", "k3s_agent"})


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model that hosts serve.

    Attributes:
        engine: The component that serves it, ``ollama`` or ``mlx``.
        source_kind: ``registry``, ``oci`` or ``file``.
        digest: ``sha256:`` and 64 hexadecimal digits, or ``unresolved``.
        size: Of its files, bytes.
        kv_bytes_per_token: Bytes of keys and values of one token, all layers.
        context: Tokens of one request, prompt and answer.
        parallel: Requests served at once.
        threads: Of the processor; 0 leaves it to the engine.
    """

    name: str
    engine: str
    source_kind: str
    source: str
    digest: str
    size: int
    licence: str
    hosts: tuple[str, ...]
    kv_bytes_per_token: int
    context: int
    parallel: int
    threads: int

    @property
    def bare_name(self) -> str:
        """What tells two models apart: Ollama takes ``x:latest`` and ``x`` for one."""
        return self.name.removesuffix(":latest")


class Pin(msgspec.Struct, frozen=True):
    """An entry of versions.yml; ``arches`` None means: any architecture."""

    version: str
    arches: frozenset[str] | None


class Topology(msgspec.Struct, frozen=True, kw_only=True):
    """A whole inventory.

    Attributes:
        hosts: In the order of their names.
        groups: Name to the names of all members, children included.
        pins: Entries of versions.yml, or None where it was not given.
        is_complete: Whether everything could be read; rules that conclude from
            the absence of something hold back otherwise.
    """

    name: str
    domain: str
    wires: dict[str, Wire]
    cluster: Cluster | None
    controller: dict[str, IPv4Address]
    ports: dict[str, str]
    flows: tuple[Flow, ...]
    components_required: tuple[str, ...]
    hosts: dict[str, Host]
    groups: dict[str, tuple[str, ...]]
    pins: dict[str, Pin] | None
    is_complete: bool
    models: tuple[Model, ...] = ()

    def in_group(self, group: str) -> list[Host]:
        """Return the members of a group, by name."""
        return [host for host in self.hosts.values() if group in host.groups]

    def in_tier(self, tier: int) -> list[Host]:
        """Return the machines of a tier, by name."""
        return [host for host in self.hosts.values() if host.tier == tier]
