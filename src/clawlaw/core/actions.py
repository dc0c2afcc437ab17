"""What an agent can do to the world, as a closed list, and what it proposes to do.

A tool is a name that a client made up; an effect is what happens. The gate judges
effects. Every kind that exists stands in this file: a kind that is not here cannot be
decoded, and so cannot be allowed.

Paths in effects are absolute, joined to the directory they were relative to, and
otherwise as written: `..`, links and letter case are for the facts to resolve.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

if TYPE_CHECKING:
    type Json = str | int | bool | list[Json] | dict[str, Json] | None
else:  # msgspec cannot take a recursive type; the decoder sees to what is in it
    Json = Any

MAX_EFFECTS = 64  # of one proposal: what a person can still review
MAX_TEXT = 1 << 20  # bytes of one proposal as it arrives
MAX_DEPTH = 16  # nested lists and objects in arguments

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=65_536)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Effect(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """One thing that happens to the world; the subclasses are the closed list."""


class FileRead(Effect, frozen=True, tag="file.read"):
    """Content, names or attributes of files become known to the agent."""

    path: Text
    glob: bool = False  # path is a pattern that the facts expand
    recursive: bool = False
    what: Literal["content", "list", "attributes"] = "content"


class FileWrite(Effect, frozen=True, tag="file.write"):
    """A file is made or changed."""

    path: Text
    glob: bool = False
    recursive: bool = False
    how: Literal["create", "modify", "append", "attributes", "directory", "link"] = (
        "modify"
    )
    executable: bool = False  # gains the execute bit
    # Where the bytes come from: the agent itself, other files, the network, a program's
    # output, or something that the analysis cannot say.
    source: Literal["agent", "file", "network", "program", "unknown"] = "agent"
    target: Text = ""  # of a link: what it will lead to; absolute
    inert: bool = False  # the whole content is known and holds no code
    reaches: bool = False  # the known content reaches out of the project once it runs


class FileDelete(Effect, frozen=True, tag="file.delete"):
    """A file or a tree is removed."""

    path: Text
    glob: bool = False
    recursive: bool = False


class FileMove(Effect, frozen=True, tag="file.move"):
    """A file or a tree gets another name: gone from `path`, written at `to`."""

    path: Text
    to: Text
    glob: bool = False


class ProcessExec(Effect, frozen=True, tag="process.exec"):
    """A program runs. Its other effects stand beside this one."""

    program: Text  # name as found on the search path, or absolute path
    argv: tuple[Text, ...] = ()  # after the program; unknown words are "\ufffd"
    # What decides what runs: the program alone, code in the arguments, a file, the
    # input, or something unknown.
    code: Literal["none", "inline", "file", "input", "project", "unknown"] = "none"
    # Absolute: the file where code is "file", the directory where it is "project".
    script: Text = ""
    runner: bool = False  # the profile declares: runs a project's own code, contained
    background: bool = False
    family: Annotated[str, Meta(max_length=64)] = ""  # of the argv profile


class ProcessSignal(Effect, frozen=True, tag="process.signal"):
    """Running programs are ended or signalled."""

    target: Text  # process id, job, name or pattern
    by: Literal["id", "job", "name", "pattern"] = "pattern"


class EnvironmentRead(Effect, frozen=True, tag="environment.read"):
    """Values of environment variables become known; no names: all of them."""

    names: tuple[Text, ...] = ()


class NetRequest(Effect, frozen=True, tag="net.request"):
    """Something is asked of, or sent to, another machine."""

    host: Text  # name or address; "" where it is unknown
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0  # 0: of the scheme
    scheme: Annotated[str, Meta(max_length=20)] = "https"
    method: Annotated[str, Meta(max_length=20)] = "GET"
    path: Text = ""  # path and query of the address
    # What leaves this machine beyond the address itself.
    carries: Literal["nothing", "text", "file", "program", "unknown"] = "nothing"
    bytes_out: Count = 0  # known lower bound


class PackageInstall(Effect, frozen=True, tag="package.install"):
    """Software of others is added to a project or a machine."""

    manager: Name  # pip, npm, cargo, apt ...
    packages: tuple[Text, ...] = ()  # none: what the project's lock names
    source: Text = ""  # "": the configured registry; else an address or a path
    scope: Literal["project", "user", "system"] = "project"
    locked: bool = False  # exactly what a lock file pins


class SystemRead(Effect, frozen=True, tag="system.read"):
    """State of the machine is shown: processes, disks, interfaces, versions."""

    what: Name


class SystemChange(Effect, frozen=True, tag="system.change"):
    """State of the machine changes: services, mounts, users, schedules, power."""

    what: Name  # service, schedule, user, mount, firewall, power, kernel, privilege ...
    target: Text = ""


class MessageSend(Effect, frozen=True, tag="message.send"):
    """A person or a channel receives something that cannot be called back."""

    channel: Name  # email, chat, post ...
    recipients: tuple[Text, ...] = ()
    bytes_out: Count = 0


class ServiceRead(Effect, frozen=True, tag="service.read"):
    """Data of a remote service or store becomes known to the agent."""

    service: Name
    item: Text = ""
    # What the answer may carry: written by others, personal data, secrets.
    labels: tuple[Literal["untrusted", "personal", "secret", "internal"], ...] = ()


class ServiceChange(Effect, frozen=True, tag="service.change"):
    """A remote service does something: books, pays, edits, invites, deletes."""

    service: Name
    action: Name
    item: Text = ""
    counterparty: Text = ""  # who receives: account, address, user
    amount: Count = 0  # smallest unit of the currency
    reversible: bool = False


class ModelGenerate(Effect, frozen=True, tag="model.generate"):
    """A model is asked for text."""

    model: Name
    tokens: Count = 0  # upper bound asked for, prompt included
    # What the prompt carries: written by others, personal data, secrets.
    labels: tuple[Annotated[str, Meta(max_length=20)], ...] = ()
    tier: Annotated[str, Meta(max_length=20)] = (
        ""  # where it runs: II, III; "": unknown
    )
    undeclared: bool = False  # no declaration of the room names this model


class MemoryWrite(Effect, frozen=True, tag="memory.write"):
    """Something is kept that later sessions will read."""

    store: Name
    key: Text = ""
    bytes: Count = 0


class AgentDelegate(Effect, frozen=True, tag="agent.delegate"):
    """Another agent receives a task and part of this one's authority."""

    agent: Name
    purpose: Annotated[str, Meta(max_length=64)] = ""
    paths: tuple[Text, ...] = ()
    hosts: tuple[Text, ...] = ()
    programs: tuple[Text, ...] = ()
    depth: Annotated[int, Meta(ge=0, le=64)] = 1


class KubeRead(Effect, frozen=True, tag="kube.read"):
    """Objects of a cluster become known."""

    resource: Text
    namespace: Text = ""
    name: Text = ""


class KubeApply(Effect, frozen=True, tag="kube.apply"):
    """Objects of a cluster are made or changed.

    Where the gate has the whole object, the fields after the name say what it does in
    its namespace; without it they are empty.
    """

    resource: Text
    namespace: Text = ""
    name: Text = ""
    seen: bool = False  # the gate has the whole object and knows its kind
    traits: tuple[
        Literal[
            "beyond",  # reaches what is not the namespace's own, or cannot be told
            "reads-secrets",  # a role that reads every Secret
            "binds",  # gives a role to a service account
            "runs",  # starts containers
            "published",  # is reached from outside the cluster
            "code",  # holds text that an interpreter runs
            "inline",  # starts code that stands in the object itself
            "scaled",  # has a number of replicas
            "guards",  # keeps a number of Pods from being evicted
            "evicts",
        ],
        ...,
    ] = ()
    # Objects, accounts and labels that it belongs together with: "roles/x".
    joins: Annotated[tuple[Text, ...], Meta(max_length=64)] = ()
    # ConfigMaps that it runs with: "configmaps/x".
    uses: Annotated[tuple[Text, ...], Meta(max_length=64)] = ()
    kept: Count = 0  # replicas of what is scaled, Pods of what guards


class KubeDelete(Effect, frozen=True, tag="kube.delete"):
    """Objects of a cluster are removed."""

    resource: Text
    namespace: Text = ""
    name: Text = ""


class KubeExec(Effect, frozen=True, tag="kube.exec"):
    """A program runs inside a container of a cluster."""

    namespace: Text = ""
    name: Text = ""
    argv: tuple[Text, ...] = ()


class InfraApply(Effect, frozen=True, tag="infra.apply"):
    """Machines or cloud resources are changed by a tool for it.

    One effect is one class of change and the machines that it reaches. Its numbers say
    what is at stake, and rules and patterns judge them; 0 and "" are "does not apply".
    """

    tool: Name
    target: Text = ""  # what the person named; of a plan its digest
    destructive: bool = False
    change: Literal[
        "unknown",  # also what a tool of others does
        "plan",  # the run itself
        "nothing",
        "service_restart",
        "service_interruption",
        "host_restart",
        "host_drain",
        "host_reinstall",
        "data_loss",
        "storage_removed",
        "trust_change",
        "policy_key",
        "certificate_reissue",
        "flow_opened",
        "flow_closed",
        "taint_change",
        "version_change",
        "quorum_change",  # who votes
        "members",  # who has a role
        "cluster_node",  # a machine is part of the cluster
        "cluster_key",  # a machine holds or reaches what administers the cluster
    ] = "unknown"
    hosts: tuple[Text, ...] = ()  # machines that it reaches
    tiers: tuple[Literal["I", "II", "III"], ...] = ()  # of these machines
    group: Text = ""  # whose members change: of a quorum, a role, the tainted
    members: Count = 0  # of the group before
    lost: Count = 0  # of them, gone afterwards
    left: Count = 0  # of the group afterwards
    count: Count = 0  # flows, voters at once, minor versions at once
    back: bool = False  # to an older version
    opens: Count = 0  # of the declared window, milliseconds since the epoch
    closes: Count = 0  # 0: no window is declared


class ModelPromote(Effect, frozen=True, tag="model.promote"):
    """A model becomes the one that answers."""

    model: Name
    evaluation: Text = ""  # digest of the evaluation's record; "": none
    review: Text = ""  # id of the reviewer's record; "": none
    provenance: Text = ""  # digest of the provenance statement; "": none


class PolicyChange(Effect, frozen=True, tag="policy.change"):
    """The gate's own policy, budget, approvals or process would change."""

    what: Name  # policy, budget, approval, tier, gate
    target: Text = ""


class Opaque(Effect, frozen=True, tag="opaque"):
    """Something that the analysis does not understand; never allowed by itself."""

    reason: Text
    at: Text = ""  # the words that were not understood


type AnyEffect = (
    FileRead
    | FileWrite
    | FileDelete
    | FileMove
    | ProcessExec
    | ProcessSignal
    | EnvironmentRead
    | NetRequest
    | PackageInstall
    | SystemRead
    | SystemChange
    | MessageSend
    | ServiceRead
    | ServiceChange
    | ModelGenerate
    | MemoryWrite
    | AgentDelegate
    | KubeRead
    | KubeApply
    | KubeDelete
    | KubeExec
    | InfraApply
    | ModelPromote
    | PolicyChange
    | Opaque
)


KIND_OF: dict[type, str] = {
    kind: str(kind.__struct_config__.tag) for kind in get_args(AnyEffect.__value__)
}
KINDS = frozenset(KIND_OF.values())


class Proposal(Struct, frozen=True, forbid_unknown_fields=True):
    """One action that an agent asks to perform.

    Attributes:
        principal: Enrolled identity on whose authority the agent acts.
        session: Names the state that this action is judged against.
        tool: As the client calls it: exec, read, write, edit, delete, fetch, send,
            search, or one that a tool map teaches.
        arguments: As the client gave them; analysed, never trusted.
        cwd: Absolute working directory of the action.
        id: The client's own name of the call, for the trace.
        purpose: Of the closed list; "" takes the session's.
        goal: Digest of the request that led here, "" where there is none.
        effects: What the client itself declares; judged beside what analysis finds.
        parents: Ids of earlier records that led to this one.
    """

    principal: Name
    session: Name
    tool: Name
    arguments: dict[str, Json]
    cwd: Annotated[str, Meta(pattern="^/", max_length=4096)]
    id: Annotated[str, Meta(max_length=200)] = ""
    purpose: Annotated[str, Meta(max_length=64)] = ""
    goal: Annotated[str, Meta(max_length=128)] = ""
    effects: Annotated[tuple[AnyEffect, ...], Meta(max_length=MAX_EFFECTS)] = ()
    parents: Annotated[tuple[Name, ...], Meta(max_length=16)] = ()
