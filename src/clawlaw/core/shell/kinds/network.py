"""Other machines that a word names."""

from clawlaw.core.actions import (
    NetRequest,
)
from clawlaw.core.shell.address import read_address, read_remote
from clawlaw.core.shell.kinds.files import delete, read, write_place
from clawlaw.core.shell.kinds.transfer import targets
from clawlaw.core.shell.run import Run
from clawlaw.core.shell.spec import Carries
from clawlaw.core.shell.words import UNKNOWN, Place, Word

RECORD_TYPES = frozenset({
    "A", "AAAA", "ANY", "CAA", "CNAME", "DNSKEY", "DS", "IN", "MX", "NS", "PTR", "SOA",
    "SRV", "TXT",
})  # fmt: skip


def url(run: Run, word: Word) -> None:
    """An address that something is asked of."""
    address = read_address(word.text, run.spec.scheme)
    carries = run.spec.carries
    if UNKNOWN in address.path and carries == "nothing":
        carries = "unknown"
    if address.login and carries == "nothing":
        carries = "text"
    effect = NetRequest(
        host=address.host,
        port=address.port,
        scheme=address.scheme,
        method=run.spec.method,
        path=address.path,
        carries=carries,
    )
    run.effects.append(effect)


def download(run: Run, word: Word) -> None:
    """An address whose content goes to a file of the address's last name."""
    url(run, word)
    path = read_address(word.text).path
    name = path.partition("?")[0].partition("#")[0].rpartition("/")[2]
    query = path.partition("?")[2]
    name = f"{name or 'index.html'}{'?' + query if query else ''}"
    folder = run.captures.get("into", ["."])[-1]
    found = run.context.place(Word(f"{folder}/{name}"), run.cwd)
    if found is not None:
        write_place(run, found, "create")


def host(run: Run, word: Word) -> None:
    """A machine that something is asked of."""
    known = word.known
    silent = "probe" in run.marks  # connects and sends nothing
    effect = NetRequest(
        host=word.text.rpartition("@")[2] if known else "",
        scheme=run.spec.scheme,
        method="PROBE" if silent else run.spec.method,
        carries=("nothing" if silent else run.spec.carries) if known else "unknown",
    )
    run.effects.append(effect)


def dns(run: Run, word: Word) -> None:
    """A name that is asked for, `@server` to ask, or a type of record."""
    text = word.text
    if word.known and text.upper() in RECORD_TYPES:
        return
    host(run, Word(text.removeprefix("@"), glob=word.glob, many=word.many))


def _remote(run: Run, word: Word, *, out: bool) -> None:
    """A place of scp, rsync or a repository: another machine's or a local path."""
    address = read_remote(word.text)
    if not out:
        run.sources.append(word)
    if address is None:
        if out:
            _arrive(run, word)
        else:
            read(run, word)
        return
    carries: Carries = "file" if out else "nothing"
    effect = NetRequest(
        host=address.host,
        port=address.port,
        scheme=address.scheme,
        method="PUT" if out else "GET",
        path=address.path,
        carries=carries,
    )
    run.effects.append(effect)


def _arrive(run: Run, word: Word) -> None:
    """What was named before is written here: to a file, or below a directory."""
    base = run.path(word)
    if base is None:
        return
    inside = word.text in {".", ".."} or word.text.endswith("/")
    inside = inside or len(run.sources) > 1
    for source in run.sources:
        whole = source.text.endswith("/")  # rsync: what is in it, not the directory
        paths = (base,) if whole else targets(run, base, source, inside=inside)
        for path in paths:
            write_place(run, Place(path), "modify", tree=run.recursive)


def remote_in(run: Run, word: Word) -> None:
    """A place that is copied from."""
    _remote(run, word, out=False)


def remote_out(run: Run, word: Word) -> None:
    """A place that is copied to."""
    _remote(run, word, out=True)


def remote_mirror(run: Run, word: Word) -> None:
    """As `remote-out`; what is not in the source is removed there."""
    _remote(run, word, out=True)
    if read_remote(word.text) is None:
        delete(run, word)


def manifest(run: Run, word: Word) -> None:
    """Objects of a cluster: from a file, an address or the input."""
    if "://" in word.text:
        url(run, word)
        run.context.opaque("objects come from another machine", word.text)
    elif word.text == "-" and run.invocation.stdin.source not in {"none", "agent"}:
        run.context.opaque("objects come from another program", word.text)
    else:
        read(run, word)


def source(run: Run, word: Word) -> None:
    """A file or an address that is read."""
    if "://" in word.text:
        url(run, word)
    else:
        read(run, word)
