"""The configuration of the gate: one closed YAML document that only its owner reads.

    document: gate
    policy: {folder: /etc/clawlaw/policy, workspace: [/srv/work], home: /home/agent}
    evidence: {folder: /var/lib/clawlaw/log, origin: forge.example/m4-pro, key: ...}
    agents: [{principal: developer, uid: 1201}]
    listeners: [{unix: /run/clawlaw/gate.sock, rights: [propose, outcome, executor]}]

A file that others could read or change, an unknown field, a number out of range, a
listener that gives an agent a steward's right: no start, with file, line and remedy.
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from clawlaw.core.actions import KINDS
from clawlaw.evidence.schema import Durability
from clawlaw.gate.peers import Right
from clawlaw.gate.ssh_config import SshPart, problem_of
from clawlaw.gate.state import Settings
from clawlaw.policy.document import convert_source
from clawlaw.policy.errors import nearest
from clawlaw.policy.paths import Bindings
from clawlaw.policy.source import Place, Source, read_source
from clawlaw.private import read_private

Absolute = Annotated[str, Meta(pattern="^/", max_length=4096)]
Token = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
Seconds = Annotated[int, Meta(ge=1, le=7 * 86_400)]
# Of these two, at most one listener has each: an agent must not come near a steward's.
APART: tuple[Right, ...] = ("steward", "propose")


class PolicyPart(Struct, frozen=True, forbid_unknown_fields=True):
    """Which policy is in force, and what its variables stand for.

    Attributes:
        folder: Of the policy's documents; or the name of one that comes with the gate.
        workspace: Directories that agents work in.
        home: Of the user that agents run as.
        protect: Files and directories of the gate beyond those that this file names.
    """

    folder: str
    workspace: Annotated[tuple[Absolute, ...], Meta(min_length=1)]
    home: Absolute
    protect: tuple[Absolute, ...] = ()


class EvidencePart(Struct, frozen=True, forbid_unknown_fields=True):
    """Where everything is recorded.

    Attributes:
        folder: Of the log.
        origin: Names the log, for checkpoints and signatures: a host and a path.
        key: File of the Ed25519 key that signs checkpoints, 0600.
        durability: What an answer waits for.
        segment: Bytes of one segment.
        checkpoint: Seconds between two checkpoints.
        snapshot: Entries between two snapshots of the state; 0: none is kept.
        secrets: Folder of the vault and of the key that digests secrets; "": secrets
            are recorded as they are.
        witnesses: Published keys of those whose cosignatures count; none: heads are
            signed and nobody is waited for.
        needed: How many of them make a head protected.
        lag: Seconds that a head may wait for them; later, everything is denied.
        witnessed: File where the uploader leaves co-signed heads.
    """

    folder: Absolute
    origin: Annotated[str, Meta(min_length=1, max_length=200, pattern="^[!-*,-~]+$")]
    key: Absolute
    durability: Durability = "fdatasync"
    segment: Annotated[int, Meta(ge=1 << 16, le=1 << 30)] = 64 << 20
    checkpoint: Seconds = 60
    snapshot: Annotated[int, Meta(ge=0, le=1 << 30)] = 10_000
    secrets: str = ""
    witnesses: tuple[str, ...] = ()
    needed: Annotated[int, Meta(ge=1, le=16)] = 1
    lag: Seconds = 600
    witnessed: str = ""


class AgentPart(Struct, frozen=True, forbid_unknown_fields=True):
    """How a principal of the policy is known.

    Attributes:
        principal: Enrolled in the policy.
        uid: Of its account, for Unix sockets and for what it may write.
        gids: Groups of its account.
        tokens: Digests of its bearer tokens, for TCP.
        names: Common names of its client certificates, for TLS.
    """

    principal: Annotated[str, Meta(min_length=1, max_length=200)]
    uid: Annotated[int, Meta(ge=0, le=2**32 - 2)] | None = None
    gids: tuple[int, ...] = ()
    tokens: tuple[Token, ...] = ()
    names: tuple[str, ...] = ()


class ListenerPart(Struct, frozen=True, forbid_unknown_fields=True):
    """One place where the gate listens; one of `unix`, `tcp`, `tls`.

    Attributes:
        unix: Path of a socket; callers are known by their uid.
        mode: Of the socket's file, octal text.
        group: Of the socket's file, a number.
        tcp: ADDRESS:PORT on loopback; callers are known by bearer tokens.
        tls: ADDRESS:PORT; callers are known by client certificates.
        rights: What may be asked here.
        uids: Of a steward's socket: who may connect, besides root.
        certificate: Of a TLS listener: PEM chain.
        key: Of a TLS listener: PEM, 0600.
        clients: Of a TLS listener: PEM of the authority of client certificates.
        hosts: Names that a Host header may have besides the address.
    """

    rights: Annotated[tuple[Right, ...], Meta(min_length=1)]
    unix: str = ""
    mode: Annotated[str, Meta(pattern="^0[0-7]{3}$")] = "0660"
    group: int = -1
    tcp: str = ""
    tls: str = ""
    uids: tuple[int, ...] = ()
    certificate: str = ""
    key: str = ""
    clients: str = ""
    hosts: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it listens, for messages."""
        return self.unix or self.tcp or self.tls


class LimitsPart(Struct, frozen=True, forbid_unknown_fields=True):
    """What the gate bears before it denies without looking.

    Attributes:
        queue: Requests that may wait for one sync.
        connections: Open ones of a listener.
        body: Bytes of one request.
        idle: Seconds that a connection may do nothing.
        read: Seconds that a request may take to arrive.
        sessions_idle: Seconds after which an unused session is closed.
    """

    queue: Annotated[int, Meta(ge=1, le=65_536)] = 1024
    connections: Annotated[int, Meta(ge=1, le=65_536)] = 4096
    body: Annotated[int, Meta(ge=1024, le=1 << 20)] = 1 << 20
    idle: Seconds = 3600
    read: Seconds = 5
    sessions_idle: Seconds = 86_400


class ExecutorPart(Struct, frozen=True, forbid_unknown_fields=True):
    """What the executor confines mediated actions to.

    Attributes:
        sandbox: An executor that confines is installed.
        trial: File in which `clawlaw run --check --keep` left whether it confines;
            "": the gate tries by itself.
        write: Directories; none: the workspace.
        read: Directories that may be read beside the system's: toolchains.
        hide: Absolute paths, or patterns of one name, that are not shown.
        network: What is reached.
        permit: Seconds that a permit counts.
    """

    sandbox: bool = False
    trial: Annotated[str, Meta(pattern="^(/.*)?$", max_length=4096)] = ""
    write: tuple[Absolute, ...] = ()
    read: tuple[Absolute, ...] = ()
    hide: tuple[Absolute, ...] = ()
    network: Literal["none", "gate"] = "gate"
    permit: Annotated[int, Meta(ge=1, le=3600)] = 60


class EscalationPart(Struct, frozen=True, forbid_unknown_fields=True):
    """How stewards are asked.

    Attributes:
        stewards: Lines of `clawlaw steward keygen`.
        deadline: Seconds to answer; then it is denied.
        needed: Stewards who must approve, by effect kind, where it is not one.
        webhook: Address that is told of every escalation; "": none.
    """

    stewards: tuple[str, ...] = ()
    deadline: Annotated[int, Meta(ge=1, le=86_400)] = 900
    needed: dict[str, Annotated[int, Meta(ge=1, le=16)]] = {}
    webhook: str = ""


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of it.

    Attributes:
        mode: "observe" records what it would deny and stops nothing.
        ssh: Logins that it signs; none: no such question is answered.
        state: Directory for what is no evidence: counts that could not be recorded.
    """

    document: Literal["gate"]
    policy: PolicyPart
    evidence: EvidencePart
    agents: tuple[AgentPart, ...]
    listeners: Annotated[tuple[ListenerPart, ...], Meta(min_length=1)]
    mode: Literal["enforce", "observe"] = "enforce"
    state: str = ""
    limits: LimitsPart = LimitsPart()
    executor: ExecutorPart = ExecutorPart()
    escalation: EscalationPart = EscalationPart()
    ssh: SshPart | None = None

    def settings(self) -> Settings:
        """What the boundary needs of it."""
        return Settings(
            observe=self.mode == "observe",
            sandbox=self.executor.sandbox,
            write=self.executor.write,
            read=self.executor.read,
            hide=self.executor.hide,
            network=self.executor.network,
            queue=self.limits.queue,
            permit=self.executor.permit * 1000,
            deadline=self.escalation.deadline * 1000,
            needed=self.escalation.needed,
            idle=self.limits.sessions_idle * 1000,
        )

    def bindings(self, file: Path, folder: Path) -> Bindings:
        """What the policy's variables stand for; the gate's own files are protected.

        Args:
            file: That this was read from.
            folder: Of the policy.
        """
        own = {str(file), self.evidence.folder, self.evidence.key, *self.policy.protect}
        own |= {path for path in (self.evidence.secrets, self.state) if path}
        if self.ssh:
            own.add(self.ssh.key)
        for listener in self.listeners:
            own |= {p for p in (listener.unix, listener.key) if p}
        return Bindings(
            self.policy.workspace,
            self.policy.home,
            tuple(sorted(own)),
            (str(folder),),
        )


def read_config(path: Path) -> Config:
    """Read and check the configuration.

    Raises:
        PolicyError: What is wrong, with file, line and remedy.
        PrivateFileError: It cannot be read, or others could read or change it.
    """
    source = read_source(str(path), read_private(path))
    config = convert_source(source, Config)
    _check_agents(config, source)
    _check_listeners(config, source)
    _check_ssh(config, source)
    for kind in config.escalation.needed:
        if kind not in KINDS:
            place: Place = ("escalation", "needed", kind)
            raise source.error(place, f"no effect kind {kind!r}", nearest(kind, KINDS))
    return config


def _check_agents(config: Config, source: Source) -> None:
    """Every way to be known leads to one principal."""
    known: dict[tuple[str, object], str] = {}
    for number, agent in enumerate(config.agents):
        ways: list[tuple[str, object]] = []
        if agent.uid is not None:
            ways.append(("uid", agent.uid))
        ways += [("token", token) for token in agent.tokens]
        ways += [("name", name) for name in agent.names]
        if not ways:
            problem = f"{agent.principal} has no uid, token or name; give it one"
            raise source.error(("agents", number), problem)
        for way in ways:
            if way in known:
                shown = "the same token" if way[0] == "token" else f"{way[0]} {way[1]}"
                problem = f"{shown} is {known[way]}'s already; one agent, one identity"
                raise source.error(("agents", number), problem)
            known[way] = agent.principal
        if agent.uid == 0:
            problem = "uid 0 can do everything; give the agent an account of its own"
            raise source.error(("agents", number, "uid"), problem)


def _check_ssh(config: Config, source: Source) -> None:
    """Who may have certificates is an account of this host, and nothing else is."""
    if config.ssh is None:
        return
    found = problem_of(config.ssh)
    if found:
        raise source.error(("ssh", found[0]), found[1])
    name = config.ssh.principal
    agent = next((a for a in config.agents if a.principal == name), None)
    if agent is None or agent.uid is None or agent.tokens or agent.names:
        problem = f"{name} needs a uid in agents, and neither tokens nor names"
        raise source.error(("ssh", "principal"), problem)


def _check_listeners(config: Config, source: Source) -> None:
    agents = {agent.uid for agent in config.agents}
    places: set[str] = set()
    for number, listener in enumerate(config.listeners):
        place: Place = ("listeners", number)
        if sum(map(bool, (listener.unix, listener.tcp, listener.tls))) != 1:
            raise source.error(place, "give one of unix, tcp and tls")
        if listener.place in places:
            raise source.error(place, f"{listener.place} stands twice")
        places.add(listener.place)
        if all(right in listener.rights for right in APART):
            problem = "steward and propose are for different people; use two listeners"
            raise source.error((*place, "rights"), problem)
        if "steward" in listener.rights:
            _check_steward_listener(listener, agents, source, place)
        if listener.unix and not listener.unix.startswith("/"):
            raise source.error((*place, "unix"), "a socket needs an absolute path")
        if not listener.unix:
            _check_address(listener, source, place)


def _check_steward_listener(
    listener: ListenerPart, agents: set[int | None], source: Source, place: Place
) -> None:
    if not listener.unix:
        problem = "stewards connect by a Unix socket, where the uid is known"
        raise source.error((*place, "rights"), problem)
    for uid in listener.uids:
        if uid in agents:
            problem = f"uid {uid} is an agent's and cannot be a steward's"
            raise source.error((*place, "uids"), problem)


def _check_address(listener: ListenerPart, source: Source, place: Place) -> None:
    field = "tcp" if listener.tcp else "tls"
    try:
        host, port = split_address(listener.place)
        address = ipaddress.ip_address(host)
    except ValueError as error:
        problem = f"{listener.place!r} is not ADDRESS:PORT ({error})"
        raise source.error((*place, field), problem) from error
    if not 0 <= port < 1 << 16:
        raise source.error((*place, field), f"port {port} does not exist")
    if listener.tcp and not address.is_loopback:
        problem = f"{host} is not loopback; use tls with client certificates"
        raise source.error((*place, field), problem)
    needed = (listener.certificate, listener.key, listener.clients)
    if listener.tls and not all(needed):
        problem = "tls needs certificate, key and clients"
        raise source.error(place, problem)


def split_address(text: str) -> tuple[str, int]:
    """(address, port) of ADDRESS:PORT; IPv6 in brackets.

    Raises:
        ValueError: It is not that.
    """
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit():
        raise ValueError("no port")
    return host.removeprefix("[").removesuffix("]"), int(port)
