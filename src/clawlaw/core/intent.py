"""What a session said it would do, and what an effect has to do with that.

A session's scope is what it declares, cut to the ceiling of its principal; a purpose
is one of the policy's closed list and has a profile of effects. What lies outside is
off scope or off purpose: the finding says what it missed. Declaring less than the
ceiling is how an honest client limits the harm of a prompt that turns it; declaring
more gives nothing.
"""

from msgspec import structs

from clawlaw.core.actions import ProcessExec
from clawlaw.core.errors import SessionError
from clawlaw.core.hosts import ANY, covers, listed
from clawlaw.core.policy import Policy, Principal, Purpose
from clawlaw.core.prepared import roots
from clawlaw.core.state import Scope
from clawlaw.core.target import Target


def within(path: str, root: str) -> bool:
    """Whether a path is a directory or inside; both normalised."""
    return path == root or path.startswith(root if root == "/" else f"{root}/")


def plain(path: str) -> str:
    """An absolute path without `.`, `..`, repeated slashes and a slash at its end."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in {"", "."}:
            kept.append(part)
    return "/" + "/".join(kept)


def in_paths(target: Target, paths: tuple[str, ...]) -> bool:
    """Whether a target lies in one of the directories: as written and where it leads.

    The folded form joins names that this file system may keep apart, so the resolved
    path is compared as it is as well.
    """
    known = roots(paths)
    return (
        known.hold(target.written)
        and (target.real == target.written or known.hold(target.real))
        and known.hold_exactly(target.fact.resolved)
    )


def in_hosts(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether a folded host is listed; a leading dot takes subdomains alone."""
    return listed(hosts).hold(host)


def in_programs(effect: ProcessExec, scope: Scope, purpose: Purpose) -> bool:
    """Whether scope and purpose both list a program; one that lists none lists all.

    A scope names programs as they are called, a purpose families of profiles.
    """
    if purpose.programs and effect.family not in purpose.programs:
        return False
    name = effect.program.rpartition("/")[2]
    return not scope.programs or name in scope.programs or ANY in scope.programs


def off_purpose(kind: str, purposes: tuple[Purpose, ...]) -> Purpose | None:
    """The first purpose that an effect of this kind does not serve."""
    for purpose in purposes:
        if kind not in purpose.kinds:
            return purpose
    return None


def cut(declared: Scope, ceiling: Scope) -> Scope:
    """What both allow.

    Args:
        declared: An empty list of paths, hosts, programs or namespaces declares nothing
            and takes the ceiling's.
        ceiling: Its empty list of paths, hosts or namespaces allows none.

    Returns:
        Paths, hosts, programs and namespaces that lie in both, the purpose and the
        expiry of the declared scope, but no later than the ceiling's; budgets of
        either, the lower.
    """
    ends = [e for e in (declared.expires, ceiling.expires) if e]
    budgets = dict(ceiling.budgets)
    for unit, amount in declared.budgets.items():
        budgets[unit] = min(amount, budgets.get(unit, amount))
    return Scope(
        purpose=declared.purpose,
        paths=_both_paths(declared.paths, ceiling.paths),
        hosts=_both_hosts(declared.hosts, ceiling.hosts),
        programs=_both_programs(declared.programs, ceiling.programs),
        budgets=budgets,
        expires=min(ends, default=0),
        namespaces=_both_namespaces(declared.namespaces, ceiling.namespaces),
    )


def opened(
    policy: Policy, principal: Principal, declared: Scope | None, parent: Scope | None
) -> Scope:
    """The scope that a session gets.

    Args:
        policy: Has the closed list of purposes.
        principal: Has the ceiling.
        declared: `None` takes the ceiling and the principal's first purpose.
        parent: Of the session that delegates to this one; it is a ceiling as well.

    Raises:
        SessionError: The purpose is not one that the principal may declare or does
            more than the parent's, or a budget is negative.
    """
    scope = declared or Scope(purpose="")
    allowed = [name for name in principal.purposes if name in policy.purposes]
    if parent is not None and parent.purpose in policy.purposes:
        most = policy.purposes[parent.purpose].kinds
        allowed = [name for name in allowed if policy.purposes[name].kinds <= most]
    purpose = scope.purpose or next(iter(allowed), "")
    if purpose not in allowed:
        raise SessionError(
            f"purpose {purpose!r}: {principal.name} may declare "
            f"{', '.join(allowed) or 'none'}"
        )
    for unit, amount in scope.budgets.items():
        if amount < 0:
            raise SessionError(f"budget {unit}: {amount} is negative")
    ceiling = cut(
        Scope(purpose, budgets=dict(principal.budgets)),
        principal.ceiling,
    )
    if parent is not None:
        ceiling = cut(parent, ceiling)
    return cut(structs.replace(scope, purpose=purpose), ceiling)


NOTHING = "\0"  # a name that nothing has: an intersection that came out empty


def _both_paths(declared: tuple[str, ...], ceiling: tuple[str, ...]) -> tuple[str, ...]:
    declared, ceiling = tuple(map(plain, declared)), tuple(map(plain, ceiling))
    if not declared:
        return ceiling
    kept = [d for d in declared if any(within(d, c) for c in ceiling)]
    inner = [c for c in ceiling if any(within(c, d) for d in declared)]
    kept += [c for c in inner if c not in kept]
    return tuple(kept) or (NOTHING,)


def _both_namespaces(
    declared: tuple[str, ...], ceiling: tuple[str, ...]
) -> tuple[str, ...]:
    if not declared or not ceiling:
        return ceiling
    return tuple(name for name in declared if name in ceiling) or (NOTHING,)


def _both_hosts(declared: tuple[str, ...], ceiling: tuple[str, ...]) -> tuple[str, ...]:
    if not declared:
        return ceiling
    kept = [d for d in declared if covers(ceiling, d)]
    kept += [c for c in ceiling if c not in kept and covers(declared, c)]
    return tuple(kept) or (NOTHING,)


def _both_programs(
    declared: tuple[str, ...], ceiling: tuple[str, ...]
) -> tuple[str, ...]:
    """Here an empty ceiling leaves it to the purpose, which is asked as well."""
    if not ceiling or ANY in ceiling:
        return declared or ceiling
    if not declared or ANY in declared:
        return ceiling
    return tuple(name for name in declared if name in ceiling) or (NOTHING,)
