"""tar: what is packed, where it is unpacked, which programs it starts.

Source: GNU tar 1.35 manual; libarchive bsdtar(1).
"""

from collections.abc import Sequence
from typing import Final

from clawlaw.core.actions import FileRead, FileWrite
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import Parsed, parse, spec
from clawlaw.core.shell.words import UNKNOWN, Context, Invocation, Word

FAMILY: Final = "archive"
OPTIONS: Final = spec(
    "-c --create -x --extract --get -t --list -r --append -u --update -A --catenate"
    " --concatenate -d --diff --compare --delete -v --verbose -z --gzip --gunzip"
    " --ungzip -j --bzip2 -J --xz --lzma --lzip --lzop --zstd -Z --compress -a"
    " --auto-compress -k --keep-old-files --keep-newer-files --skip-old-files"
    " --overwrite --no-overwrite-dir -p --preserve-permissions --same-permissions"
    " --no-same-permissions -o --no-same-owner --numeric-owner -h --dereference"
    " --no-recursion --recursion --one-file-system --exclude-vcs --exclude-vcs-ignores"
    " --exclude-backups --exclude-caches --wildcards --no-wildcards"
    " --no-wildcards-match-slash"
    " --wildcards-match-slash --anchored --no-anchored --ignore-case -m --touch -S"
    " --sparse --totals --utc --full-time --no-acls --acls --no-xattrs --xattrs"
    " --no-selinux --selinux -O --to-stdout -W --verify -w --interactive -l"
    " --check-links -R --block-number -n --seek --ignore-zeros -i --null"
    " --hard-dereference --no-auto-compress --force-local --remove-files -U"
    " --unlink-first --delay-directory-restore --quiet"
    " --preserve-order --no-ignore-command-error --help --version --warning-all -q",
    "-f --file -C --directory --exclude --strip-components -T --files-from -X"
    " --exclude-from --owner --group --mode --mtime -b --blocking-factor"
    " --record-size --format -H --transform --xform --sort -N --newer"
    " --after-date --newer-mtime -K --starting-file -V --label --pax-option"
    " --checkpoint-text --warning --quoting-style --show-transformed-names"
    " -g --listed-incremental --exclude-tag --exclude-ignore",
    "--totals --checkpoint --occurrence --atime-preserve",
)
BUNDLE: Final = frozenset("cxtruAdvzjJZakpohmSWwlRniUOfCTXbHNKVg")
BUNDLE_VALUES: Final = frozenset("fCTXbHNKVg")
OPTIONS_FROM: Final = ("TAR_OPTIONS", "TAPE", "RSH", "TAR_RSH")
CREATE: Final = ("-c", "--create", "-r", "--append", "-u", "--update")
EXTRACT: Final = ("-x", "--extract", "--get")


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a tar command into effects."""
    emit.start(invocation, context, FAMILY)
    words = _unbundled(invocation.arguments)
    for name, value in invocation.environment:
        if name in OPTIONS_FROM:
            emit.give_up(context, f"tar: {name} is set", value.text)
    directory = _starting_directory(words, invocation, context)
    parsed = parse(words, OPTIONS, context)
    if parsed is None or directory is None:
        return
    for rule in parsed.each("--transform", "--xform"):
        emit.give_up(context, "tar: names are transformed", rule.text)
    if parsed.has(*CREATE):
        _create(parsed, directory, invocation, context)
    elif parsed.has(*EXTRACT):
        _extract(parsed, directory, invocation, context)
    elif parsed.has("-t", "--list", "-d", "--diff", "--compare"):
        _archive(parsed, invocation, context)
        if not parsed.has("-t", "--list"):
            context.emit(FileRead(path=directory, recursive=True))
    elif not parsed.has("--help", "--version"):
        emit.give_up(context, "tar: operation is not understood", "")


def _unbundled(words: Sequence[Word]) -> list[Word]:
    """Read the old style, `tar xzf FILE`: letters without a dash, values in order."""
    if not words or words[0].text[:1] in ("-", "") or not words[0].known:
        return list(words)
    letters = words[0].text
    if not set(letters) <= BUNDLE:
        return list(words)
    rest = list(words[1:])
    made: list[Word] = []
    for letter in letters:
        made.append(Word("-" + letter))
        if letter in BUNDLE_VALUES and rest:
            made.append(rest.pop(0))
    return made + rest


def _starting_directory(
    words: list[Word], invocation: Invocation, context: Context
) -> str | None:
    """Take out `-C` before the first operand; further ones are not understood."""
    directory = invocation.cwd
    index = 0
    while index < len(words):
        text = words[index].text
        value = None
        size = 1
        if text in ("-C", "--directory") and index + 1 < len(words):
            value, size = words[index + 1], 2
        elif text.startswith("--directory="):
            value = Word(text.partition("=")[2])
        elif text.startswith("-C") and text != "-C":
            value = Word(text[2:])
        if value is None:
            index += 1
            continue
        path = None if value.glob or value.many else context.path(value, directory)
        if path is None:
            emit.give_up(context, "tar: directory is not known", value.text)
            return None
        if directory != invocation.cwd:
            emit.give_up(context, "tar: several directories", value.text)
        directory = path
        del words[index : index + size]
    return directory


def _archive(
    parsed: Parsed, invocation: Invocation, context: Context, *, made: bool = False
) -> bool:
    """Say that the archive is read or made; whether it is the standard stream."""
    file = parsed.last("-f", "--file")
    if file is None or file.text == "-":
        return True
    # `host:file` is on another machine, reached by a program of its own.
    if ":" in file.text and not parsed.has("--force-local"):
        emit.give_up(context, "tar: archive on another machine", file.text)
        return False
    if made:
        emit.write(context, file, invocation.cwd, source="file")
    else:
        emit.read(context, file, invocation.cwd)
    return False


def _lists(parsed: Parsed, invocation: Invocation, context: Context) -> None:
    for file in parsed.each("-T", "--files-from"):
        emit.give_up(context, "tar: names come from a file", file.text)
    for file in parsed.each("-X", "--exclude-from"):
        emit.read(context, file, invocation.cwd)
    if parsed.last("-g", "--listed-incremental") is not None:
        emit.give_up(context, "tar: option is not understood", "-g")


def _create(
    parsed: Parsed, directory: str, invocation: Invocation, context: Context
) -> None:
    _lists(parsed, invocation, context)
    for word in parsed.operands:
        if word.text.startswith("@") or word.text[:1] == UNKNOWN:
            emit.give_up(context, "tar: operand is not understood", word.text)
        emit.read(context, word, directory, recursive=True)
        if parsed.has("--remove-files"):
            emit.delete(context, word, directory, recursive=True)
    _archive(parsed, invocation, context, made=True)


def _extract(
    parsed: Parsed, directory: str, invocation: Invocation, context: Context
) -> None:
    _lists(parsed, invocation, context)
    stream = _archive(parsed, invocation, context)
    if parsed.has("-O", "--to-stdout"):
        return
    if not directory:
        emit.give_up(context, "tar: directory is not known", "")
        return
    given = invocation.stdin.source
    source: emit.Source = "network" if stream and given == "network" else "file"
    context.emit(FileWrite(path=directory, recursive=True, source=source))
