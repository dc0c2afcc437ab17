"""Copy, move and link: the last operand says where the others go."""

from collections.abc import Sequence

from clawlaw.core.actions import (
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
)
from clawlaw.core.shell.kinds.files import SINKS, write_place
from clawlaw.core.shell.run import Run
from clawlaw.core.shell.words import Place, Word


def place(run: Run, shape: str, sources: Sequence[Word], target: Word | None) -> None:
    """Effects of copy, move and link, whose last operand is where the others go.

    Args:
        run: The command.
        shape: copy, move or link.
        sources: What is copied, moved or led to.
        target: File or directory; `None`: the current directory (of a link).
    """
    into = target or Word(".")
    if into.within and not into.known and not into.glob and shape != "link":
        for source in sources:
            _scatter(run, shape, source, into.within)
        return
    base = run.path(into)
    if base is None:
        return
    if into.glob:
        run.context.opaque("target is a pattern", into.text)
    text = into.text
    folder = target is None or text in {".", ".."} or text.endswith(("/", "/.", "/.."))
    inside = folder or len(sources) > 1 or "inside" in run.marks
    for source in sources:
        if shape == "link":
            for path in targets(run, base, source, inside=inside):
                _link(run, source, path)
            continue
        found = run.context.place(source, run.cwd)
        if found is not None:
            _empty(run, shape, found, base)
            for path in targets(run, base, source, inside=inside):
                _carry(run, shape, found, path)


def _scatter(run: Run, shape: str, source: Word, folder: str) -> None:
    """A target somewhere in a directory: any file there may be written over."""
    found = run.context.place(source, run.cwd)
    if found is None:
        return
    deep = run.recursive or found.recursive
    if found.path == "/dev/null":
        run.effects.append(FileDelete(folder, recursive=True))
        return
    run.effects.append(FileRead(found.path, found.glob, deep))
    if shape == "move":
        run.effects.append(FileDelete(found.path, found.glob, found.recursive))
    write_place(run, Place(folder), "modify", tree=True)


def targets(run: Run, base: str, source: Word, *, inside: bool) -> tuple[str, ...]:
    """Where a source may end up: `base` may be a directory, which text cannot tell."""
    text = source.text
    name = text.rstrip("/").rpartition("/")[2].rpartition(":")[2]
    if "exact" in run.marks or source.within or not source.known:
        return (base,)  # the names are not known: the directory stands for them
    if name in {"", ".", ".."}:
        return (base,)
    child = f"{base.rstrip('/')}/{name}"
    return (child,) if inside else (base, child)


def _empty(run: Run, shape: str, found: Place, target: str) -> None:
    """A copy of nothing: what stood at the target is gone."""
    if shape == "copy" and found.path == "/dev/null":
        run.effects.append(FileDelete(target))


def _carry(run: Run, shape: str, found: Place, target: str) -> None:
    if shape == "move":
        run.effects.append(FileMove(found.path, target, found.glob))
        return
    deep = run.recursive or found.recursive
    read = FileRead(found.path, found.glob, deep)
    if read not in run.effects:
        run.effects.append(read)
    if target not in SINKS:
        # What is copied by a pattern keeps its names, which only the facts know.
        tree = run.recursive or found.glob or found.recursive
        write_place(run, Place(target), "modify", tree=tree)


def _link(run: Run, source: Word, link: str) -> None:
    folder = link.rpartition("/")[0] or "/"
    # A symbolic link's target is read from where the link stands, a hard link's here.
    start = folder if "symbolic" in run.marks else run.cwd
    target = run.context.path(source, start)
    if target is not None:
        effect = FileWrite(link, how="link", source="file", target=target)
        run.effects.append(effect)
