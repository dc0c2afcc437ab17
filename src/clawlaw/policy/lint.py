"""What is allowed in a policy and probably not meant, with file and line."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from msgspec import Struct

from clawlaw.core.actions import KINDS
from clawlaw.core.canonical import canonical_json
from clawlaw.core.prepared import LAWS, REQUIRED
from clawlaw.policy.compile import Compiler
from clawlaw.policy.document import LawDocument, Loaded, RuleEntry, SetsDocument
from clawlaw.policy.fields import expand_kinds
from clawlaw.policy.paths import Bindings
from clawlaw.policy.profile_examples import check
from clawlaw.policy.profiles import builtin
from clawlaw.policy.source import Place, Source

# What bounds an effect of these kinds to something; an `allow` without it is for all.
_BOUNDS = {
    "file.read": {"path", "path_alone"},
    "file.write": {"path", "path_alone"},
    "file.delete": {"path", "path_alone"},
    "file.move": {"path", "path_alone", "to"},
    "net.request": {"host"},
    "process.exec": {"program", "family", "trusted", "code", "script"},
}


class LintFinding(Struct, frozen=True, order=True):
    """One thing that is probably not meant.

    Attributes:
        file: Of the policy.
        line: From 1; 0: the policy as a whole.
        level: "error" makes the policy useless, "warning" weakens it, "note" tells.
        code: For programs, "unused-set".
        message: For a person.
    """

    file: str
    line: int
    level: Literal["error", "warning", "note"]
    code: str
    message: str


class _Located(Struct, frozen=True):
    """A rule with its place."""

    law: int
    rule: RuleEntry
    source: Source
    place: Place
    kinds: tuple[str, ...]

    def finding(self, level: Any, code: str, message: str) -> LintFinding:
        line = self.source.line((*self.place, "id"))
        said = f"{self.rule.id}: {message}"
        return LintFinding(self.source.file, line, level, code, said)

    @property
    def always(self) -> bool:
        return not (self.rule.when or self.rule.unless)

    @property
    def conditions(self) -> bytes:
        whole: Any = {"when": self.rule.when, "unless": self.rule.unless}
        return canonical_json(whole)


def lint_profiles(raw: dict[str, bytes]) -> list[LintFinding]:
    """Hold the examples of program profiles against what the profiles say.

    Args:
        raw: Files of profiles by name, as the gate brings them along.

    Returns:
        One error for each example that differs and each profile without one.
    """
    found = []
    for problem in check(builtin(), raw):
        file, line, told = problem.split(":", 2)
        message = told.strip()
        found.append(LintFinding(file, int(line), "error", "profile-example", message))
    return sorted(found)


def lint(documents: Sequence[Loaded], bindings: Bindings) -> list[LintFinding]:
    """Look for what is allowed in a policy and probably not meant.

    Args:
        documents: A policy that compiles.
        bindings: As for the compiler.

    Returns:
        Findings by file and line.

    Raises:
        PolicyError: The policy does not compile.
    """
    compiler = Compiler(documents, bindings)
    compiler.policy()
    rules = list(_located(documents))
    found = [
        *_laws(rules, compiler),
        *_unused(documents, compiler),
        *_unclaimed(rules, compiler),
        *_principals(compiler),
    ]
    checks: list[Callable[[list[_Located]], Iterator[LintFinding]]] = [
        _unbounded,
        _repeated,
        _shadowed,
    ]
    for find in checks:
        found += find(rules)
    return sorted(found)


def _located(documents: Sequence[Loaded]) -> Iterator[_Located]:
    for loaded in documents:
        document = loaded.document
        if isinstance(document, LawDocument):
            for number, rule in enumerate(document.rules):
                place: Place = ("rules", number)
                kinds = expand_kinds(rule.on)
                yield _Located(document.law, rule, loaded.source, place, kinds)


def _laws(rules: list[_Located], compiler: Compiler) -> Iterator[LintFinding]:
    head = compiler.head_source.file
    if not any(r.rule.then == "allow" for r in rules):
        message = "no rule allows anything: every action is denied or asked about"
        yield LintFinding(head, 0, "error", "allows-nothing", message)
    present = {rule.law for rule in rules}
    for law in LAWS:
        if law in present:
            continue
        if law in REQUIRED:
            message = f"law {law} is missing: without it every action is denied"
            yield LintFinding(head, 0, "error", "missing-law", message)
        else:
            message = f"law {law} has no rule; only what is built in judges"
            yield LintFinding(head, 0, "note", "law-without-rules", message)


def _unused(documents: Sequence[Loaded], compiler: Compiler) -> Iterator[LintFinding]:
    used = set(compiler.names.used)
    sets = [
        (loaded.source, family, name, entries)
        for loaded in documents
        if isinstance(loaded.document, SetsDocument)
        for family in ("paths", "hosts", "programs")
        for name, entries in getattr(loaded.document, family).items()
    ]
    for _, family, _, entries in sets:
        used |= {f"{family} {e[1:]}" for e in entries if e.startswith("@")}
    for source, family, name, _ in sets:
        if f"{family} {name}" not in used:
            line = source.line((family, name))
            message = f"no rule looks at the set of {family} {name!r}"
            yield LintFinding(source.file, line, "warning", "unused-set", message)


def _unclaimed(rules: list[_Located], compiler: Compiler) -> Iterator[LintFinding]:
    """Kinds that a purpose has and nothing ever lets pass."""
    claimed = {k for r in rules if r.rule.then != "deny" for k in r.kinds}
    purposes = (
        (number, purpose, source)
        for head, source in compiler.heads
        for number, purpose in enumerate(head.purposes)
    )
    for number, purpose, source in purposes:
        for kind in sorted(set(expand_kinds(purpose.kinds)) & (KINDS - claimed)):
            line = source.line(("purposes", number, "kinds"))
            message = f"{purpose.name}: no rule allows {kind} or asks about it"
            yield LintFinding(source.file, line, "note", "unclaimed-kind", message)


def _principals(compiler: Compiler) -> Iterator[LintFinding]:
    principals = (
        (number, principal, source)
        for head, source in compiler.heads
        for number, principal in enumerate(head.principals)
    )
    for number, principal, source in principals:
        if "*" in principal.ceiling.hosts:
            line = source.line(("principals", number, "ceiling"))
            message = f"{principal.name}: every host counts as one of its own"
            yield LintFinding(source.file, line, "warning", "open-ceiling", message)
        if not principal.budgets:
            line = source.line(("principals", number))
            message = f"{principal.name}: nothing limits what it uses"
            yield LintFinding(source.file, line, "warning", "no-budget", message)


def _unbounded(rules: list[_Located]) -> Iterator[LintFinding]:
    for located in rules:
        if located.rule.then != "allow":
            continue
        keys = _keys(located.rule.when)
        for kind in located.kinds:
            if kind in _BOUNDS and not keys & _BOUNDS[kind]:
                wanted = " or ".join(sorted(_BOUNDS[kind]))
                message = f"allows every {kind}; bound it by {wanted}"
                yield located.finding("warning", "unbounded-allow", message)


def _keys(condition: Any) -> set[str]:
    """Names that a condition asks for; under `not` they bound nothing."""
    if isinstance(condition, list):
        return set().union(*(_keys(part) for part in condition))
    if not isinstance(condition, dict):
        return set()
    found: set[str] = set()
    for key, value in condition.items():
        if key == "any":
            parts = [_keys(part) for part in value]
            found |= set.intersection(*parts) if parts else set()
        elif key == "all":
            found |= _keys(value)
        elif key != "not":
            found.add(key)
    return found


def _repeated(rules: list[_Located]) -> Iterator[LintFinding]:
    seen: dict[tuple[object, ...], str] = {}
    for located in rules:
        key = (located.law, located.kinds, located.rule.then, located.conditions)
        if key in seen:
            message = f"says what {seen[key]} says"
            yield located.finding("warning", "repeated-rule", message)
        seen.setdefault(key, located.rule.id)


def _shadowed(rules: list[_Located]) -> Iterator[LintFinding]:
    """A milder rule whose every case a stricter one takes."""
    order = {"allow": 0, "escalate": 1, "deny": 2}
    for located in rules:
        for other in rules:
            stricter = order[other.rule.then] > order[located.rule.then]
            same = other.always or other.conditions == located.conditions
            if stricter and same and set(located.kinds) <= set(other.kinds):
                message = f"never decides: {other.rule.id} is stricter"
                yield located.finding("warning", "shadowed-rule", message)
                break
