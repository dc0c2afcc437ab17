"""Programs, code, packages and processes that a word names."""

from collections.abc import Sequence
from functools import reduce
from string import ascii_letters
from typing import Final, Literal

from clawlaw.core.actions import (
    EnvironmentRead,
    FileRead,
    PackageInstall,
    ProcessSignal,
)
from clawlaw.core.shell.kinds.files import read
from clawlaw.core.shell.kinds.network import url
from clawlaw.core.shell.paths import common
from clawlaw.core.shell.run import Action, Run
from clawlaw.core.shell.words import Invocation, Word
from clawlaw.core.shell.world import below

ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".gem", ".deb", ".rpm", ".jar")
# Programs that a project has among its development packages; their profiles say that
# they run its code.
NPX_TOOLS = frozenset({
    "astro", "biome", "cypress", "depcheck", "eslint", "jest", "knip", "mocha", "next",
    "nx", "playwright", "prettier", "prisma", "rollup", "stylelint", "tsc", "tsd",
    "tsup", "turbo", "typedoc", "vite", "vitest", "vue-tsc", "webpack",
})  # fmt: skip
# Words by which a runner takes code or a command instead of the project's own.
EVALUATING = frozenset({
    "-E", "--eval", "--exec", "--execute", "--command", "eval", "exec", "shell",
    "console", "runner", "repl", "--push", "--allow", "--publish", "dlx", "tinker",
    "dbshell", "dbconsole", "runMain", "attach", "connect", "-shell-escape",
    "--shell-escape",
})  # fmt: skip
# Marks of code that stands in a word itself: a function, a substitution, a pipe.
CODE: Final = (":=", "; ", "=>", "`", "$(", "require(", "import(", "system(", "exec(")
# Targets that take away what a project keeps, its data above all.
DESTROYING = frozenset({
    "destroy", "downgrade", "drop", "dropAll", "flush", "fresh", "nuke", "purge",
    "reset", "revert", "rollback", "teardown", "truncate", "undo", "wipe",
})  # fmt: skip
EVALUATES = (
    "-e", "--eval", "--exec", "--execute", "--command=", "--shell", "\\", "--run_under",
    "--workspace_status_command", "--credential_helper",
)  # fmt: skip
SENDING: Final = ("publish", "deploy", "upload")  # `publishToMavenLocal`
# Plugins of maven whose goals work on the project and nothing else.
GOALS: Final = frozenset({
    "checkstyle", "clean", "compiler", "enforcer", "failsafe", "fmt", "formatter",
    "help", "jacoco", "jar", "javadoc", "license", "pmd", "quarkus", "resources",
    "site", "source", "spotbugs", "spotless", "spring-boot", "surefire",
    "surefire-report", "versions", "war",
})  # fmt: skip
# Targets whose usual work is outside the project.
OUTWARD = frozenset({
    "autoupdate", "deploy", "install", "login", "publish", "push", "release", "try",
    "uninstall", "upload",
})  # fmt: skip
SEPARATORS: Final = "=:,;@ \t\n\"'()[]{}"
INPUTS = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})


def package(run: Run, word: Word) -> None:
    """Software of others: a name, an address or a file."""
    text = word.text
    source = ""
    if not word.known:
        run.context.opaque("package is not known", text)
    if "://" in text or text.startswith("git+"):
        source = text
        head, _, tail = text.partition("://")
        scheme = head.rpartition("@")[2].strip()  # `name @ https://..`
        url(run, Word(f"{scheme.removeprefix('git+')}://{tail}"))
    elif text[:1] in {".", "/", "~"} or text.endswith(ARCHIVES):
        source = run.path(word) or ""
    effect = PackageInstall(
        manager=run.spec.manager, packages=(text,), source=source, scope=run.scope
    )
    run.effects.append(effect)


def requirements(run: Run, word: Word) -> None:
    """A list of packages; one from elsewhere is not the project's own."""
    read(run, word)
    path = run.path(word) if word.known else None
    if path is None or not _is_below(path, run.cwd):
        run.context.opaque("list of packages from elsewhere", word.text)


def npx(run: Run, word: Word) -> None:
    """A program of the project's packages, or a package that is fetched to be run."""
    if word.known and word.text in NPX_TOOLS:
        words = run.invocation.arguments
        at = next(i for i, given in enumerate(words) if given is word)
        run.installed = True
        run_command(run, words[at:])
        return
    package(run, word)


def script(run: Run, word: Word) -> None:
    """A file whose code runs."""
    if word.text in INPUTS:
        run.input = True
        return
    if "://" in word.text:
        url(run, word)
        run.context.opaque("runs what an address holds", word.text)
        return
    if _is_address(word.text):
        run.context.opaque("runs what an address holds", word.text)
        return
    path = run.path(word)
    if path is not None:
        run.script = path


def _is_address(text: str) -> bool:
    """Whether a word names a package or data in place of a file: `npm:name`."""
    scheme, colon, rest = text.partition(":")
    return bool(colon and rest) and scheme.isascii() and scheme.isalpha()


def inline(run: Run, word: Word) -> None:  # noqa: ARG001  # argv has it
    """Code in the arguments."""
    run.inline = True


def shell(run: Run, word: Word) -> None:
    """Text that a shell runs."""
    context, cwd, text = run.context, run.cwd, word.text
    if word.known:
        run.later.append(lambda: context.shell(text, cwd))
    else:
        context.opaque("shell text is not known", text)


def project(run: Run, word: Word) -> None:
    """A word for a runner: tests, settings or targets of the project.

    What it names outside the directory that the runner works in is code from
    elsewhere, and its path becomes the place of the code.
    """
    text = word.text
    if not word.known:
        if not word.within:
            run.context.opaque("argument of a runner is not known", text)
        return
    value = text.partition("=")[2] if "=" in text.partition("://")[0] else text
    if text == "-":
        run.input = True
    elif _is_code(text):
        run.context.opaque("runner is given code or a command", text)
    elif outward(text) or _is_module(text):
        run.context.opaque("runner works outside the project", text)
    elif "://" in value:
        url(run, Word(value))
    else:
        _check_place(run, value)


def goal(run: Run, word: Word) -> None:
    """A word for maven: a goal of a plugin that is not listed may do anything."""
    text = word.text
    plugin, colon, _ = text.partition(":")
    if colon and text[:1] not in {"-", ":"} and plugin not in GOALS:
        run.context.opaque("goal of a plugin that is not known", text)
    else:
        project(run, word)


def go_package(run: Run, word: Word) -> None:
    """A word for go: packages of the project by path, not those of other modules."""
    host, slash, _ = word.text.partition("/")
    if slash and "." in host.strip(".") and host[:1] not in {"-", "."}:
        run.context.opaque("package of a module that may be another's", word.text)
    else:
        project(run, word)


def own(run: Run, word: Word) -> None:
    """A file that chooses code: one from elsewhere is not the project's own."""
    read(run, word)
    path = run.path(word) if word.known and "://" not in word.text else None
    if path is None or not _is_below(path, run.cwd):
        run.context.opaque("settings from elsewhere", word.text)


def target(run: Run, word: Word) -> None:
    """A word for a build by labels: `//dir/...` is not a path from the root."""
    if word.text.startswith("@") and not word.text.startswith("@//"):
        run.context.opaque("target of another repository", word.text)
        return
    labelled = word.text.startswith("//") and ".." not in word.text.replace("...", "")
    if not (word.known and labelled):
        project(run, word)
    elif outward(word.text.rpartition(":")[2]):
        run.context.opaque("target works outside the project", word.text)


def _check_place(run: Run, value: str) -> None:
    """Look at each part of a word that may be a path: `html:/x`, `-r/x`, `a,b=/x`."""
    if value.startswith("-"):
        value = value.lstrip("-").lstrip(ascii_letters)  # `-r/tmp/x`
    for mark in SEPARATORS:
        value = value.replace(mark, "\0")
    if "0.0.0.0" in value:  # noqa: S104  # looked for, not listened at
        run.context.opaque("listens to other machines", value)
    for part in value.split("\0"):
        if part.startswith(("/", "~", "../")) or "/../" in part or part == "..":
            path = run.path(Word(part))
            if path is not None and not _is_below(path, run.cwd):
                run.elsewhere = path


def _is_code(text: str) -> bool:
    """Whether a word says that code or a command follows, or is some."""
    first = text.partition(" ")[0].partition(":")[0]
    if text[:1] in {"|", "!", ";"} or any(mark in text for mark in CODE):
        return True
    return first in EVALUATING or text.startswith(EVALUATES)


def outward(text: str) -> bool:
    """Whether a target is named for work outside the project: `deploy:production`."""
    if "/" in text:
        return False
    head, dot, last = text.rpartition(".")
    if dot:  # `ecto.drop`, and not `reset.test.ts`
        return "." not in head and last in DESTROYING
    parts = text.replace("-", ":").replace("_", ":").split(":")
    sent = parts[0] in OUTWARD or parts[-1] in SENDING
    if sent or not DESTROYING.isdisjoint(parts):
        return True
    return parts[0].startswith(SENDING) and not parts[0].endswith("ed")


def _is_module(text: str) -> bool:
    """Whether a word names a version of a module elsewhere: `host.example/x@v1`."""
    host, slash, rest = text.partition("/")
    return bool(slash) and "." in host and "@" in rest


def _is_below(path: str, directory: str) -> bool:
    """Whether a path is in a directory by its text, without `..`."""
    inside = path == directory or path.startswith(directory.rstrip("/") + "/")
    return inside and "/../" not in f"{path}/"


def argument(run: Run, word: Word) -> None:
    """A word for a runner of a project: what it names elsewhere is not of it."""
    text = word.text
    value = text.partition("=")[2] if "=" in text and "://" not in text else text
    if not word.known:
        if not word.within:
            run.context.opaque("argument of a runner is not known", text)
    elif "://" in value:
        url(run, Word(value))
    elif value.startswith(("/", "~", "../")) or "/../" in value:
        read(run, Word(value))


def signal(by: Literal["name", "pattern"]) -> Action:
    """Processes by what they are called."""

    def signal(run: Run, word: Word) -> None:
        run.effects.append(ProcessSignal(word.text, by=by))

    return signal


def pid(run: Run, word: Word) -> None:
    """A process by number, or a job of the shell by its place."""
    by: Literal["job", "id"] = "job" if word.text.startswith("%") else "id"
    run.effects.append(ProcessSignal(word.text, by=by))


def processes(run: Run, word: Word) -> None:
    """Letters of ps without a dash; `e` shows the environment of every process."""
    if not word.known or "e" in word.text:
        run.effects.append(EnvironmentRead())


def variable(run: Run, word: Word) -> None:
    """A variable of the environment that is shown."""
    run.effects.append(EnvironmentRead((word.text,)))


def run_each(run: Run, words: Sequence[Word]) -> None:
    """Start a command for whatever the program finds, which `{}` stands for."""
    texts = [word.text for word in words]
    if any(text == ";" or ("{" in text and text != "{}") for text in texts):
        run.context.opaque("command for each file is not understood", " ".join(texts))
        return

    def start() -> None:
        folders = [e.path for e in run.effects if isinstance(e, FileRead)]
        found = below(reduce(common, folders) if folders else run.cwd)
        filled = [found if word.text == "{}" else word for word in words]
        if "{}" not in texts:
            filled.append(found)
        run_command(run, filled)
        run.later.pop()()

    run.later.append(start)


def run_command(run: Run, words: Sequence[Word], kind: str = "command") -> None:
    """Start the command that the words are, after the effects of this one."""
    if not words:
        return
    if kind == "script-command" and (":" in words[0].text or words[0].text == "-"):
        run.context.opaque("runs what an address or the input holds", words[0].text)
    if kind == "script-command" and words[0].text.endswith(".py"):
        words = [Word("python3"), *words]  # uv runs a script by its ending
    before = run.invocation
    started = Invocation(
        program=words[0],
        arguments=tuple(words[1:]),
        stdin=before.stdin,
        piped=before.piped,
        environment=before.environment,
        cwd=run.cwd,
    )
    context = run.context
    run.later.append(lambda: context.run(started))
