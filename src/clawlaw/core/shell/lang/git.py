"""git: what each subcommand reads, changes and asks of other machines.

Hooks, filters and aliases of a repository run what its configuration names; that
configuration is out of an agent's reach by law, and every way to set it, or to point
git at another one, is not understood here.

Source: git 2.51 manual pages.
"""

from collections.abc import Callable, Sequence
from typing import Final

from clawlaw.core.actions import FileRead, FileWrite
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.git_config import harmless
from clawlaw.core.shell.lang.git_network import clone, fetch, ls_remote, pull, push
from clawlaw.core.shell.lang.git_options import CHANGE, NETWORK, PRINT, SPECS, STORE
from clawlaw.core.shell.lang.git_tree import Git, tree_command
from clawlaw.core.shell.lang.options import Parsed, names, parse, spec
from clawlaw.core.shell.settings import shows
from clawlaw.core.shell.words import UNKNOWN, Context, Invocation, Word

FAMILY: Final = "git"
PLAIN: Final = names(
    "-p --paginate -P --no-pager --no-replace-objects --no-lazy-fetch"
    " --literal-pathspecs --glob-pathspecs --noglob-pathspecs --icase-pathspecs"
    " --no-optional-locks --no-advice"
)
TELLING: Final = names("--version -v --help -h --html-path --man-path --info-path")


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a git command into effects."""
    git = Git(context, invocation)
    index = _globals(git, invocation.arguments)
    # A directory that holds `config` and `HEAD` is a repository of its own, whose
    # settings git would run: it counts as a script.
    script = f"{git.cwd}/config" if git.cwd else ""
    emit.start(invocation, context, FAMILY, script=script)
    for name, value in invocation.environment:
        if shows(name, value):
            git.silent = git.silent or name == "GIT_EDITOR"
            continue
        if name.startswith("GIT_") and name not in MILD:
            emit.give_up(context, f"git: {name} is set", value.text)
    for reason, text in git.doubts:
        emit.give_up(context, reason, text)
    if index < 0:
        return
    if index >= len(invocation.arguments):
        return  # prints its usage
    word = invocation.arguments[index]
    rest = invocation.arguments[index + 1 :]
    name = word.text if word.known else UNKNOWN
    special = SPECIAL.get(name)
    if special is not None:
        special(git, rest)
        return
    known = SPECS.get(name)
    if known is None:
        emit.give_up(context, "git: command is not understood", word.text)
        return
    parsed = parse(rest, known, context)
    if parsed is not None:
        _command(git, name, parsed, rest)


WORKTREE: Final = spec(
    "-f --force --detach --checkout --no-checkout --track --no-track -q --quiet",
    "-b -B",
)
NOTES: Final = names("list show add append remove get-ref")
MESSAGES: Final = ("-m", "--message", "-F", "--file")
MILD: Final = frozenset(
    {
        "GIT_PAGER_IN_USE",
        "GIT_TERMINAL_PROMPT",
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_AUTHOR_DATE",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_COMMITTER_DATE",
        "GIT_MERGE_AUTOEDIT",
        "GIT_OPTIONAL_LOCKS",
    }
)


def _globals(git: Git, words: Sequence[Word]) -> int:
    """Read the options before the subcommand; returns its index, -1: not understood."""
    index = 0
    while index < len(words):
        word = words[index]
        text = word.text
        if text[:1] != "-":
            if text[:1] == UNKNOWN or word.many or word.glob:
                git.doubts.append(("git: command is not known", text))
                return -1
            return index
        if text in PLAIN:
            index += 1
        elif text in TELLING:
            return len(words)
        elif text in ("-C", "-c") and index + 1 < len(words):
            if not _global_value(git, text, words[index + 1]):
                return -1
            index += 2
        else:
            git.doubts.append(("git: option is not understood", text))
            return -1
    return index


def _global_value(git: Git, name: str, value: Word) -> bool:
    if name == "-C":
        return git.enter(value)
    key, equals, setting = value.text.partition("=")
    known = setting if equals and UNKNOWN not in setting else None
    if UNKNOWN in key or value.many or not harmless(key, known):
        git.doubts.append(("git: setting may run or lead elsewhere", value.text))
        return False
    return True


def _command(git: Git, name: str, parsed: Parsed, rest: Sequence[Word]) -> None:
    """A subcommand whose options are all listed."""
    output = parsed.last("--output")
    if name == "archive":
        output = parsed.last("-o", "--output")
        for word in parsed.operands[1:]:
            emit.read(git.context, word, git.cwd, recursive=True)
    if output is not None:
        emit.write(git.context, output, git.cwd)
    if parsed.has("--ext-diff", "--lost-found"):
        emit.give_up(git.context, "git: option is not understood", name)
    if name in CHANGE:
        tree_command(git, name, parsed, rest)
    elif name in NETWORK:
        REMOTE[name](git, parsed)
    elif name in STORE:
        _store(git, name, parsed)
    elif name in PRINT:
        git.tells()
        _prints(git, name, parsed)
    else:
        git.tells()
        _tells(git, name, parsed)


def _tells(git: Git, name: str, parsed: Parsed) -> None:
    if name == "reflog" and parsed.operands:
        action = parsed.operands[0].text
        if action in ("expire", "delete", "drop"):
            emit.give_up(git.context, "git: forgets history", action)
    if name == "symbolic-ref" and parsed.operands[1:]:
        emit.give_up(git.context, "git: another branch without its files", name)
    if name == "var" and any("EDITOR" in w.text for w in parsed.operands):
        return
    patches = parsed.has("-p", "-u", "--patch", "-G", "-S", "-L", "--patch-with-stat")
    for word in parsed.operands:
        _revision(git, word)
        if patches and word.known and "." in word.text and ".." not in word.text:
            emit.read(git.context, word, git.cwd)  # a path, of which old text is shown
    names_only = name == "ls-files" and not parsed.has("-s", "--stage", "-t", "-v")
    if names_only and parsed.last("--format") is None and not parsed.has("--eol"):
        git.context.lists(git.cwd)


def _revision(git: Git, word: Word) -> None:
    """An operand: a revision, a path, or `revision:path`."""
    _, colon, path = word.text.partition(":")
    if colon and path and not word.many and path[:1] not in ("/", "!", "^"):
        emit.read(git.context, Word(path, word.glob), git.cwd)
    elif word.glob or word.within or not word.known:
        emit.read(git.context, word, git.cwd)


def _prints(git: Git, name: str, parsed: Parsed) -> None:
    operands = parsed.operands
    if name == "grep":
        _grep(git, parsed)
        return
    if name == "diff" and parsed.has("--name-only") and git.cwd:
        git.context.lists(git.cwd)
    for word in operands:
        _revision(git, word)
        # Two paths that are in no repository are compared all the same.
        path = word.known and not _is_revision(word.text)
        if path and name in ("diff", "blame", "annotate"):
            emit.read(git.context, word, git.cwd)


def _is_revision(text: str) -> bool:
    """Whether an operand is in no way a path."""
    marks = ("~", "^", "..", "@{", ":")
    return text == "HEAD" or (any(m in text for m in marks) and "/" not in text)


def _grep(git: Git, parsed: Parsed) -> None:
    operands = parsed.operands
    patterns = parsed.last("-f")
    if patterns is not None:
        emit.read(git.context, patterns, git.cwd)
    paths = operands if parsed.has("-e", "-f") else operands[1:]
    if parsed.has("--no-index", "--untracked"):
        git.context.emit(FileRead(path=git.cwd, recursive=True))
    for word in paths:
        emit.read(git.context, word, git.cwd, recursive=True)
    if parsed.has("-l", "--files-with-matches", "--name-only") and git.cwd:
        git.context.lists(git.cwd)


def _store(git: Git, name: str, parsed: Parsed) -> None:
    git.tells()
    moves = parsed.has("-f", "--force", "-C")
    renames = parsed.has("-M") and len(parsed.operands) > 1
    if (
        name == "branch"
        and (moves or renames)
        and not parsed.has("-l", "--list", "-a", "-r")
    ):
        emit.give_up(git.context, "git: forgets commits of a branch", name)
    if name == "tag" and parsed.has("-d", "--delete"):
        emit.give_up(git.context, "git: forgets a tag", name)
    file = parsed.last("-F", "--file", "-t", "--template")
    if file is not None and file.text != "-":
        emit.read(git.context, file, git.cwd)
    if not (git.silent or _says_message(name, parsed)):
        emit.give_up(git.context, "git: starts an editor", name)
    if name in ("add", "commit", "hash-object"):
        for word in parsed.operands:
            emit.read(git.context, word, git.cwd, recursive=True)
    if name == "notes" and (
        not parsed.operands or parsed.operands[0].text not in NOTES
    ):
        emit.give_up(git.context, "git: command is not understood", name)


def _says_message(name: str, parsed: Parsed) -> bool:
    """Whether git needs no editor to ask for a message."""
    if parsed.has(*MESSAGES):
        return True
    if name == "commit":
        fixup = parsed.last("--fixup")
        if fixup is not None and not fixup.text.startswith(("amend:", "reword:")):
            return True
        return parsed.has("-C", "--reuse-message", "--no-edit", "--dry-run")
    if name == "notes":
        return not parsed.operands or parsed.operands[0].text not in ("add", "append")
    return name != "tag" or not parsed.has("-a", "--annotate")


def _config(git: Git, words: Sequence[Word]) -> None:
    """`git config`: reads anything, sets what is harmless."""
    texts = [word.text for word in words]
    scope, rest = "", []
    for index, word in enumerate(words):
        text = word.text
        if text in ("--global", "--system", "--local", "--worktree"):
            scope = text
        elif text in (
            "--bool",
            "--int",
            "--path",
            "--type=bool",
            "--type=int",
            "-z",
        ) or text in ("--show-origin", "--show-scope", "--name-only", "--null"):
            continue
        else:
            rest = list(words[index:])
            break
    verb = rest[0].text if rest else ""
    if (
        (
            verb in ("-l", "--list", "list")
            and all(word.text == "--name-only" for word in rest[1:])
        )
        or verb in ("--get", "--get-all", "--get-regexp", "get", "--get-urlmatch")
        or (len(rest) == 1 and rest[0].known and verb[:1] != "-")
    ):
        git.tells()
        if any(_may_hold_secret(word.text) for word in rest[1:] or rest):
            emit.give_up(git.context, "git: setting may hold a credential", verb)
    else:
        _set(git, scope, rest[1:] if verb in ("set", "--add") else rest, texts)


def _may_hold_secret(key: str) -> bool:
    """Whether a key, or a pattern of keys, is one with headers or passwords."""
    text = key.lower().lstrip("^.*(")
    parts = ("header", "credential", "passw", "token", "insteadof", "proxy", "cookie")
    return text.startswith(("http", "url")) or any(part in text for part in parts)


def _set(git: Git, scope: str, rest: list[Word], texts: list[str]) -> None:
    """`git config KEY VALUE`, or `--unset KEY`."""
    key = value = ""
    match rest:
        case [verb, name] if verb.text in ("--unset", "unset", "--unset-all"):
            key = name.text
        case [name, given] if "-" not in (name.text[:1], given.text[:1]):
            if not given.many and not given.glob:
                key = name.text
                value = given.text
    if UNKNOWN in key or not key or not harmless(key, value) or scope == "--system":
        emit.give_up(
            git.context, "git: setting may run or lead elsewhere", " ".join(texts)
        )
        return
    if scope == "--global":
        path = git.context.home + "/.gitconfig"
        git.context.emit(FileWrite(path=path, how="modify", inert=True))


def _remote(git: Git, words: Sequence[Word]) -> None:
    """`git remote`: tells, or changes where later commands go."""
    texts = [word.text for word in words if word.text not in ("-v", "--verbose")]
    if not texts or texts[0] == "get-url":
        git.tells()
    elif texts[0] in ("show", "update", "prune"):
        git.asks(texts[1] if len(texts) > 1 else "", sends=False)
    else:
        emit.give_up(git.context, "git: leads pushes elsewhere", " ".join(texts))


def _worktree(git: Git, words: Sequence[Word]) -> None:
    texts = [word.text for word in words]
    if texts[:1] == ["list"] or texts[:1] in (["prune"], ["lock"], ["unlock"]):
        git.tells()
    elif texts[:1] == ["add"] and len(words) > 1:
        parsed = parse(words[1:], WORKTREE, git.context)
        if parsed is not None and parsed.operands:
            folder = parsed.operands[0]
            emit.write(git.context, folder, git.cwd, source="file", recursive=True)
    else:
        emit.give_up(git.context, "git: command is not understood", " ".join(texts))


def _submodule(git: Git, words: Sequence[Word]) -> None:
    texts = [word.text for word in words if word.text not in ("--quiet", "--recursive")]
    if not texts or texts[0] in ("status", "summary"):
        git.tells()
    else:
        emit.give_up(git.context, "git: submodules run and fetch", " ".join(texts))


def _bisect(git: Git, words: Sequence[Word]) -> None:
    verb = words[0].text if words else ""
    if verb in ("log", "view", "terms"):
        git.tells()
    elif verb in ("start", "good", "bad", "old", "new", "skip", "reset"):
        git.changes()
    else:
        emit.give_up(git.context, "git: command is not understood", f"bisect {verb}")


def _help(git: Git, words: Sequence[Word]) -> None:
    del git, words  # prints a page


type Special = Callable[[Git, Sequence[Word]], None]
SPECIAL: Final[dict[str, Special]] = {
    "config": _config,
    "remote": _remote,
    "worktree": _worktree,
    "submodule": _submodule,
    "bisect": _bisect,
    "help": _help,
}
REMOTE: Final[dict[str, Callable[[Git, Parsed], None]]] = {
    "clone": clone,
    "fetch": fetch,
    "pull": pull,
    "push": push,
    "ls-remote": ls_remote,
}
