"""Profiles made ready for use: one look-up a word, everything else done at load."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from clawlaw.core.shell.kinds import HARMLESS, KINDS
from clawlaw.core.shell.run import Slot
from clawlaw.core.shell.spec import (
    GroupSpec,
    OptionSpec,
    SpecError,
    Style,
    TableSpec,
    VariantSpec,
)
from clawlaw.core.shell.templates import Emit, compile_effect

SHAPES = {"copy", "move", "link"}
LOOKED_AT = frozenset({
    "read", "list", "attributes", "write", "append", "create", "touch", "mkdir",
    "chmod", "delete", "empty", "write-tree", "repack", "compiled", "picture-in",
    "input",
})  # fmt: skip  # kinds whose effects carry a pattern to the facts
# Kinds of options that a pattern of file names might turn into without harm.
MILD = HARMLESS | {"read", "list", "attributes", "within"}


@dataclass(slots=True)
class Option:
    """One option.

    Attributes:
        takes: Has a value, glued or as the next word.
        plain: Means nothing to the effects.
    """

    slot: Slot
    takes: bool
    plain: bool
    marks: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    refuse: str = ""
    effects: tuple[Emit, ...] = ()
    stop: bool = False


@dataclass(slots=True)
class Plan:
    """Places of the operands: first ones, any number, last ones."""

    lead: tuple[Slot, ...] = ()
    rest: Slot | None = None
    tail: tuple[Slot, ...] = ()
    mild: bool = True  # no word of it does anything


@dataclass(slots=True)
class Variant:
    """What changes where marks are set."""

    need: frozenset[str]
    without: frozenset[str]
    plan: Plan | None
    effects: tuple[Emit, ...]
    spec: VariantSpec


@dataclass(slots=True)
class Table:
    """A program or subcommand, compiled.

    Attributes:
        spec: As written.
        name: Program and subcommands, for messages.
        options: By spelling, dashes included.
        prefixes: Options that take every ending, longest first.
        longs: Spellings that may be cut short.
        commands: Subcommands by name.
        careless: A word that may begin with a dash is no danger at all.
        stop_after: Operands after which options end; -1: never.
        style: Of its options, its program's where it has none of its own.
        listed: All its options.
        inherits: Its subcommands have its options as well.
        pairs: Every word is `name=value`.
        long_dash: A name with one dash is looked up whole.
    """

    spec: TableSpec
    name: str
    options: dict[str, Option] = field(default_factory=dict)
    prefixes: tuple[tuple[str, Option], ...] = ()
    longs: tuple[str, ...] = ()
    plan: Plan = field(default_factory=Plan)
    variants: tuple[Variant, ...] = ()
    commands: "dict[str, Table]" = field(default_factory=dict)
    effects: tuple[Emit, ...] = ()
    careless: bool = False
    stop_after: int = -1
    style: Style = "gnu"
    listed: dict[str, Option] = field(default_factory=dict)
    inherits: bool = False
    pairs: bool = False
    long_dash: bool = False


PLAIN = Option(Slot("flag"), takes=False, plain=True)
HELP = Option(Slot("flag"), takes=False, plain=False, marks=("help",))


def read_slot(text: str, where: str) -> Slot:
    """Read the short form `KIND[:CAPTURE][?*+][=DEFAULT]`."""
    head, _, default = text.partition("=")
    mark = head[-1:] if head[-1:] in {"?", "*", "+"} else ""
    kind, _, capture = head.removesuffix(mark).partition(":")
    if kind in {"command", "script-command"}:
        return Slot(kind, command=True, many=True)
    if kind not in KINDS:
        raise SpecError(f"{where}: unknown kind {kind!r}, one of {', '.join(KINDS)}")
    return Slot(
        kind,
        KINDS[kind],
        capture=capture,
        optional=mark in {"?", "*"},
        many=mark in {"*", "+"},
        default=default,
    )


def read_plan(texts: tuple[str, ...], where: str) -> Plan:
    """Order the places of the operands.

    Raises:
        SpecError: Two places take any number.
    """
    slots = [read_slot(text, where) for text in texts]
    many = [i for i, slot in enumerate(slots) if slot.many]
    if len(many) > 1:
        raise SpecError(f"{where}: two positionals take any number of operands")
    cut = many[0] if many else len(slots)
    return Plan(
        lead=tuple(slots[:cut]),
        rest=slots[cut] if many else None,
        tail=tuple(slots[cut + 1 :]),
        mild=all(s.action is None and not s.command and not s.capture for s in slots),
    )


def read_option(spec: str | OptionSpec, where: str) -> Option:
    """Compile one option."""
    if isinstance(spec, str):
        spec = OptionSpec(kind=spec)
    slot = read_slot(spec.kind, where)
    if spec.only and slot.kind not in {"text", "name"}:
        raise SpecError(f"{where}: only a text can be held to a list")
    marks = tuple(spec.set.split())
    takes = slot.kind != "flag"
    full = bool(marks or spec.only or spec.refuse or spec.effects or spec.stop)
    return Option(
        slot,
        takes=takes,
        plain=not takes and not full,
        marks=marks,
        only=spec.only,
        refuse=spec.refuse,
        effects=tuple(compile_effect(e, where) for e in spec.effects),
        stop=spec.stop,
    )


def _flag_names(flags: str) -> list[str]:
    names: list[str] = []
    for word in flags.split():
        if word.startswith(("-", "+")):
            names.append(word)
        else:
            names += [f"-{letter}" for letter in word]
    return names


def _read_options(
    spec: TableSpec | GroupSpec, into: dict[str, Option], where: str
) -> None:
    pairs = isinstance(spec, TableSpec) and spec.style == "pairs"
    for name in _flag_names(spec.flags):
        _add(into, name, PLAIN, where)
    for names, option in spec.options.items():
        compiled = read_option(option, f"{where} {names}")
        for name in names.split():
            _add(into, name, compiled, where, pairs=pairs)


def _add(
    into: dict[str, Option],
    name: str,
    option: Option,
    where: str,
    *,
    pairs: bool = False,
) -> None:
    if not name.startswith(("-", "+")) and not pairs:
        raise SpecError(f"{where}: option {name!r} has no dash")
    if name in into and not (option is PLAIN and into[name] is PLAIN):
        raise SpecError(f"{where}: option {name} is listed twice")
    into[name] = option


def compile_table(
    spec: TableSpec,
    name: str,
    groups: Mapping[str, GroupSpec],
    parent: "Table | None" = None,
) -> Table:
    """Make a table of a program or subcommand, its subcommands included.

    Raises:
        SpecError: Something in it has no meaning.
    """
    options: dict[str, Option] = {}
    _read_options(spec, options, name)
    for group in spec.use:
        if group not in groups:
            raise SpecError(f"{name}: unknown group {group!r}")
        _read_options(groups[group], options, f"{name}, group {group}")
    above = parent if parent is not None and parent.inherits else None
    style: Style = spec.style or (above.style if above else "gnu")
    options = {**(above.listed if above else {}), **options}
    if style == "gnu":
        options.setdefault("--help", HELP)
        options.setdefault("--version", HELP)
    elif style == "words":
        for name_of in ("-h", "--help", "-V", "--version"):
            options.setdefault(name_of, PLAIN)
    table = Table(spec, name, {k: o for k, o in options.items() if k[-1] != "*"})
    table.style, table.listed = style, options
    table.inherits = spec.inherit or above is not None
    stars = [(k[:-1], o) for k, o in options.items() if k[-1] == "*"]
    table.prefixes = tuple(sorted(stars, key=lambda star: -len(star[0])))
    table.longs = tuple(k for k in table.options if k.startswith("--"))
    _finish(table, groups)
    _check_table(table, name)
    return table


def _finish(table: Table, groups: Mapping[str, GroupSpec]) -> None:
    spec, name = table.spec, table.name
    table.plan = read_plan(spec.positionals, name)
    table.pairs = table.style == "pairs"
    table.long_dash = table.style in {"pairs", "single"}
    table.effects = tuple(compile_effect(e, name) for e in spec.effects)
    table.variants = tuple(_variant(v, name) for v in spec.variants)
    for names, command in spec.commands.items():
        compiled = compile_table(command, f"{name} {names.split()[0]}", groups, table)
        for alias in names.split():
            if alias in table.commands:
                raise SpecError(f"{name}: command {alias} is listed twice")
            table.commands[alias] = compiled
    plans = [table.plan, *(v.plan for v in table.variants if v.plan)]
    started = any(plan.rest is not None and plan.rest.command for plan in plans)
    table.stop_after = 1 if spec.stop or started else -1
    table.careless = spec.safe_options and all(
        not o.takes or o.slot.kind in HARMLESS for o in table.listed.values()
    )


def _variant(spec: VariantSpec, name: str) -> Variant:
    words = spec.when.split()
    where = f"{name} when {spec.when}"
    plan = None if spec.positionals is None else read_plan(spec.positionals, where)
    return Variant(
        need=frozenset(w for w in words if not w.startswith("!")),
        without=frozenset(w[1:] for w in words if w.startswith("!")),
        plan=plan,
        effects=tuple(compile_effect(e, where) for e in spec.effects),
        spec=spec,
    )


def _check_table(table: Table, name: str) -> None:
    """Refuse what would make a danger look harmless or a rule never hold."""
    spec = table.spec
    if spec.safe_options:
        for spelling, option in table.options.items():
            if option.refuse or option.effects or option.slot.kind not in MILD:
                raise SpecError(f"{name}: {spelling} is not safe, safe_options is set")
    known = {m for option in table.options.values() for m in option.marks}
    known |= {m for _, option in table.prefixes for m in option.marks}
    known |= {"operands", "input", "ended"}
    for variant in table.variants:
        used = variant.need | variant.without
        unknown = {m for m in used if not m.startswith("as-")} - known
        if unknown:
            raise SpecError(f"{name}: no option sets {', '.join(sorted(unknown))}")
