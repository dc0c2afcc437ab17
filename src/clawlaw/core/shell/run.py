"""One command while its words are turned into effects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from clawlaw.core.actions import AnyEffect, FileRead
from clawlaw.core.shell.spec import Scope, TableSpec
from clawlaw.core.shell.words import Context, Invocation, Word

type WrittenFrom = Literal["agent", "file", "network", "program", "unknown"]

NO_SPEC = TableSpec()

type Action = Callable[[Run, Word], None]


@dataclass(slots=True)
class Slot:
    """One place for a word: after an option, or among the operands.

    Attributes:
        action: `None` where the word does nothing.
        command: All words from here on are a command.
        capture: Name under which effects use the word; "".
        optional: It may be missing; after an option: only glued to it.
        many: Any number.
        default: Word that stands for no operand; "".
    """

    kind: str
    action: Action | None = None
    command: bool = False
    capture: str = ""
    optional: bool = False
    many: bool = False
    default: str = ""


class Run:
    """One command while its words are turned into effects.

    Attributes:
        cwd: Directory that its paths are relative to.
        marks: Set by its options.
        captures: Words by the name that the profile gives them.
        effects: Found so far, in order.
        later: What it starts, done after its own effects.
        literal_from: Operands from this one on cannot be options.
        inline: Code stands in its arguments.
        sources: Places that are copied from.
        input: Its code comes from its standard input.
        installed: What it starts is a program of the project, judged by itself.
        elsewhere: Absolute path outside the project that its runner is given.
        script: Absolute path of the file whose code it runs.
    """

    __slots__ = (
        "captures",
        "context",
        "cwd",
        "effects",
        "elsewhere",
        "executable",
        "inline",
        "input",
        "installed",
        "invocation",
        "later",
        "literal_from",
        "marks",
        "recursive",
        "scope",
        "script",
        "sources",
        "spec",
    )

    def __init__(self, invocation: Invocation, context: Context) -> None:
        """Begin with nothing known but the words."""
        self.invocation = invocation
        self.context = context
        self.cwd = invocation.cwd
        self.marks: set[str] = set()
        self.captures: dict[str, list[str]] = {}
        self.effects: list[AnyEffect] = []
        self.later: list[Callable[[], None]] = []
        self.literal_from = len(invocation.arguments)
        self.inline = False
        self.input = False
        self.installed = False
        self.script = ""
        self.elsewhere = ""
        self.sources: list[Word] = []
        self.recursive = False
        self.executable = False
        self.scope: Scope = "project"
        self.spec = NO_SPEC

    def prepare(self, spec: TableSpec, operands: bool) -> None:  # noqa: FBT001  # whether there are any
        """Take over what the table of the program or subcommand says."""
        marks = self.marks
        self.spec = spec
        self.recursive = spec.recursive or "recursive" in marks
        self.executable = spec.executable or "executable" in marks
        self.scope = spec.scope
        if spec.lists:
            marks.add("lists")
        if "system" in marks:
            self.scope = "system"
        elif "user" in marks:
            self.scope = "user"
        if operands:
            marks.add("operands")
        if self.invocation.stdin.source != "none":
            marks.add("input")

    def read(self, word: Word) -> None:
        """Add that a file is read."""
        found = self.context.place(word, self.cwd)
        if found is not None:
            self.effects.append(FileRead(found.path, found.glob, found.recursive))

    def use(self, slot: Slot, word: Word) -> None:
        """Add what a word does in its place."""
        if slot.capture:
            self.captures.setdefault(slot.capture, []).append(word.text)
        if slot.action is not None:
            slot.action(self, word)

    def path(self, word: Word) -> str | None:
        """Absolute path of a word; `None` where it is unknown and escalates."""
        return self.context.path(word, self.cwd)

    def written_from(self) -> WrittenFrom:
        """Source of the bytes that are written."""
        if self.spec.source != "stdin":
            return self.spec.source
        source = self.invocation.stdin.source
        return "agent" if source == "none" else source
