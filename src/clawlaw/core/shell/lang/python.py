"""python: short programs that only compute, print and read named files.

Everything else that Python is given to run is code, and is said to be.

Source: Python 3.13, "Command line and environment".
"""

from collections.abc import Sequence
from typing import Final

from clawlaw.core.actions import EnvironmentRead, ProcessExec
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import names
from clawlaw.core.shell.lang.python_ast import read_program
from clawlaw.core.shell.lang.python_names import BUILT_IN
from clawlaw.core.shell.lang.python_program import Program, PythonError
from clawlaw.core.shell.spec import How
from clawlaw.core.shell.words import UNKNOWN, Context, Invocation, Word

FAMILY: Final = "python"
FLAGS: Final = frozenset("bBdEIOPqsSuvx")
VALUES: Final = frozenset("WX")
TELLING: Final = frozenset({"-V", "-VV", "--version", "-h", "--help", "--help-env"})
# Modules that are a program of their own name, which has its own profile.
PROGRAMS: Final = {
    "pip": "pip", "pytest": "pytest", "mypy": "mypy", "ruff": "ruff", "black": "black",
    "isort": "isort", "flake8": "flake8", "pylint": "pylint", "coverage": "coverage",
    "tox": "tox", "nox": "nox", "pre_commit": "pre-commit", "poetry": "poetry",
    "uv": "uv", "twine": "twine", "pyright": "pyright", "bandit": "bandit",
    "yamllint": "yamllint", "sphinx": "sphinx-build", "mkdocs": "mkdocs",
}  # fmt: skip
# Variables that say how output looks or what is checked, and load nothing.
MILD: Final = names(
    "PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED PYTHONIOENCODING PYTHONUTF8"
    " PYTHONHASHSEED PYTHONWARNINGS PYTHONOPTIMIZE PYTHONDEVMODE PYTHONFAULTHANDLER"
    " PYTHONNOUSERSITE PYTHONSAFEPATH PYTHONASYNCIODEBUG"
)
READERS: Final = frozenset(
    {"json.tool", "py_compile", "tokenize", "ast", "dis", "calendar", "this"}
)
HELPED: Final = names("http.server venv unittest json.tool timeit compileall zipfile")
WRITERS: Final = frozenset({"venv", "compileall"})
QUIET: Final = frozenset({"-q", "-qq", "-f", "--clear", "--upgrade"})
PROJECT: Final = frozenset({"unittest", "doctest"})
# Options of those two; what else follows is a place or a name of the project.
TESTING: Final = names(
    "-v --verbose -q --quiet -f --failfast -b --buffer -c --catch -k -s -p -t -o"
    " --locals --durations --start-directory --pattern --top-level-directory"
)
SETTINGS: Final = names(  # of -X
    "dev utf8 importtime faulthandler tracemalloc showrefcount no_debug_ranges"
    " frozen_modules int_max_str_digits warn_default_encoding cpu_count gil"
)


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a python command into effects."""
    _environment(invocation, context)
    words = invocation.arguments
    index = 0
    while index < len(words):
        word = words[index]
        text = word.text
        if text[:1] != "-" or text == "-":
            break
        index += 1
        if text in TELLING:
            emit.start(invocation, context, FAMILY)
            return
        step = _option(text)
        if step in ("c", "m"):
            _code(step, text, words[index:], invocation, context)
            return
        if step == "value":
            index += 1
        if _loads(text, words[index - 1 : index]):
            emit.give_up(context, "python: option loads or writes something", text)
        if not step:
            emit.start(invocation, context, FAMILY, code="unknown")
            emit.give_up(context, "python: option is not understood", text)
            return
    if index >= len(words) or words[index].text == "-":
        _input(words[index:] or [Word("")], invocation, context)
    else:
        _script(words[index], words[index + 1 :], invocation, context)


def _environment(invocation: Invocation, context: Context) -> None:
    for name, value in invocation.environment:
        if name == "PYTHONPATH" and _is_own(value, invocation):
            continue
        if name.startswith("PYTHON") and name not in MILD:
            emit.give_up(context, f"python: {name} is set", value.text)


def _is_own(value: Word, invocation: Invocation) -> bool:
    """Whether a search path stays in the project, whose code runs anyway."""
    given = [word.text for word in invocation.arguments]
    runs = given[:2] in (["-m", "pytest"], ["-m", "unittest"]) or (
        bool(given) and given[0].endswith(".py")
    )
    parts = value.text.split(":")
    inside = all(p[:1] not in ("/", "~") and ".." not in p.split("/") for p in parts)
    return runs and inside and value.known


def _option(text: str) -> str:
    """What a cluster of options ends in: c, m, value, flags; "" is not understood."""
    for place, letter in enumerate(text[1:], start=1):
        if letter in "cm":
            return letter
        if letter in VALUES:
            return "value" if place == len(text) - 1 else "flags"
        if letter not in FLAGS:
            return ""
    return "flags"


def _loads(option: str, rest: Sequence[Word]) -> bool:
    """Whether a warning names a class of a module, or a setting a directory."""
    at = min((option.find(c) for c in VALUES if c in option), default=-1)
    if at < 0:
        return False
    value = Word(option[at + 1 :]) if option[at + 1 :] else next(iter(rest), Word(""))
    if not value.known:
        return True
    if option[at] == "W":
        return "." in value.text or "/" in value.text
    return value.text.partition("=")[0] not in SETTINGS


def _code(
    kind: str,
    option: str,
    rest: Sequence[Word],
    invocation: Invocation,
    context: Context,
) -> None:
    glued = option[option.index(kind) + 1 :]
    words = [Word(glued), *rest] if glued else list(rest)
    if not words:
        emit.start(invocation, context, FAMILY)
        return
    if kind == "m":
        _module(words[0], words[1:], invocation, context)
        return
    text = words[0].text if words[0].known else UNKNOWN
    _program(text, ["-c", *_texts(words[1:])], "inline", invocation, context)


def _texts(words: Sequence[Word]) -> list[str]:
    return [word.text if word.known else UNKNOWN for word in words]


def _input(words: Sequence[Word], invocation: Invocation, context: Context) -> None:
    given = invocation.stdin
    if given.source == "none":
        emit.start(invocation, context, FAMILY)
    elif given.text is None:
        emit.start(invocation, context, FAMILY, code="input")
    else:
        _program(given.text, _texts(words), "input", invocation, context)


def _program(
    text: str,
    arguments: list[str],
    otherwise: emit.Code,
    invocation: Invocation,
    context: Context,
) -> None:
    try:
        program = read_program(text, arguments)
    except PythonError:
        emit.start(invocation, context, FAMILY, code=otherwise)
        return
    emit.start(invocation, context, FAMILY)
    _shadows(program.imports, invocation, context)
    _effects(program, invocation.cwd, context)


def _shadows(modules: Sequence[str], invocation: Invocation, context: Context) -> None:
    """Say that a file of a module's name in the working directory would run."""
    argv = tuple(word.text for word in invocation.arguments)
    if argv[:1] and argv[0][1:2] == "I":
        return
    cwd = invocation.cwd.rstrip("/")
    for module in dict.fromkeys(name.partition(".")[0] for name in modules):
        if module not in BUILT_IN:
            for file in (f"{module}.py", f"{module}/__init__.py"):
                script = f"{cwd}/{file}"
                name = invocation.program.text
                context.emit(ProcessExec(name, argv, script=script, family=FAMILY))


def _effects(program: Program, cwd: str, context: Context) -> None:
    if program.variables:
        every = "*" in program.variables
        context.emit(EnvironmentRead(() if every else tuple(program.variables)))
    for name in program.looks:
        emit.read(context, Word(name), cwd, what="attributes")
    for name in program.reads:
        emit.read(context, Word(name), cwd)
    for name, appends in program.writes:
        how: emit.How = "append" if appends else "create"
        emit.write(context, Word(name), cwd, how=how, source="agent")


def _script(
    word: Word, rest: Sequence[Word], invocation: Invocation, context: Context
) -> None:
    path = context.path(word, invocation.cwd)
    name = word.text.rpartition("/")[2]
    for verb in rest if name == "setup.py" else ():
        if verb.text in ("install", "upload", "register", "easy_install"):
            emit.give_up(context, "python: works outside the project", verb.text)
    emit.start(invocation, context, FAMILY, code="file", script=path or "")


def _module(
    word: Word, rest: Sequence[Word], invocation: Invocation, context: Context
) -> None:
    name = word.text if word.known else UNKNOWN
    program = PROGRAMS.get(name)
    if name in PROJECT and not _asks_help(rest):
        emit.project(invocation, context, FAMILY, invocation.cwd)
        for given in rest:
            option = given.text.partition("=")[0]
            if option[:1] == "-" and option not in TESTING:
                emit.give_up(context, "python: option is not understood", given.text)
            elif _leaves(given):
                emit.give_up(context, "python: tests from elsewhere", given.text)
    elif program is not None:
        emit.start(invocation, context, FAMILY)
        context.run(
            Invocation(
                program=Word(program),
                arguments=list(rest),
                stdin=invocation.stdin,
                piped=invocation.piped,
                environment=invocation.environment,
                cwd=invocation.cwd,
            )
        )
    elif name in WRITERS or name in READERS or (name in HELPED and _asks_help(rest)):
        emit.start(invocation, context, FAMILY)
        _shadows([name], invocation, context)
        _standard(name, rest, invocation, context)
    else:
        emit.start(invocation, context, FAMILY, code="unknown")


def _leaves(word: Word) -> bool:
    """Whether a word may be a place outside the directory."""
    text = word.text.partition("=")[2] or word.text
    return not word.known or text[:1] in ("/", "~") or ".." in text.split("/")


def _asks_help(words: Sequence[Word]) -> bool:
    return [word.text for word in words] in (["--help"], ["-h"])


def _standard(
    name: str, rest: Sequence[Word], invocation: Invocation, context: Context
) -> None:
    """A module of the standard library that reads or writes what it is given."""
    if _asks_help(rest):
        return
    files = [word for word in rest if word.text not in QUIET]
    if name in READERS and files[1:]:
        emit.give_up(context, "python: module with several operands", name)
    for file in files:
        if file.text[:1] == "-":
            emit.give_up(context, "python: option is not understood", file.text)
        elif name in WRITERS:
            # What venv puts there is python's own, and changes no file that it finds.
            how: How = "directory" if name == "venv" else "create"
            tree = name != "venv"
            emit.write(context, file, invocation.cwd, how=how, recursive=tree)
        else:
            path = emit.read(context, file, invocation.cwd)
            if name == "py_compile" and path is not None:
                cache = path.rpartition("/")[0] + "/__pycache__"
                emit.write(context, Word(cache), "/", recursive=True)
