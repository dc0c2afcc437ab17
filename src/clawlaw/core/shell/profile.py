"""What a command does, read from its arguments by the profile of its program.

A profile is data (:mod:`clawlaw.core.shell.spec`). Every word must have a place in it:
an option that is not listed, a subcommand that is not known or a word that could be
either is reported as opaque and escalates, whatever the rest of the line says.
"""

from collections.abc import Callable, Mapping

from clawlaw.core.actions import FileRead, ProcessExec
from clawlaw.core.shell.argv import Reader
from clawlaw.core.shell.places import assign, shape
from clawlaw.core.shell.run import Run
from clawlaw.core.shell.settings import check
from clawlaw.core.shell.spec import Code
from clawlaw.core.shell.tables import Table, Variant
from clawlaw.core.shell.words import Context, Invocation

type Judge = Callable[[Invocation, Context], None]

# Directories whose programs are the machine's own and not a project's.
SYSTEM = frozenset({
    "/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin", "/usr/local/sbin",
    "/opt/homebrew/bin", "/opt/local/bin",
})  # fmt: skip


class Profile:
    """One program's profile, ready for use."""

    __slots__ = ("family", "handler", "name", "table")

    def __init__(
        self, name: str, family: str, table: Table, handler: Judge | None = None
    ) -> None:
        """Join a compiled table with the judge of its language, where it has one."""
        self.name = name
        self.family = family
        self.table = table
        self.handler = handler

    def apply(self, invocation: Invocation, context: Context) -> None:
        """Add the effects of a command; what it cannot tell is added as opaque.

        The effect of the program itself comes first, those of its words follow in
        their order, commands that it starts are analysed last.
        """
        if self.handler is not None:
            if invocation.environment:
                self._check_variables(invocation, context, self.table)
            self.handler(invocation, context)
            return
        run = Run(invocation, context)
        run.marks.add(f"as-{self.name}")  # profiles may tell their names apart
        reader = Reader(self.table, run)
        reader.read()
        if invocation.environment:
            self._check_variables(invocation, context, reader.table)
        table, marks = reader.table, run.marks
        run.prepare(table.spec, bool(reader.operands))
        if "help" in marks and not reader.operands and len(reader.given) <= 1:
            self._emit(run, table, [])
            return
        variants = table.variants
        fitting = [v for v in variants if v.need <= marks and not v.without & marks]
        _collect(run, reader, fitting)
        self._emit(run, table, fitting)

    def _emit(self, run: Run, table: Table, fitting: list[Variant]) -> None:
        invocation, context = run.invocation, run.context
        code, runner = _code(run, table, fitting)
        script = run.script
        if code == "project":
            script = run.elsewhere or run.cwd  # the project is where it runs
        elif run.elsewhere:
            context.opaque("takes code or settings from elsewhere", run.elsewhere)
        context.emit(
            ProcessExec(
                invocation.program.text,
                tuple([word.text for word in invocation.arguments]),
                code,
                script,
                runner,
                False,  # noqa: FBT003  # in the background: the walker's to say
                self.family,
            )
        )
        lists = "lists" in run.marks
        for effect in run.effects:
            context.emit(effect)
            if lists and isinstance(effect, FileRead):
                context.lists(_directory(effect))
        for start in run.later:
            start()

    def _check_variables(
        self, invocation: Invocation, context: Context, table: Table
    ) -> None:
        check(
            context,
            self.name,
            invocation.environment,
            known=table.spec.environment or self.table.spec.environment,
            runner=table.spec.runner or table.spec.code == "project",
            cwd=invocation.cwd,
        )


def _code(run: Run, table: Table, fitting: list[Variant]) -> tuple[Code, bool]:
    """What decides what runs, and whether it is a runner of the project's own."""
    code, runner = table.spec.code, table.spec.runner
    if "help" in run.marks and not run.effects:
        code, runner = "none", False
    for variant in fitting:
        code = variant.spec.code or code
        runner = runner if variant.spec.runner is None else variant.spec.runner
    if run.inline or run.input:
        return "inline" if run.inline else "input", False
    if run.script:
        return "file", False  # a project's own rules have their own names
    if run.installed:
        return "none", runner
    if runner and table.style == "words" and "input" in run.marks:
        return "input", False  # many of them take code from there
    return code, runner


def _collect(run: Run, reader: Reader, fitting: list[Variant]) -> None:
    """Effects of options, operands and the table itself, in this order."""
    table = reader.table
    deep, run.recursive = run.recursive, False
    for option, word in reader.given:
        if option.takes:
            run.recursive = deep and option.slot.kind == "list"
            run.use(option.slot, word)
    run.recursive = deep
    if table.spec.shape:
        shape(run, table, reader.operands)
    else:
        plan = next((v.plan for v in fitting if v.plan is not None), table.plan)
        assign(run, table, plan, reader.operands)
    emits = table.effects
    for option, _ in reader.given:
        emits += option.effects
    for variant in fitting:
        emits += variant.effects
    for emit in emits:
        emit(run)
    if table.spec.refuse:
        run.context.opaque(f"{table.name}: {table.spec.refuse}", table.name)
    for variant in fitting:
        if variant.spec.refuse:
            run.context.opaque(f"{table.name}: {variant.spec.refuse}", table.name)


def _directory(effect: FileRead) -> str:
    """Directory that holds whatever the path or pattern names."""
    if not effect.glob:
        return effect.path
    marks = (at for at in (effect.path.find(c) for c in "*?[{") if at >= 0)
    end = min(marks, default=len(effect.path))
    return effect.path[:end].rpartition("/")[0] or "/"


class Profiles:
    """All profiles, by program name."""

    __slots__ = ("_by_name", "digest")

    def __init__(self, by_name: Mapping[str, Profile], digest: str = "") -> None:
        """Keep the profiles; `digest` is of the data they were made from."""
        self._by_name = dict(by_name)
        self.digest = digest

    def lookup(self, name: str) -> Profile | None:
        """Profile of a program by its name, or by its path in a system directory.

        Returns:
            `None` where there is none: the program is not known, or it is a file
            elsewhere, whose name says nothing about what it does.
        """
        found = self._by_name.get(name)
        if found is None and "/" in name:
            folder, _, base = name.rpartition("/")
            if folder in SYSTEM:
                return self._by_name.get(base)
        return found

    def names(self) -> tuple[str, ...]:
        """Names of all programs, sorted."""
        return tuple(sorted(self._by_name))
