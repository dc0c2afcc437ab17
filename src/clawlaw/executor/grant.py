"""What a redeemed permit grants, and the bounds of the sandbox that it is given."""

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from clawlaw.core.actions import (
    AnyEffect,
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
    ProcessExec,
)
from clawlaw.core.errors import ClawLawError
from clawlaw.executor.bounds import Bounds, Limits, Network, within

# Subcommands of git that write its settings, and run no hook.
_GIT_SETTINGS: Final = frozenset({"config", "remote", "branch", "init"})


class GrantError(ClawLawError):
    """The gate's answer is not a grant that can be performed."""


class Target(Struct, frozen=True):
    """A path as it was when the action was judged.

    Attributes:
        path: As in the effects.
        resolved: Absolute, links followed; of what does not exist: the part that does
            and the rest.
        device: Of it or, where it is absent, of its nearest existing parent.
        inode: Likewise.
    """

    path: str
    resolved: str
    device: int
    inode: int
    kind: Literal["file", "directory", "other", "absent", "unknown"]


class Confinement(Struct, frozen=True):
    """The bounds that the law judged.

    Attributes:
        hide: Absolute paths, or patterns of one name.
        read: Directories that may be read beside the system's: toolchains.
    """

    write: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    network: Network = "none"


class Grant(Struct, frozen=True):
    """The action that a permit stands for; fields of later versions are left out.

    Attributes:
        deadline: Milliseconds since the epoch; it must have begun before.
        home: What `~` stood for, "" where the gate does not say.
    """

    id: str
    tool: str
    arguments: dict[str, Any]
    cwd: str
    workspace: tuple[str, ...] = ()
    effects: tuple[AnyEffect, ...] = ()
    targets: tuple[Target, ...] = ()
    programs: dict[str, str] = {}
    sandbox: Confinement = Confinement()
    deadline: int = 0
    home: str = ""


def decode_grant(data: bytes) -> Grant:
    """Read the gate's answer to a redeemed permit.

    Raises:
        GrantError: It is none.
    """
    try:
        return msgspec.json.decode(data, type=Grant)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GrantError(f"the gate's answer is no grant: {error}") from error


def named(grant: Grant) -> tuple[frozenset[str], frozenset[str]]:
    """Resolved targets that the judged effects read, and that they change, by name.

    What a law has allowed by its name is neither hidden nor kept from change.
    """
    resolved = {target.path: target.resolved for target in grant.targets}
    read: set[str] = set()
    changed: set[str] = set()
    for effect in grant.effects:
        if isinstance(effect, FileRead):
            read.add(resolved.get(effect.path, effect.path))
        elif isinstance(effect, FileWrite | FileDelete | FileMove):
            changed.add(resolved.get(effect.path, effect.path))
            if isinstance(effect, FileMove):
                changed.add(resolved.get(effect.to, effect.to))
    return frozenset(read - {""}), frozenset(changed - {""})


def is_released(path: str, grant: Grant, changed: tuple[str, ...]) -> bool:
    """Whether what stays read only may be changed, because a law judged just that.

    An effect on a whole workspace is none on everything that others obey in it.

    Args:
        path: Absolute.
        grant: With the judged effects.
        changed: Targets of those that change something, resolved.
    """
    roots = {*grant.workspace, *grant.sandbox.write}
    for one in changed:
        if one not in roots and (within(path, (one,)) or within(one, (path,))):
            return True
    return path.endswith("/.git/config") and _sets_git(grant)


def _sets_git(grant: Grant) -> bool:
    """Whether all that runs is git, to change settings that the law has read."""
    runs = [e for e in grant.effects if isinstance(e, ProcessExec)]
    return bool(runs) and all(
        run.program.rpartition("/")[2] == "git" and {*run.argv[:1]} <= _GIT_SETTINGS
        for run in runs
    )


def to_bounds(
    grant: Grant,
    *,
    home: str,
    user: str,
    cwd: str,
    hide: tuple[str, ...],
    keep: tuple[str, ...],
    socket: str = "",
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> Bounds:
    """The bounds of a grant on this machine.

    Args:
        grant: From the gate.
        home: What `~` stands for, private inside.
        user: Name of the account.
        cwd: Where the command begins; resolved.
        hide: Secrets that were found, absolute.
        keep: What stays read only, absolute.
        socket: The gate's, shown where the grant says so.
        limits: Of this executor.
    """
    read, changed = named(grant)
    write = grant.sandbox.write or grant.workspace
    outside = {path for path in changed if not within(path, write)}
    readable = {path for path in read if not within(path, write)}
    network: Network = grant.sandbox.network if socket else "none"
    return Bounds(
        cwd=cwd,
        home=grant.home or home,
        write=tuple(sorted({*write, *outside})),
        read=tuple(sorted({*grant.sandbox.read, *readable})),
        hide=tuple(p for p in hide if p not in read | changed),
        keep=tuple(p for p in keep if not is_released(p, grant, tuple(changed))),
        network=network,
        socket=socket if network == "gate" else "",
        limits=limits,
        user=user,
    )
