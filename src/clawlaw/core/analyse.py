"""A proposal to its effects, and to what must be looked up before it is judged."""

from collections.abc import Callable

from msgspec import Struct

from clawlaw.core.actions import (
    MAX_EFFECTS,
    AnyEffect,
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
    Opaque,
    PackageInstall,
    ProcessExec,
    Proposal,
)
from clawlaw.core.errors import ProposalError
from clawlaw.core.facts import FactRequest
from clawlaw.core.policy import Policy
from clawlaw.core.toolmap import ToolSpec, effects_of
from clawlaw.core.tools import TOOLS, Arguments


class Analysis(Struct, frozen=True):
    """What a proposal would do, and which facts its judgement needs.

    Attributes:
        effects: In the order in which they would happen; those that the client
            declares come last.
        request: For the gate's fact gatherer.
    """

    effects: tuple[AnyEffect, ...]
    request: FactRequest


def analyse(proposal: Proposal, policy: Policy) -> Analysis:
    """Effects of a proposal by its tool and arguments; pure.

    Args:
        proposal: As decoded.
        policy: For profiles, the tool map and home.

    Returns:
        At least one effect: what is not understood is opaque.

    Raises:
        ProposalError: An argument is missing or has the wrong type, or there are more
            effects, statements or bytes than a proposal may have.
    """
    tool = TOOLS.get(proposal.tool)
    if tool is not None:
        given = Arguments(proposal.arguments)
        effects = tool(given, proposal, policy)
        effects += [
            Opaque("an argument that the tool does not have", name)
            for name in given.left()
        ]
    else:
        spec = policy.tools.get(proposal.tool)
        if isinstance(spec, ToolSpec):
            effects = effects_of(spec, proposal.arguments, proposal.cwd)
        else:
            effects = [Opaque("the tool is not known", proposal.tool)]
    effects += proposal.effects
    if len(effects) > MAX_EFFECTS:
        raise ProposalError("effects", f"more than {MAX_EFFECTS}; split the action")
    if not effects:
        effects = [Opaque("nothing that has an effect", proposal.tool)]
    return Analysis(tuple(effects), requested(effects))


def requested(effects: list[AnyEffect]) -> FactRequest:
    """Paths, patterns and programs of effects, each once, in order."""
    paths: dict[str, None] = {}
    globs: dict[str, None] = {}
    programs: dict[str, None] = {}
    for effect in effects:
        ask = _ASKS.get(type(effect))
        if ask is not None:
            ask(effect, paths, globs, programs)
    return FactRequest(tuple(paths), tuple(globs), tuple(programs))


type _Names = dict[str, None]
type _Ask = Callable[[AnyEffect, _Names, _Names, _Names], None]


def _file(effect: AnyEffect, paths: _Names, globs: _Names, _: _Names) -> None:
    (globs if effect.glob else paths)[effect.path] = None  # type: ignore[union-attr]  # an effect on files


def _write(effect: AnyEffect, paths: _Names, globs: _Names, _: _Names) -> None:
    assert isinstance(effect, FileWrite)  # noqa: S101  by _ASKS
    (globs if effect.glob else paths)[effect.path] = None
    if effect.target:
        paths[effect.target] = None


def _move(effect: AnyEffect, paths: _Names, globs: _Names, _: _Names) -> None:
    assert isinstance(effect, FileMove)  # noqa: S101  by _ASKS
    (globs if effect.glob else paths)[effect.path] = None
    paths[effect.to] = None


def _exec(effect: AnyEffect, paths: _Names, _: _Names, programs: _Names) -> None:
    assert isinstance(effect, ProcessExec)  # noqa: S101  by _ASKS
    if effect.script:
        paths[effect.script] = None
    if effect.program.startswith("/"):
        paths[effect.program] = None
    elif effect.family != "builtin":
        programs[effect.program] = None


def _package(effect: AnyEffect, paths: _Names, _: _Names, __: _Names) -> None:
    assert isinstance(effect, PackageInstall)  # noqa: S101  by _ASKS
    if effect.source.startswith("/"):
        paths[effect.source] = None


_ASKS: dict[type, _Ask] = {
    FileRead: _file,
    FileDelete: _file,
    FileWrite: _write,
    FileMove: _move,
    ProcessExec: _exec,
    PackageInstall: _package,
}
