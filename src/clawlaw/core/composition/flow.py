"""How labels travel: what a session has read, and what that makes of what it writes.

Reading a labelled file labels the session; writing keeps what the bytes came from. The
labels are bits, the tables are keyed by path, so one effect costs a few look-ups
whatever came before. Where it cannot be said which file got which bytes, the label goes
to all that could have got them: a label too many is a question, one too few is a harm.

* A session gains UNTRUSTED from the network and from services, SECRET from what the
  policy calls secret and from the environment, and what files carry.
* A file gains WRITTEN from any write, CODE unless the whole content is known to be
  inert, DOWNLOADED from the network, STAGED where the bytes come from something secret,
  personal or internal, and the labels of what it was copied, packed or made from.
* A tree (a recursive write, an unpacked archive, a moved directory) is labelled as one.
"""

from collections.abc import Callable
from typing import Any, Final

from clawlaw.core import actions
from clawlaw.core.actions import AnyEffect
from clawlaw.core.composition.bits import (
    ALL,
    CODE,
    CONTEXT,
    DOWNLOADED,
    EXECUTABLE,
    FETCHED,
    MADE,
    OF_SERVICE,
    PRIVATE,
    SECRET,
    STAGED,
    UNTRUSTED,
    WRITTEN,
)
from clawlaw.core.composition.step import Step
from clawlaw.core.reaching import is_prose
from clawlaw.core.state import find
from clawlaw.core.target import Target
from clawlaw.core.text import fold_path

_SECRET_NAMES: Final = ("TOKEN", "SECRET", "PASSW", "KEY", "CREDENTIAL", "AUTH")
# Families whose tree is a project's own history, fetched from where the policy allows.
_VERSION_CONTROL: Final = frozenset({"git", "hg", "svn", "vcs"})


def follow(step: Step) -> None:
    """Note what one effect would make known and leave behind."""
    follower = _FOLLOWERS.get(type(step.effect))
    if follower is not None:
        follower(step, step.effect)


def gain(step: Step, labels: int) -> None:
    """What an effect makes known to this proposal's later effects and the session."""
    work = step.work
    work.flow |= labels
    context = labels & CONTEXT
    if labels & DOWNLOADED:
        context |= UNTRUSTED
    if context & ~work.labels:
        work.label(context)


def anything(step: Step) -> int:
    """Labels that any file of this session has: for reads that cannot be told apart."""
    return step.work.get("any", "*")[0]


def _read(step: Step, effect: actions.FileRead) -> None:
    if effect.what != "content":
        return
    targets = step.view.at(effect.path, glob=effect.glob)
    labels = 0
    if targets is None:
        labels = anything(step) | step.view.policy.label_of(fold_path(effect.path).text)
    else:
        for target in targets:
            labels |= step.known(target).labels
    if effect.recursive:
        labels |= anything(step)
    gain(step, labels & ~EXECUTABLE)
    if labels & SECRET:
        step.work.mark("exfiltration_chain", refused=True)
    step.work.steps["read"] = 1


def _environment(step: Step, effect: actions.EnvironmentRead) -> None:
    if not effect.names or any(_secret_name(name) for name in effect.names):
        gain(step, SECRET)


def _secret_name(name: str) -> bool:
    upper = name.upper()
    return any(part in upper for part in _SECRET_NAMES)


def _request(step: Step, _effect: actions.NetRequest) -> None:
    gain(step, FETCHED)


def _package(step: Step, _effect: actions.PackageInstall) -> None:
    step.work.steps["package"] = 1


def _service(step: Step, effect: actions.ServiceRead) -> None:
    labels = 0
    for name in effect.labels:
        labels |= OF_SERVICE[name]
    gain(step, labels)


def _kube(step: Step, effect: actions.KubeRead) -> None:
    if effect.resource.lower().startswith("secret"):
        gain(step, SECRET)


def _exec(step: Step, effect: actions.ProcessExec) -> None:
    steps = step.work.steps
    if effect.family in _VERSION_CONTROL:
        steps["vcs"] = 1
    else:
        steps.pop("vcs", None)


def _write(step: Step, effect: actions.FileWrite) -> None:
    work = step.work
    targets = step.view.at(effect.path, glob=effect.glob)
    if effect.how == "directory":
        for target in targets or ():
            work.put("folders", target.real or target.written, WRITTEN)
        work.steps["folders"] = 1
        return
    if effect.reaches:
        work.put("reaching", "prose" if is_prose(effect.path) else "*", WRITTEN)
    if effect.source == "file":
        _renamed(step, effect.path)
    labels = _written(step, effect)
    if not labels:
        return
    if targets is None:
        keep_tree(step, fold_path(effect.path.rpartition("/")[0]).text, labels)
        return
    for target in targets:
        if not _own_history(step, target):
            keep(step, target, labels, tree=effect.recursive)


def _renamed(step: Step, path: str) -> None:
    """A copy or another name of a file: prose that reaches out may become code."""
    if step.work.get("reaching", "prose")[0] and not is_prose(path):
        step.work.put("reaching", "*", WRITTEN)


def _written(step: Step, effect: actions.FileWrite) -> int:
    """Labels that one write gives."""
    work = step.work
    bits = EXECUTABLE if effect.executable else 0
    if effect.how == "attributes":
        return bits
    if effect.how == "link":
        target = step.view.at(effect.target) if effect.target else None
        return bits | (step.known(target[0]).labels if target else MADE)
    if effect.source == "network" and "package" in work.steps:
        return bits | WRITTEN
    bits |= WRITTEN
    if effect.source == "network":
        bits |= FETCHED
    if effect.source == "agent":
        bits |= work.labels & CONTEXT
        bits |= 0 if effect.inert else CODE
    else:
        bits |= work.flow
        if effect.source != "file" or work.flow & MADE:
            bits |= CODE
        if effect.source == "unknown":
            bits |= work.labels & CONTEXT
    return bits | (STAGED if bits & PRIVATE else 0)


def _own_history(step: Step, target: Target) -> bool:
    """A version control's own fetch into the workspace is not a download to run."""
    if "vcs" not in step.work.steps:
        return False
    key = target.real or target.written
    return any(fold_path(root).text == key for root in step.view.policy.workspace)


def keep(step: Step, target: Target, labels: int, *, tree: bool) -> None:
    """Label a path, and what is below it where the path is a directory."""
    work = step.work
    key = target.real or target.written
    below = tree or target.fact.kind == "directory"
    if not below and ("folders" in work.steps or _has(step, "folders")):
        below = bool(work.get("folders", key)[0])
    work.put("files", key, labels)
    work.put("any", "*", labels)
    if below and labels & ~EXECUTABLE:
        keep_tree(step, key, labels)


def keep_tree(step: Step, key: str, labels: int) -> None:
    """Label everything below a directory."""
    step.work.put("trees", key, labels)
    step.work.put("any", "*", labels)
    step.work.steps["trees"] = 1


def _has(step: Step, table: str) -> bool:
    return table in step.work.state.session.tables


def _move(step: Step, effect: actions.FileMove) -> None:
    _renamed(step, effect.to)
    sources = step.view.at(effect.path, glob=effect.glob)
    targets = step.view.at(effect.to)
    tree = sources is None or len(sources) != 1
    labels = anything(step) if tree else 0
    name = ""
    for source in sources or ():
        labels |= step.known(source).labels
        if source.fact.kind != "file":
            tree = tree or source.fact.kind == "directory"
            labels |= anything(step) | _room_anything(step)
        name = source.written.rpartition("/")[2]
    if labels & PRIVATE:
        labels |= STAGED
    if not labels:
        return
    for target in targets or ():
        keep(step, target, labels, tree=tree)
        if name and target.fact.kind == "directory":
            inner = f"{target.real or target.written}/{name}"
            step.work.put("files", inner, labels)


def _room_anything(step: Step) -> int:
    table = step.work.state.room.tables.get("any")
    return 0 if table is None else find(table, "*") & ALL


_FOLLOWERS: Final[dict[type[AnyEffect], Callable[[Step, Any], None]]] = {
    actions.FileRead: _read,
    actions.FileWrite: _write,
    actions.FileMove: _move,
    actions.EnvironmentRead: _environment,
    actions.NetRequest: _request,
    actions.PackageInstall: _package,
    actions.ServiceRead: _service,
    actions.KubeRead: _kube,
    actions.ProcessExec: _exec,
}
