"""The form of an argv profile: what a program's arguments mean, as data.

A profile lists every option it understands. What is not listed is not understood,
and what is not understood escalates. Short forms keep the files readable: an option
or a position is a kind ("read", "text"), with marks around it for the rest:

    KIND[:CAPTURE][?*+][=DEFAULT]

`?` is an optional value (only glued to its option) or an optional position, `*` any
number, `+` at least one, `DEFAULT` the path that stands for no operand. A captured
value is used in an effect as `$CAPTURE`.
"""

from typing import Literal

from msgspec import Struct

type Scalar = str | int | bool | list[str]
type EffectSpec = dict[str, str | dict[str, Scalar]]
type Code = Literal["none", "inline", "file", "input", "project", "unknown"]
type Carries = Literal["nothing", "text", "file", "program", "unknown"]
type How = Literal[
    "create", "modify", "append", "attributes", "directory", "link"
]  # fmt: skip
type Style = Literal["gnu", "single", "pairs", "words", "none"]
type Scope = Literal["project", "user", "system"]
type Source = Literal["agent", "file", "network", "program", "stdin", "unknown"]


class OptionSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """One option that needs more than the kind of its value.

    Attributes:
        kind: Short form; "flag" takes no value.
        set: Marks that it sets, separated by blanks.
        only: Values that it may have; an end `*` takes every ending. Others escalate.
        refuse: Why it always escalates.
        effects: What it does by being there.
        stop: Everything after its value is passed on and not read as options.
    """

    kind: str = "flag"
    set: str = ""
    only: tuple[str, ...] = ()
    refuse: str = ""
    effects: tuple[EffectSpec, ...] = ()
    stop: bool = False


class VariantSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """What changes where marks are set.

    Attributes:
        when: Marks that must be set, with `!` those that must not, by blanks. Set by
            options; besides `operands` (there are any), `input` (it reads something),
            `ended` (there is a `--`) and `as-NAME` (the program is called so).
        positionals: Take the place of the table's, of the first variant that fits.
        effects: Further effects, of each variant that fits.
        code: Takes the place of the table's.
        runner: Likewise.
        refuse: Why it escalates.
    """

    when: str
    positionals: tuple[str, ...] | None = None
    effects: tuple[EffectSpec, ...] = ()
    code: Code | None = None
    runner: bool | None = None
    refuse: str = ""


class TableSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """A program or one of its subcommands.

    Attributes:
        flags: Options without a value and without further meaning: `abc` are short
            ones, `--long` and `-single` stand as they are; an end `*` takes every
            ending (`-W*`).
        options: Others, several spellings to a key, by their kind or in full.
        use: Names of groups of the file whose options it has as well.
        style: Its program's where it inherits, else "gnu". "gnu" clusters short
            options and abbreviates long ones, "single" has long options behind one
            dash (`-name`, `-name=value`), "pairs" has nothing but `name=value`,
            "none" no options: everything is an operand. "words" is for runners: an
            option must be listed, and it and its value are operands as well.
        numeric: `-20` is an option.
        stop: Options end at the first operand.
        inherit: Subcommands at any depth have its options as well.
        positionals: Kinds of the operands, at most one of them with `*` or `+`.
        commands: Subcommands, several names to a key.
        default: The positionals are read where no subcommand fits.
        effects: What it does in any case.
        variants: What depends on marks.
        recursive: Path effects take whole trees.
        source: Where the bytes of what it writes come from.
        inert: What it writes is known to hold no code.
        executable: What it writes may gain the execute bit.
        lists: It prints the paths that it finds, one a line.
        method: Of requests to its `url` operands.
        scheme: Of requests to its `host` operands.
        carries: What such requests take along.
        manager: Of its `package` operands.
        scope: Of what those install.
        code: What decides what runs.
        runner: It runs the project's own code and nothing else.
        shape: Operands that belong together: copy, move, link or cloud.
        handler: Judge of a small language; it reads the arguments itself.
        refuse: Why it always escalates.
        environment: Variables that are harmless in front of it.
        safe_options: No option of it, listed or not, writes, runs or sends
            anything, so that a pattern which might begin with a dash is no danger.
    """

    flags: str = ""
    options: dict[str, str | OptionSpec] = {}
    use: tuple[str, ...] = ()
    style: Style | None = None
    numeric: bool = False
    stop: bool = False
    inherit: bool = False
    positionals: tuple[str, ...] = ()
    commands: "dict[str, TableSpec]" = {}
    default: bool = False
    effects: tuple[EffectSpec, ...] = ()
    variants: tuple[VariantSpec, ...] = ()
    recursive: bool = False
    source: Source = "program"
    inert: bool = False
    executable: bool = False
    lists: bool = False
    method: str = "GET"
    scheme: str = "https"
    carries: Carries = "nothing"
    manager: str = ""
    scope: Scope = "project"
    code: Code = "none"
    runner: bool = False
    shape: Literal["", "copy", "move", "link", "cloud"] = ""
    handler: str = ""
    refuse: str = ""
    environment: tuple[str, ...] = ()
    safe_options: bool = False


class GroupSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """Options that several tables of a file share."""

    flags: str = ""
    options: dict[str, str | OptionSpec] = {}


class ProfileSpec(TableSpec, forbid_unknown_fields=True, frozen=True):
    """A program.

    Attributes:
        examples: Command lines with the effects they must have, in short form.
    """

    examples: dict[str, tuple[str, ...]] = {}


class FileSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """One file of profiles.

    Attributes:
        family: Names the group of programs in policies.
        groups: Options to share.
        profiles: By program; several names to a key.
    """

    family: str
    profiles: dict[str, ProfileSpec]
    groups: dict[str, GroupSpec] = {}


class SpecError(ValueError):
    """A profile says something that has no meaning; the message says where."""
