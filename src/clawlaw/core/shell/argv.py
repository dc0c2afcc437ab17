"""Arguments to options and operands, by a profile's table.

Nothing is passed over: an option that is not listed, a value that is missing and a
word that could be an option are reported as opaque.
"""

from clawlaw.core.shell.kinds import HARMLESS
from clawlaw.core.shell.kinds.programs import run_each
from clawlaw.core.shell.run import Run
from clawlaw.core.shell.tables import Option, Table
from clawlaw.core.shell.words import UNKNOWN, Match, Word

# Kinds whose value, glued to its option, may hold a pattern.
TAKEN_GLUED = HARMLESS | {"within"}
NONE = Word("")  # value of an option that has none


class Reader:
    """One pass over the arguments of a command.

    Attributes:
        table: Of the program, later of its subcommand.
        given: Options that mean something, with their values, in order.
        operands: The other words, in order.
    """

    __slots__ = ("_index", "_literal", "_words", "given", "operands", "run", "table")

    def __init__(self, table: Table, run: Run) -> None:
        """Begin at the first argument."""
        self.table = table
        self.run = run
        self.given: list[tuple[Option, Word]] = []
        self.operands: list[Word] = []
        self._words = run.invocation.arguments
        self._index = 0
        self._literal = False

    def read(self) -> None:
        """Read all words; marks of the options are set on the way."""
        words, count = self._words, len(self._words)
        if self.table.style == "none":
            self._end_options()
        while self._index < count:
            word = words[self._index]
            self._index += 1
            text = word.text
            if self._literal or not _is_option(self.table, text):
                self._operand(word)
            elif text == "--":
                self.run.marks.add("ended")
                self._end_options()
            elif self.table.style == "words":
                self._named(word)
            else:
                self._option(word)
        table = self.table
        if table.commands and not (self.operands or table.spec.default or self.given):
            self.run.marks.add("help")  # a bare program name prints its usage

    def _end_options(self) -> None:
        self._literal = True
        self.run.literal_from = len(self.operands)

    def _operand(self, word: Word) -> None:
        table = self.table
        if table.commands and not self.operands and self._command(word):
            return
        if word.glob or word.many or UNKNOWN in word.text:
            self._check_dash(word)
        self.operands.append(word)
        if not self._literal and len(self.operands) == table.stop_after:
            self._end_options()

    def _command(self, word: Word) -> bool:
        """Go on with the table of a subcommand."""
        table = self.table
        found = table.commands.get(word.text) if word.known else None
        if found is None:
            if not table.spec.default:
                reason = f"{table.name}: command is not known"
                self.run.context.opaque(reason, word.text)
            return False
        for option, value in self.given:
            if option.slot.kind == "cwd":  # later paths are relative to it
                self.run.use(option.slot, value)
        self.given = [pair for pair in self.given if pair[0].slot.kind != "cwd"]
        self.table = found
        if found.style == "none":
            self._end_options()
        return True

    def _check_dash(self, word: Word) -> None:
        """Report a word that may turn out to begin with a dash."""
        if self._literal or word.within or _is_pattern(word):
            return  # the place of a pattern decides, see :mod:`places`
        unsure = word.text[:1] == UNKNOWN or word.many
        if unsure and not self.table.careless:
            self.run.context.opaque("word may be an option", word.text)

    def _option(self, word: Word) -> None:
        table, text = self.table, word.text
        option = table.options.get(text)
        if option is not None:
            if not option.plain:
                self._found(option, None)
        elif text.startswith("--") or table.long_dash:
            if not (self._long(word) or self._starred(word)):
                self._unknown(text)
        elif table.spec.numeric and text[1:].isascii() and text[1:].isdigit():
            return
        elif not (self._cluster(word) or self._starred(word)):
            self._unknown(text)

    def _named(self, word: Word) -> None:
        """Look an option of a runner up; its meaning is a word's for the project."""
        table, text = self.table, word.text
        option = _listed(table, text)
        if option is None:
            self._unknown(text)
        elif option.refuse:
            self.run.context.opaque(f"{table.name}: {option.refuse}", text)
        elif option.only:
            _, glued, value = text.partition("=")
            following = self._words[self._index : self._index + 1]
            found = Word(value) if glued else next(iter(following), NONE)
            self._check_only(option, found)
        self.operands.append(word)

    def _unknown(self, text: str) -> None:
        self.run.context.opaque(f"{self.table.name}: option is not known", text)

    def _long(self, word: Word) -> bool:
        """Read `--name` or `--name=value`."""
        name, mark, value = word.text.partition("=")
        option = self.table.options.get(name)
        if option is None:
            option = _abbreviated(self.table, name)
            if option is None:
                return False
            if self.table.style == "gnu":
                # The program may have another option of this very name.
                self.run.context.opaque("option is cut short", name)
        glued = Word(value, glob=word.glob, many=word.many) if mark else None
        self._found(option, glued)
        return True

    def _starred(self, word: Word) -> bool:
        """Read an option of which only the beginning is listed."""
        found = starred(self.table, word.text)
        if found is None:
            return False
        prefix, option = found
        rest = Word(word.text[len(prefix) :], glob=word.glob, many=word.many)
        self._found(option, rest if option.takes else None)
        return True

    def _cluster(self, word: Word) -> bool:
        """Read `-abVALUE`; nothing is taken where a letter is not known."""
        text, options = word.text, self.table.options
        found: list[tuple[Option, Word | None]] = []
        for at in range(1, len(text)):
            option = options.get("-" + text[at])
            if option is None:
                return False
            if option.takes:
                rest = text[at + 1 :]
                glued = Word(rest, glob=word.glob, many=word.many) if rest else None
                found.append((option, glued))
                break
            if not option.plain:
                found.append((option, None))
        else:
            if word.glob or word.many:
                return False
        for option, glued in found:
            self._found(option, glued)
        return True

    def _found(self, option: Option, glued: Word | None) -> None:
        """Note an option; its value is `glued` or the next word."""
        run = self.run
        value = glued
        if option.takes and glued is None and not option.slot.optional:
            value = self._next(option)
            if value is None:
                return
        elif glued is not None:
            self._check_glued(option, glued)
        if option.marks:
            run.marks.update(option.marks)
        if option.refuse:
            reason = f"{self.table.name}: {option.refuse}"
            run.context.opaque(reason, self._words[self._index - 1].text)
        if option.only and value is not None:
            self._check_only(option, value)
        if option.slot.kind == "each" and value is not None:
            rest, self._index = self._words[self._index :], len(self._words)
            run_each(run, [value, *rest])
        if option.stop:
            self._end_options()
        self.given.append((option, value if value is not None else NONE))

    def _next(self, option: Option) -> Word | None:
        if self._index == len(self._words):
            reason = f"{self.table.name}: value is missing"
            self.run.context.opaque(reason, self._words[-1].text)
            return None
        value = self._words[self._index]
        self._index += 1
        one = option.slot.kind == "url" or isinstance(value, Match)
        several = value.many or (value.glob and not one)
        if several and not value.within and not self.table.spec.safe_options:
            self.run.context.opaque("value may be several words", value.text)
        return value

    def _check_glued(self, option: Option, glued: Word) -> None:
        if not option.takes:
            reason = f"{self.table.name}: option takes no value"
            self.run.context.opaque(reason, glued.text)
        elif glued.many or (glued.glob and option.slot.kind not in TAKEN_GLUED):
            # A pattern matches only names that begin with the option itself.
            self.run.context.opaque("value may be several words", glued.text)

    def _check_only(self, option: Option, value: Word) -> None:
        text = value.text
        for allowed in () if UNKNOWN in text else option.only:
            if text == allowed:
                return
            if allowed[-1] == "*" and text.startswith(allowed[:-1]):
                return
        reason = f"{self.table.name}: value is not known to be harmless"
        self.run.context.opaque(reason, text)


def _is_pattern(word: Word) -> bool:
    return word.glob and not word.many and UNKNOWN not in word.text


def _is_option(table: Table, text: str) -> bool:
    first = text[:1]
    if first == "-":
        return text != "-"
    if first == "+":
        return text in table.options or starred(table, text) is not None
    return table.pairs


def starred(table: Table, text: str) -> tuple[str, Option] | None:
    """The option with the longest listed beginning that takes every ending."""
    for prefix, option in table.prefixes:
        if text.startswith(prefix):
            return prefix, option
    return None


def _listed(table: Table, text: str) -> Option | None:
    """The option that a runner's word gives: whole, with a value, or as letters."""
    name = text.partition("=")[0]
    found = table.options.get(text) or table.options.get(name)
    if found is not None or text.startswith("--"):
        return found
    star = starred(table, text)
    if star is not None:
        return star[1]
    letters = [table.options.get(f"-{c}") for c in text[1:].rstrip("0123456789")]
    if not letters or None in letters:
        return None
    return next((o for o in letters if o is not None and o.refuse), letters[0])


def _abbreviated(table: Table, name: str) -> Option | None:
    """A long option cut short, if it can only be one."""
    if table.style == "single":
        # Some of these programs take a second dash as well.
        return table.options.get(name[1:]) if name.startswith("--") else None
    if table.pairs or UNKNOWN in name:
        return None
    fits = [table.options[k] for k in table.longs if k.startswith(name)]
    same = bool(fits) and all(option is fits[0] for option in fits)
    return fits[0] if same else None
