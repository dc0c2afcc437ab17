"""What the checks say: one finding, its text, and the error that carries them."""

import difflib
from collections.abc import Iterable

import msgspec

from forge.errors import InputError


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with an inventory.

    Attributes:
        host: Host or group that it belongs to; ``all`` for the whole inventory.
        field: Variable with the path inside it, e.g. ``forge_addresses.cluster``.
        message: What is wrong, with the value found; one sentence, no final stop.
        fix: What to write instead; one sentence, no final stop.
        rule: Name of the rule, as in docs/inventory.md.
        file: File that sets the field, as far as it is known.
        line: Line in that file, 1-based; 0 if unknown.
    """

    host: str
    field: str
    message: str
    fix: str
    rule: str = ""
    file: str = ""
    line: int = 0

    def order(self) -> tuple[str, str, str, str]:
        """Return the key that keeps reports in one order."""
        return (self.host, self.field, self.rule, self.message)

    def text(self) -> str:
        """Return two lines: where and what, then the fix."""
        place = f"{self.file}:{self.line}: " if self.line else ""
        if self.file and not self.line:
            place = f"{self.file}: "
        return (
            f"{place}{self.host}: {self.field}: {self.message} [{self.rule}]\n"
            f"    fix: {self.fix}"
        )


class InvalidTopologyError(InputError):
    """The inventory is invalid; the message lists every finding."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        """Keep the findings, in their stable order."""
        self.findings = tuple(sorted(findings, key=Finding.order))
        super().__init__(report(self.findings))


def report(findings: tuple[Finding, ...]) -> str:
    """Return the text of all findings, with their number in the first line."""
    count = len(findings)
    noun = "finding" if count == 1 else "findings"
    head = f"the inventory is invalid: {count} {noun}; no host was touched"
    return "\n".join([head, *(finding.text() for finding in findings)])


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that ``word`` was probably meant to be, or None."""
    # 0.6 is difflib's default: it catches one wrong letter in four.
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a fix for an unknown word: its nearest neighbour, or all choices."""
    choices = sorted(known)
    guess = nearest(word, choices)
    if guess is not None:
        return f"did you mean {guess}?"
    return f"use one of: {', '.join(choices)}" if choices else "remove it"
