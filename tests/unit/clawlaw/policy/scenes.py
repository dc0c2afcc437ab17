"""A small policy and the scenes that its conditions are tried in."""

from pathlib import Path
from typing import Any

import msgspec

from clawlaw.core.actions import (
    AnyEffect,
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
    Proposal,
)
from clawlaw.core.facts import Facts, PathFact, ProgramFact
from clawlaw.core.policy import Policy
from clawlaw.core.state import Label, Room, Session, State, insert, pack
from clawlaw.core.state import Scope as SessionScope
from clawlaw.core.text import fold_path
from clawlaw.core.view import View
from clawlaw.core.working import Working
from clawlaw.policy.compile import Compiler, load, read_folder
from clawlaw.policy.conditions import Reader
from clawlaw.policy.paths import Bindings
from clawlaw.policy.source import Source
from clawlaw.policy.triple import Triple

NOTHING = Label(0)
FILES = (FileRead, FileWrite, FileDelete, FileMove)
BASE = Path(__file__).resolve().parents[3] / "fixtures" / "policy" / "base"
POLICY: Policy = load(BASE)
NAMES = Compiler(read_folder(BASE), Bindings()).names


def triple(kind: str, condition: Any) -> Triple:
    """The three tests of a condition on effects of one kind."""
    return Reader(Source("x.yaml", {}), (kind,), NAMES).read(condition, ())


def effect(kind: str, **fields: Any) -> AnyEffect:
    made: AnyEffect = msgspec.convert({"kind": kind, **fields}, AnyEffect.__value__)
    return made


def view(  # what a scene is made of
    *,
    paths: dict[str, PathFact] | None = None,
    globs: dict[str, tuple[str, ...]] | None = None,
    programs: dict[str, ProgramFact] | None = None,
    sandbox: bool = False,
    labels: dict[str, Label] | None = None,
    session: Label = NOTHING,
    flow: Label = NOTHING,
    tool: str = "exec",
) -> View:
    scope = SessionScope(purpose="work")
    state = State(Session("s", "agent", scope, labels=int(session)), Room())
    for path, bits in (labels or {}).items():
        insert(state, "files", fold_path(path).text, pack(int(bits), 1))
    work = Working(state)
    work.flow = int(flow)
    made = View(
        proposal=Proposal("agent", "s", tool, {}, "/workspace"),
        policy=POLICY,
        facts=Facts(
            now=0,
            paths=paths or {},
            globs=globs or {},
            programs=programs or {},
            sandbox=sandbox,
        ),
        work=work,
        principal=POLICY.principals["agent"],
        purpose=POLICY.purposes["work"],
        scope=scope,
    )
    made.index = 0
    return made


def known(path: str, **fact: Any) -> dict[str, PathFact]:
    """A file that is what it is called, unless said otherwise."""
    return {path: PathFact(**{"resolved": path, "kind": "file", **fact})}


def said(made: Triple, judged: AnyEffect, scene: View) -> str:
    """Which of the three hold: "sep", "-ep", "---"."""
    tests = zip("sep", (made.sure, made.evident, made.possible), strict=True)
    told = "".join(name if test(judged, scene) else "-" for name, test in tests)
    if made.sets >= 0 and isinstance(judged, FILES):
        # A rule that touches none of its sets is left out without being asked.
        touched = NAMES.look("path").touched(judged, scene)
        assert made.sets & touched or told[:2] == "--"
    return told
