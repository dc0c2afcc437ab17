"""Files and directories that a word names."""

from clawlaw.core.actions import (
    FileDelete,
    FileRead,
    FileWrite,
    NetRequest,
)
from clawlaw.core.shell.address import read_address
from clawlaw.core.shell.fields import has_pattern
from clawlaw.core.shell.run import Action, Run
from clawlaw.core.shell.spec import How
from clawlaw.core.shell.words import UNKNOWN, Place, Word

# Devices that keep nothing and tell nothing.
SINKS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"})
# Whose every entry is not only the agent's.
SHARED = frozenset({"/tmp", "/var/tmp"})  # noqa: S108  # named, not used
SOURCES = frozenset({"-", "/dev/null", "/dev/stdin"})
PACKED = frozenset({"gz", "bz2", "xz", "zst", "lz4", "lzma", "br", "Z", "tgz"})


def _fetched(run: Run, word: Word, *, sent: bool = False) -> bool:
    """Add the request of an address, which some programs take in place of a file."""
    if "://" not in word.text or word.text.startswith("file://"):
        return False
    address = read_address(word.text)
    run.effects.append(
        NetRequest(
            host=address.host,
            port=address.port,
            scheme=address.scheme,
            method="PUT" if sent else "GET",
            path=address.path,
            carries="file" if sent else "nothing",
        )
    )
    return True


def reader(what: str) -> Action:
    """A kind that reads content, names or attributes."""

    def read(run: Run, word: Word) -> None:
        if what == "content" and (word.text in SOURCES or _fetched(run, word)):
            return
        if what == "content" and word.text[:7].lower() == "file://":
            read(run, Word("/" + word.text[7:].partition("/")[2]))
        if what == "content" and word.text[:1] == "@" and word.text[1:]:
            # Many programs take a list of files or arguments from what follows.
            read(run, Word(word.text[1:], word.glob, word.many, word.within))
        found = run.context.place(word, run.cwd)
        if found is not None:
            deep = run.recursive or found.recursive
            run.effects.append(FileRead(found.path, found.glob, deep, what))  # type: ignore[arg-type]  # see KINDS

    return read


read: Action = reader("content")


def within(run: Run, word: Word) -> None:
    """A pattern of names to look into: told, so that it is judged like a path."""
    text = word.text
    if text[:1] in {"!", ""} or (text[:2] in {"*.", "**"} and ".env" not in text):
        return
    name = text.rpartition("/")[2]
    if name and UNKNOWN not in name:
        read(run, Word(name, glob=has_pattern(name)))


def writer(how: How, *, inert: bool = False, tree: bool | None = False) -> Action:
    """A kind that writes: a file, a tree, or (`None`) what the options say."""

    def write(run: Run, word: Word) -> None:
        if word.text in SINKS or _fetched(run, word, sent=True):
            return
        found = run.context.place(word, run.cwd)
        given = run.invocation.stdin
        nothing = given.source == "none" and run.spec.source == "stdin"
        many = found is not None and (found.glob or found.recursive)
        if found is not None and many and nothing and how == "modify":
            run.effects.append(FileDelete(found.path, found.glob, found.recursive))
        if found is not None:
            deep = run.recursive if tree is None else tree
            write_place(run, found, how, inert=inert, tree=deep)

    return write


write: Action = writer("modify")


def write_place(
    run: Run, found: Place, how: How, *, inert: bool = False, tree: bool = False
) -> None:
    """Note that a file or a tree is written."""
    effect = FileWrite(
        found.path,
        glob=found.glob,
        recursive=tree or found.recursive,
        how=how,
        executable=run.executable,
        source=run.written_from(),
        inert=inert or run.spec.inert,
    )
    run.effects.append(effect)


def out(run: Run, word: Word) -> None:
    """A file to write; a dash is the standard output."""
    if word.text != "-":
        write(run, word)


def repack(run: Run, word: Word) -> None:
    """A file in whose place another one comes, with an ending more or less."""
    write(run, word)
    stem, dot, ending = word.text.rpartition(".")
    if stem and dot and ending in PACKED:
        write(run, Word(stem, word.glob, word.many, word.within))


def delete(run: Run, word: Word) -> None:
    """A file or, where the options say so, a tree that is removed."""
    found = run.context.place(word, run.cwd)
    if found is not None:
        deep = run.recursive or found.recursive
        folder, _, name = found.path.rpartition("/")
        if found.glob and deep and name == "*" and folder in SHARED:
            run.effects.append(FileDelete(folder, recursive=True))
            return
        run.effects.append(FileDelete(found.path, found.glob, deep))


def empty(run: Run, word: Word) -> None:
    """A file whose content is gone, though its name stays."""
    if word.text not in SINKS:
        delete(run, word)
        write(run, word)


def replaced_tree(run: Run, word: Word) -> None:
    """A directory that is emptied first and then filled again."""
    found = run.context.place(word, run.cwd)
    if found is not None:
        run.effects.append(FileDelete(found.path, found.glob, recursive=True))
        write_place(run, found, "modify", tree=True)


def cwd(run: Run, word: Word) -> None:
    """The directory that later words are relative to."""
    run.cwd = run.path(word) or "" if word.known else ""
    if not run.cwd:
        run.context.opaque("working directory is not known", word.text)
