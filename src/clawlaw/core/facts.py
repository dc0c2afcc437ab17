"""What the world is, as far as a decision depends on it: asked by name, given as data.

`analyse` says which facts it needs; the gate gathers them; `decide` sees nothing
else. A fact that was asked for and not given is unknown, and unknown never allows.
"""

from typing import Literal

from msgspec import Struct


class FactRequest(Struct, frozen=True):
    """What must be looked up before the proposal can be decided.

    Attributes:
        paths: Absolute, as in the effects.
        globs: Absolute patterns, as in the effects.
        programs: Names that the search path resolves.
    """

    paths: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


class PathFact(Struct, frozen=True):
    """Where a path leads.

    Attributes:
        resolved: Absolute path without links, `.`, `..`; of what does not exist yet:
            the resolved part that exists and the rest. "" where it cannot be told.
        kind: "absent" has a resolved parent, "unknown" could not be looked at.
        device: Of the file or, where it is absent, of its nearest existing parent.
        inode: Likewise.
        links: Hard links of a file; more than one means another name exists.
        linked: A symbolic link was followed on the way.
        origin: Who looked: "local" is the gate itself.
    """

    resolved: str
    kind: Literal["file", "directory", "other", "absent", "unknown"]
    device: int = 0
    inode: int = 0
    links: int = 1
    linked: bool = False
    origin: Literal["local", "declared", "remote"] = "local"


class ProgramFact(Struct, frozen=True):
    """Which file a program's name is.

    Attributes:
        resolved: Absolute path without links; "" where the search path has no such
            program.
        writable: The agent may write the file or a directory on its way.
    """

    resolved: str
    writable: bool = False


class Approval(Struct, frozen=True):
    """A steward's answer to an escalation, bound to exactly one action.

    Attributes:
        action: Digest of the proposal's binding (principal, session, tool, arguments,
            cwd, resolved targets).
        policy: Digest of the policy it was given under.
        gates: Rules that it waives, by id; every other rule still judges.
        approver: The steward.
        expires: Milliseconds since the epoch.
    """

    action: str
    policy: str
    gates: tuple[str, ...]
    approver: str
    expires: int


class Facts(Struct, frozen=True):
    """Everything of the world that a decision may depend on.

    Attributes:
        now: Milliseconds since the epoch; never before the last record's.
        paths: By the path in the request.
        globs: Matches by the pattern in the request, sorted; a pattern that is not a
            key matched too much or could not be looked at.
        programs: By the name in the request.
        approvals: Those that a steward gave and nothing has consumed.
        sandbox: Code is run by an executor that confines it: writes only in the
            workspace, no secrets, no network but the gate.
        mediated: The gate's executor or proxy performs the action against a permit;
            else the client does, after the answer, as it likes.
    """

    now: int
    paths: dict[str, PathFact] = {}
    globs: dict[str, tuple[str, ...]] = {}
    programs: dict[str, ProgramFact] = {}
    approvals: tuple[Approval, ...] = ()
    sandbox: bool = False
    mediated: bool = False
