"""awk: programs are read token by token; files and commands they name are effects.

Understood are constant names of files, and constant commands; what a program builds
at run time, loads, or calls by a computed name is not.

Source: POSIX.1-2024, awk; gawk 5.3 manual, "Redirection", "Getline", "System".
"""

from dataclasses import dataclass, field
from typing import Final

import re2

from clawlaw.core.actions import EnvironmentRead
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.awk_tokens import UNSURE, AwkError, Token, tokens
from clawlaw.core.shell.lang.options import Parsed, names, parse, spec
from clawlaw.core.shell.words import Context, Invocation, Word

FAMILY: Final = "text"
OPTIONS: Final = spec(
    "-b --characters-as-bytes -c --traditional -C --copyright -h --help -k --csv -M"
    " --bignum -N --use-lc-numeric -n --non-decimal-data -O --optimize -P --posix -r"
    " --re-interval -s --no-optimize -S --sandbox -t --lint-old -V --version",
    "-F --field-separator -v --assign -f --file -e --source -i --include",
    permute=False,
)
FUNCTIONS: Final = names(
    "length substr index split sub gsub match sprintf tolower toupper int sqrt"
    " exp log sin cos atan2 rand srand strftime systime mktime close fflush gensub"
    " asort asorti patsplit strtonum and or xor lshift rshift compl isarray typeof"
)
# Names through which a program reaches its own arguments, symbols or terminals.
REFUSED: Final = names("ARGV ARGC SYMTAB FUNCTAB extension")
KEYWORDS: Final = names("if while for switch print printf getline in")
# What a program may feed or read without a question: they only see and print text.
FILTER: Final = re2.compile(
    r"(?:sort|uniq|wc|head|tail|column|tr|nl|rev|tac|cut|cat)"
    r"(?: +(?:-[-A-Za-z0-9,.=]*|[0-9]+))*(?: *(?:1>&2|>&2))?"
)
PRODUCER: Final = re2.compile(
    r"(?:date|pwd|whoami|hostname|uname|id|nproc|tty)(?: +[-+%A-Za-z0-9:/]+)*"
)
ASSIGNMENT: Final = re2.compile(r"[A-Za-z_][A-Za-z_0-9]*=")
ENDS: Final = frozenset({";", "newline", "}", ")", ""})
BEGINS: Final = frozenset({";", "newline", "{", "}", "(", "&&", "||", "!", ""})
NOTHING: Final = Token("", "")


@dataclass(slots=True)
class Program:
    """What a program reaches.

    Attributes:
        reads: Constant names of files it reads.
        writes: Constant names of files it writes, with whether it appends.
        filters: Constant commands that it prints into or reads from, harmless kinds.
        runs: Other constant commands.
        variables: Names of environment variables it reads; "*" for any.
    """

    reads: list[str] = field(default_factory=list)
    writes: list[tuple[str, bool]] = field(default_factory=list)
    filters: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)


def judge(invocation: Invocation, context: Context) -> None:
    """Turn an awk command into effects."""
    parsed = parse(invocation.arguments, OPTIONS, context)
    if parsed is None:
        emit.start(invocation, context, FAMILY, code="unknown")
        return
    file = parsed.last("-f", "--file")
    if file is not None:
        path = context.path(file, invocation.cwd)
        emit.start(invocation, context, FAMILY, code="file", script=path or "")
        emit.give_up(context, "awk: the program is in a file", file.text)
        return
    text = _text(parsed)
    if text is None:
        emit.start(invocation, context, FAMILY)
        if not parsed.has("-h", "--help", "-V", "--version", "-C", "--copyright"):
            emit.give_up(context, "awk: no program", "")
        return
    try:
        program = read_program(text)
    except AwkError as error:
        emit.start(invocation, context, FAMILY, code="inline")
        emit.give_up(context, f"awk: {error}", text)
        return
    emit.start(invocation, context, FAMILY, code="inline" if program.runs else "none")
    _effects(program, parsed, invocation, context)


def _text(parsed: Parsed) -> str | None:
    parts = parsed.each("-e", "--source")
    if not parts:
        if not parsed.operands:
            return None
        parts = [parsed.operands.pop(0)]
    return "\n".join([part.text if part.known else UNSURE for part in parts])


def _effects(
    program: Program, parsed: Parsed, invocation: Invocation, context: Context
) -> None:
    cwd = invocation.cwd
    for library in parsed.each("-i", "--include"):
        # Even `inplace` is looked for in the working directory first.
        emit.give_up(context, "awk: loads a library", library.text)
    for command in program.filters:
        context.shell(command, cwd)
    for command in program.runs:
        context.shell(command, cwd)
    if program.variables:
        every = "*" in program.variables
        context.emit(EnvironmentRead(() if every else tuple(program.variables)))
    for name in program.reads:
        _file(Word(name), cwd, context)
    for word in parsed.operands:
        if word.text == "-" or (not word.many and ASSIGNMENT.match(word.text)):
            continue
        emit.read(context, word, cwd)
    for name, appends in program.writes:
        if name.startswith("/inet"):
            emit.give_up(context, "awk: opens a connection", name)
            continue
        how: emit.How = "append" if appends else "create"
        emit.write(context, Word(name), cwd, how=how, source="program")


def _file(word: Word, cwd: str, context: Context) -> None:
    if word.text == "-":
        return
    if word.text.startswith("/inet"):
        emit.give_up(context, "awk: opens a connection", word.text)
        return
    emit.read(context, word, cwd)


def read_program(text: str) -> Program:
    """Read a program.

    Raises:
        AwkError: Something in it is not understood.
    """
    return _Reader(tokens(text)).run()


class _Reader:
    __slots__ = (
        "depth",
        "functions",
        "index",
        "output",
        "printing",
        "program",
        "words",
    )

    def __init__(self, words: list[Token]) -> None:
        self.words = words
        self.index = 0
        self.depth = 0
        self.printing = -1  # parenthesis depth of the print statement; -1: none
        self.output = False
        self.program = Program()
        self.functions = {
            words[i + 1].text
            for i in range(len(words) - 1)
            if words[i].text in ("function", "func") and words[i].kind == "name"
        }

    def at(self, offset: int) -> Token:
        index = self.index + offset
        return self.words[index] if 0 <= index < len(self.words) else NOTHING

    def run(self) -> Program:
        acts = {
            "name": self._name,
            ">": self._greater,
            ">>": self._greater,
            "|": self._pipe,
            "|&": self._refuse,
            "@": self._refuse,
            "(": self._open,
            "[": self._open,
            ")": self._close,
            "]": self._close,
            ";": self._over,
            "{": self._over,
            "}": self._over,
        }
        for index, word in enumerate(self.words):
            self.index = index
            act = acts.get(word.kind)
            if act is not None:
                act(word)
        return self.program

    def _refuse(self, word: Token) -> None:
        raise AwkError(f"{word.text!r}")

    def _open(self, _: Token) -> None:
        self.depth += 1

    def _close(self, _: Token) -> None:
        self.depth -= 1
        if self.depth < self.printing:
            self.printing = -1

    def _over(self, _: Token) -> None:
        self.printing = -1

    def _name(self, word: Token) -> None:
        text = word.text
        if text in ("print", "printf"):
            self.printing = self.depth
        elif text in REFUSED:
            raise AwkError(text)
        elif text == "system":
            self._system()
        elif text == "getline":
            self._getline()
        elif text == "ENVIRON":
            self._environment()
        elif text == "PROCINFO":
            if self.at(1).kind != "[" or self.at(2) != Token("string", "sorted_in"):
                raise AwkError(text)
        elif self.at(1).kind == "(" and not self._callable(text):
            raise AwkError(f"function {text}")

    def _callable(self, name: str) -> bool:
        if name in FUNCTIONS or name in KEYWORDS or name in self.functions:
            return True
        # A variable before a parenthesis joins two texts; a call has no space, which
        # the tokens do not keep, so only words that cannot be calls pass.
        return name in ("return", "else", "do", "case", "delete", "func", "function")

    def _environment(self) -> None:
        key = self.at(2)
        exact = self.at(1).kind == "[" and self.at(3).kind == "]"
        known = exact and key.kind == "string" and UNSURE not in key.text
        self.program.variables.append(key.text if known else "*")

    def _constant(self, offset: int) -> str:
        word = self.at(offset)
        if word.kind != "string" or UNSURE in word.text:
            raise AwkError("the name of a file or command is computed")
        return word.text

    def _system(self) -> None:
        if self.at(1).kind != "(" or self.at(3).kind != ")":
            raise AwkError("system with a computed command")
        command = self._constant(2)
        if not command:
            return  # only flushes the output
        if PRODUCER.fullmatch(command):
            self.program.filters.append(command)
        else:
            self.program.runs.append(command)

    def _greater(self, word: Token) -> None:
        if self.printing < 0 or self.depth > self.printing:
            return  # compares
        name = self._constant(1)
        if self.at(2).kind not in ENDS:
            raise AwkError("the name of a file or command is computed")
        self.program.writes.append((name, word.kind == ">>"))

    def _pipe(self, _: Token) -> None:
        if self.at(1) == Token("name", "getline"):
            command = self._constant(-1)
            if self.at(-2).kind not in BEGINS:
                raise AwkError("the name of a file or command is computed")
            harmless = PRODUCER.fullmatch(command)
        else:
            if self.printing < 0:
                raise AwkError("'|'")
            command = self._constant(1)
            if self.at(2).kind not in ENDS:
                raise AwkError("the name of a file or command is computed")
            harmless = FILTER.fullmatch(command)
        if harmless:
            self.program.filters.append(command)
        else:
            self.program.runs.append(command)

    def _getline(self) -> None:
        """Find `getline [variable] < "file"`."""
        offset = 1
        if self.at(offset).kind == "$":
            offset += 1
            if self.at(offset).kind not in ("name", "number"):
                raise AwkError("getline into a computed field")
        if self.at(offset).kind in ("name", "number"):
            offset += 1
            if self.at(offset).kind == "[":
                if self.at(offset + 2).kind != "]":
                    raise AwkError("getline into a computed element")
                offset += 3
        if self.at(offset).kind != "<":
            return
        name = self._constant(offset + 1)
        if self.at(offset + 2).kind not in (*ENDS, ">", "==", "!=", ">="):
            raise AwkError("the name of a file or command is computed")
        self.program.reads.append(name)
