"""Operators on the fields of effects, typed: one that does not fit is refused at load.

What stands for a field in a condition is a value (equal), a list (one of) or one
mapping of operators. Text that the analysis could not resolve holds `UNKNOWN`; it is
never surely anything.
"""

from collections.abc import Callable
from typing import Any

import re2

from clawlaw.core.policy import Test
from clawlaw.core.shell.words import UNKNOWN
from clawlaw.core.view import View
from clawlaw.policy.errors import nearest
from clawlaw.policy.fields import FieldType
from clawlaw.policy.sets import HostSets
from clawlaw.policy.triple import Triple, every, known

# Where programs come from that an agent cannot write; what stands elsewhere is a
# script by another name.
TRUSTED_PROGRAMS = (
    *("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/"),
    *("/usr/local/sbin/", "/opt/homebrew/bin/", "/nix/store/", "/snap/bin/"),
)
TRUSTED_FILES = ("/usr/", "/bin/", "/sbin/", "/lib/", "/opt/homebrew/", "/nix/store/")
NUMBER_OPERATORS = ("at_least", "at_most", "above", "below")
TEXT_OPERATORS = ("matches", "empty")
LIST_OPERATORS = ("any", "all", "count", "empty")


def expect(holds: object, problem: str) -> None:
    """Refuse a condition.

    Raises:
        ValueError: Where it does not hold.
    """
    if not holds:
        raise ValueError(problem)


def one_of(operator: str, known_ones: tuple[str, ...]) -> None:
    """Refuse an operator that does not exist for this type.

    Raises:
        ValueError: With the nearest that does.
    """
    if operator not in known_ones:
        near = nearest(operator, known_ones)
        hint = f" (did you mean {near!r}?)" if near else ""
        listed = ", ".join(known_ones)
        raise ValueError(f"no operator {operator!r} here, only {listed}{hint}")


def texts_of(value: Any) -> tuple[str, ...]:
    """One string or a list of them.

    Raises:
        ValueError: Anything else, or an empty list.
    """
    values = value if isinstance(value, list) else [value]
    good = values and all(isinstance(v, str) for v in values)
    expect(good, f"a string or a list of strings is needed, not {value!r}")
    return tuple(values)


def flag_of(value: Any) -> bool:
    """True or false.

    Raises:
        ValueError: Anything else.
    """
    expect(isinstance(value, bool), f"true or false is needed, not {value!r}")
    return bool(value)


def regex_of(value: Any) -> Any:
    """A regular expression of RE2 that must match the whole text.

    Raises:
        ValueError: Not one.
    """
    expect(isinstance(value, str), f"a regular expression is needed, not {value!r}")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(value, options)
    except re2.error as error:
        raise ValueError(f"{value!r} is no regular expression of RE2") from error


def number_holds(value: Any) -> Callable[[int], bool]:
    """A comparison of integers.

    Raises:
        ValueError: No integer, or an operator that does not exist.
    """
    if isinstance(value, dict):
        tests = [_comparison(name, bound) for name, bound in value.items()]
        expect(tests, "at least one comparison is needed")
        return lambda number: all(test(number) for test in tests)
    values = value if isinstance(value, list) else [value]
    good = values and all(type(v) is int for v in values)
    expect(good, f"a whole number is needed, not {value!r}")
    wanted = frozenset(values)
    return lambda number: number in wanted


def _comparison(name: str, bound: Any) -> Callable[[int], bool]:
    one_of(name, NUMBER_OPERATORS)
    expect(type(bound) is int, f"{name} needs a whole number, not {bound!r}")
    return {
        "at_least": lambda number: number >= bound,
        "at_most": lambda number: number <= bound,
        "above": lambda number: number > bound,
        "below": lambda number: number < bound,
    }[name]


def text_holds(value: Any) -> Callable[[str], bool]:
    """A test of one text: equal, one of, matching as a whole, empty.

    Raises:
        ValueError: Of another type, or an operator that does not exist.
    """
    if not isinstance(value, dict):
        wanted = frozenset(texts_of(value))
        return lambda text: text in wanted
    expect(len(value) == 1, f"one of {', '.join(TEXT_OPERATORS)} is needed")
    ((name, operand),) = value.items()
    one_of(name, TEXT_OPERATORS)
    if name == "empty":
        wanted_empty = flag_of(operand)
        return lambda text: (not text) is wanted_empty
    pattern = regex_of(operand)
    return lambda text: pattern.fullmatch(text) is not None


def text_field(name: str, value: Any) -> Triple:
    """A condition on a field of text."""
    holds = text_holds(value)

    def sure(effect: Any, _view: View) -> bool:
        text = getattr(effect, name)
        return UNKNOWN not in text and holds(text)

    def evident(effect: Any, _view: View) -> bool:
        return holds(getattr(effect, name))

    def possible(effect: Any, _view: View) -> bool:
        text = getattr(effect, name)
        return UNKNOWN in text or holds(text)

    return Triple(sure, evident, possible)


def choice_field(name: str, kind: FieldType, value: Any) -> Triple:
    """A condition on a field with a closed list of values."""
    wanted = texts_of(value)
    for word in wanted:
        near = nearest(word, kind.choices)
        hint = f" (did you mean {near!r}?)" if near else ""
        listed = ", ".join(kind.choices)
        expect(word in kind.choices, f"{name} is one of {listed}, not {word!r}{hint}")
    values = frozenset(wanted)
    return known(lambda effect, _view: getattr(effect, name) in values)


def flag_field(name: str, value: Any) -> Triple:
    """A condition on a field that is true or false."""
    wanted = flag_of(value)
    return known(lambda effect, _view: getattr(effect, name) is wanted)


def number_field(name: str, value: Any) -> Triple:
    """A condition on a field that is a number."""
    holds = number_holds(value)
    return known(lambda effect, _view: holds(getattr(effect, name)))


def list_field(name: str, value: Any) -> Triple:
    """A condition on a list of texts: on any, on all, on how many."""
    expect(isinstance(value, dict) and value, f"one of {', '.join(LIST_OPERATORS)}")
    return every([_list_operator(name, op, x) for op, x in value.items()])


def _list_operator(name: str, operator: str, value: Any) -> Triple:
    one_of(operator, LIST_OPERATORS)
    if operator == "count":
        counts = number_holds(value)
        return known(lambda effect, _view: counts(len(getattr(effect, name))))
    if operator == "empty":
        wanted = flag_of(value)
        return known(lambda effect, _view: (not getattr(effect, name)) is wanted)
    holds = text_holds(value)
    over = any if operator == "any" else _all_of_some

    def sure(effect: Any, _view: View) -> bool:
        return over(UNKNOWN not in t and holds(t) for t in getattr(effect, name))

    def evident(effect: Any, _view: View) -> bool:
        return over(holds(t) for t in getattr(effect, name))

    def possible(effect: Any, _view: View) -> bool:
        return over(UNKNOWN in t or holds(t) for t in getattr(effect, name))

    return Triple(sure, evident, possible)


def _all_of_some(results: Any) -> bool:
    """All, and at least one: a list that is empty says nothing."""
    found = list(results)
    return bool(found) and all(found)


def host_triple(hosts: HostSets, mask: int) -> Triple:
    """Whether the host of a request is in one of several sets."""
    hits = hosts.hits

    def sure(effect: Any, _view: View) -> bool:
        found, strange = hits(effect.host)
        return bool(found & mask) and not strange

    def evident(effect: Any, _view: View) -> bool:
        return bool(hits(effect.host)[0] & mask)

    def possible(effect: Any, _view: View) -> bool:
        host = effect.host
        return not host or UNKNOWN in host or bool(hits(host)[0] & mask)

    return Triple(sure, evident, possible)


def is_trusted(effect: Any, view: View) -> bool:
    """Whether a program is what its name says: not a file that an agent can write."""
    if effect.family == "builtin":
        return True
    program = effect.program
    if "/" not in program:
        fact = view.facts.programs.get(program)
        return fact is not None and not fact.writable and UNKNOWN not in program
    if not program.startswith(TRUSTED_PROGRAMS) or "/." in program:
        return False
    (target,) = view.at(program) or ()
    known_file = not target.strange and target.fact.kind in {"file", "absent"}
    return known_file and target.fact.resolved.startswith(TRUSTED_FILES)


def program_triple(name: str, names: frozenset[str]) -> Triple:
    """Whether the program, or its family, is one of these."""

    def named(effect: Any, _view: View) -> bool:
        word = getattr(effect, name)
        return word.rpartition("/")[2].lower() in names

    def sure(effect: Any, view: View) -> bool:
        return named(effect, view) and is_trusted(effect, view)

    def possible(effect: Any, view: View) -> bool:
        return UNKNOWN in getattr(effect, name) or named(effect, view)

    return Triple(sure, named, possible)


def trusted_program(value: Any) -> Test:
    """Whether the program stands where agents cannot write."""
    wanted = flag_of(value)
    return lambda effect, view: is_trusted(effect, view) is wanted
