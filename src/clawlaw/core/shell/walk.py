"""Shell text to effects: the state of one analysis, and what profiles may ask of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clawlaw.core.actions import (
    MAX_EFFECTS,
    AnyEffect,
    FileRead,
    FileWrite,
    Opaque,
    ProcessExec,
)
from clawlaw.core.errors import ProposalError
from clawlaw.core.policy import Policy
from clawlaw.core.shell import endless, flow, outputs, programs
from clawlaw.core.shell.builtins import BUILTINS
from clawlaw.core.shell.evaluating import run_traps
from clawlaw.core.shell.fields import escape_pattern
from clawlaw.core.shell.parse import (
    MAX_CALLS,
    MAX_STEPS,
    UnclearError,
    children,
    parse,
    unseen,
)
from clawlaw.core.shell.paths import common, join
from clawlaw.core.shell.words import UNKNOWN, Input, Invocation, Place, Word
from clawlaw.core.shell.world import World

if TYPE_CHECKING:
    from clawlaw.core.shell.flow import Flow

# Programs of the machine: a name there means what it means on the search path.
_SYSTEM = frozenset(
    {"/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/sbin", "/usr/sbin"}
)
# Builtins that are programs as well and do the same there.
_BOTH = frozenset(
    {"echo", "printf", "true", "false", "test", "[", "pwd", "kill", "sleep"}
)
# Devices that keep nothing and tell nothing of this machine.
_DEVICES = frozenset(
    {"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/tty", "/dev/stdin",
     "/dev/stdout", "/dev/stderr"}
)  # fmt: skip


class Walk:
    """One analysis of one text.

    Attributes:
        policy: For profiles and home.
        home: Absolute home directory of the executor's user.
        effects: Found so far, in the order in which they would happen.
        source: Bytes of the text that nodes index now.
        stdin: What the statement in hand reads.
        piped: What it prints goes to another program.
        background: It is not waited for.
        said: What the last command prints, where it is told.
        assigned: By expansions, not yet in a world.
        descriptors: What stands behind `/dev/fd/N`.
        breaks: Worlds that left each of the loops around.
        rounds: Worlds that went on to the next round of each.
        returns: Worlds that returned from each of the functions around.
        locals: Names local to each of the functions around.
        traps: Texts that run where the text ends.
        endless: What is read or printed now never ends.
        limited: The program in hand takes no more than its words say.
        forks: More than none: effects may be found again.
        rank: Of what the commands since it was set print.
        guarded: More than none: a failure does not end the text.
        level: Statements around this one.
    """

    __slots__ = (
        "_seen",
        "assigned",
        "background",
        "breaks",
        "calls",
        "descriptors",
        "effects",
        "endless",
        "forks",
        "guarded",
        "home",
        "level",
        "limited",
        "locals",
        "piped",
        "policy",
        "rank",
        "returns",
        "rounds",
        "said",
        "source",
        "stdin",
        "steps",
        "traps",
    )

    def __init__(self, policy: Policy) -> None:
        """Begin with no effects."""
        self.policy = policy
        self.home = policy.home
        self.effects: list[AnyEffect] = []
        self.source = b""
        self.stdin = _NOTHING
        self.piped = False
        self.background = False
        self.said: Input | None = None
        self.assigned: list[tuple[str, Word]] = []
        self.descriptors: dict[str, Input] = {}
        self.breaks: list[list[World]] = []
        self.rounds: list[list[World]] = []
        self.returns: list[list[World]] = []
        self.locals: list[set[str]] = []
        self.traps: list[str] = []
        self.endless = False
        self.limited = False
        self.forks = 0
        self.rank = 0
        self.guarded = 0
        self.level = 0
        self.steps = 0
        self.calls = 0
        self._seen: set[tuple[str, tuple[str, ...]]] = set()

    # What profiles may ask: the methods of Context.

    def path(self, word: Word, cwd: str) -> str | None:
        """Absolute path of a word, `..` kept; see Context."""
        if UNKNOWN in word.text or word.many:
            self.opaque("a path that is known only when it runs", word.text)
            return None
        return self._joined(word, cwd)

    def place(self, word: Word, cwd: str) -> Place | None:
        """Where an operand points; see Context."""
        if word.within and not word.known and not word.glob:
            return Place(word.within, recursive=True)
        found = self.path(word, cwd)
        return None if found is None else Place(found, word.glob)

    def _joined(self, word: Word, cwd: str) -> str | None:
        text = word.text
        if text.startswith("/"):
            return text
        if not cwd:
            self.opaque("a path in a directory that is not known", text)
            return None
        return join(escape_pattern(cwd) if word.glob else cwd, text)

    def lists(self, directory: str) -> None:
        """The command prints paths at or below a directory; see Context."""
        if self.said is not None and self.said.within:
            directory = common(self.said.within, directory)
        self.said = Input("program", within=directory)

    def prints(self, output: Input) -> None:
        """What the command prints; see Context."""
        self.said = output
        self.rank = max(self.rank, outputs.rank_of(output))

    def emit(self, effect: AnyEffect) -> None:
        """Add an effect.

        Raises:
            ProposalError: There are more than a proposal may have.
        """
        kind = type(effect)
        rank = outputs.RANKS.get(kind, 0)
        self.rank = max(self.rank, rank)
        if kind is FileRead or kind is FileWrite:
            path = effect.path  # type: ignore[union-attr]  # one of the two
            if path[:5] == "/dev/" and (
                path in _DEVICES or path[:8] == "/dev/fd/" or path in self.descriptors
            ):
                if kind is FileRead and path in endless.DEVICES:
                    self.endless = not self.limited
                return
            if kind is FileWrite and self.endless:
                self.endless = False
                self.opaque("writes what never ends", path)
        elif kind is ProcessExec and isinstance(effect, ProcessExec):
            effect = self._executed(effect)
        if self.forks and effect in self.effects:
            return
        if len(self.effects) >= MAX_EFFECTS:
            raise ProposalError(
                "arguments.command", f"more than {MAX_EFFECTS} effects; split it"
            )
        self.effects.append(effect)

    def _executed(self, effect: ProcessExec) -> ProcessExec:
        script = effect.script
        if not self.background and not script:
            return effect
        code = effect.code
        if script in self.descriptors or script in {"/dev/stdin", "/dev/fd/0"}:
            code, script = "input", ""
        return ProcessExec(
            effect.program,
            effect.argv,
            code,
            script,
            effect.runner,
            self.background or effect.background,
            effect.family,
        )

    def opaque(self, reason: str, at: str) -> None:
        """Add an effect that always escalates."""
        effect = Opaque(reason, at[:500])
        if effect not in self.effects:
            self.emit(effect)

    def run(self, invocation: Invocation) -> None:
        """Analyse a command that another one starts."""
        self.step()
        self.level += 1
        try:
            name = invocation.program.text
            if self.level > MAX_CALLS * 2:
                self.opaque("commands within commands", name)
            elif name in _BOTH and invocation.program.known:
                self.builtin(name, invocation.arguments)
                world = World(invocation.cwd)
                BUILTINS[name](self, invocation.arguments, world)
            else:
                programs.external(self, invocation)
        finally:
            self.level -= 1

    def shell(self, text: str, cwd: str) -> None:
        """Analyse text that another shell runs."""
        self.inside(text, World(cwd), self.stdin)

    # What the other parts of the analysis use.

    def step(self) -> None:
        """Count one statement.

        Raises:
            ProposalError: There are more than an analysis may take.
        """
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise ProposalError("arguments.command", f"more than {MAX_STEPS} steps")

    def text(self, text: str, world: World) -> "Flow":
        """Analyse text that this very shell runs."""
        self.calls += 1
        outer = self.source
        try:
            root, self.source = parse(text, self.calls)
            return flow.sequence(self, children(root, self.source, lines=True), [world])
        except UnclearError as unclear:
            self.opaque(unclear.reason, unclear.at)
            return [world], [world]
        finally:
            self.source = outer
            self.calls -= 1

    def inside(self, text: str, world: World, stdin: Input) -> None:
        """Analyse text in a shell of its own."""
        outer = self.stdin
        self.stdin = stdin
        with self.apart():
            ok, fail = self.text(text, world)
            run_traps(self, [*ok, *fail])
        self.stdin = outer

    @contextmanager
    def apart(self) -> Iterator[None]:
        """A subshell: what leaves loops and functions stays inside."""
        saved = self.breaks, self.rounds, self.returns, self.locals, self.traps
        guarded = self.guarded
        self.breaks, self.rounds = [], []
        self.returns, self.locals, self.traps = [], [], []
        try:
            yield
        finally:
            self.breaks, self.rounds, self.returns, self.locals, self.traps = saved
            self.guarded = guarded

    def builtin(self, name: str, words: Sequence[Word]) -> None:
        """Note that a builtin ran; the same words are noted once."""
        arguments = tuple([word.text for word in words])
        if (name, arguments) not in self._seen:
            self._seen.add((name, arguments))
            self.emit(ProcessExec(name, arguments, family="builtin"))

    def is_builtin(self, name: str) -> bool:
        """Whether the shell does it itself."""
        return name in BUILTINS

    def output(self, outer: int) -> Input:
        """What was printed since `rank` was set to 0; it was `outer` before."""
        inner, self.rank = self.rank, max(self.rank, outer)
        if self.said is not None:
            return self.said
        return outputs.derived(inner, self.stdin)


_NOTHING = Input()


def analyse_shell(
    text: str, cwd: str, policy: Policy, *, background: bool = False
) -> list[AnyEffect]:
    """Effects of a text that the executor's shell runs.

    Args:
        text: As the agent wrote it.
        cwd: Absolute directory that it starts in.
        policy: For profiles and home.
        background: The client does not wait for it.

    Returns:
        Effects in order; what is not understood is among them as opaque.

    Raises:
        ProposalError: More effects or steps than a proposal may have.
    """
    walk = Walk(policy)
    walk.background = background
    ok, fail = walk.text(text, World(cwd))
    if walk.traps:
        run_traps(walk, [*ok, *fail])
    return walk.effects


def analyse_command(
    words: Sequence[str], cwd: str, policy: Policy, *, background: bool = False
) -> list[AnyEffect]:
    """Effects of a program that is started with these words, without a shell.

    Raises:
        ProposalError: As for :func:`analyse_shell`.
    """
    walk = Walk(policy)
    walk.background = background
    hidden = next(filter(None, map(unseen, words)), "")
    if hidden:
        walk.opaque(f"character U+{ord(hidden):04X} hides in the words", "")
    program, *arguments = [Word(word) for word in words]
    walk.run(Invocation(program, arguments, cwd=cwd))
    return walk.effects
