"""Clients of clouds: an operation, and whether its name says that it reads."""

from collections.abc import Sequence
from typing import Final, Literal

from clawlaw.core.actions import ServiceChange, ServiceRead
from clawlaw.core.shell.run import Run
from clawlaw.core.shell.words import Word

READS: Final = frozenset(
    {"ls", "list", "describe", "show", "info", "stat", "du", "cat", "help", "version"}
)
READING: Final = ("list-", "describe-", "get-", "head-", "show-", "batch-get-")
# Names of what nobody should read in passing.
SECRETS: Final = (
    "secret", "password", "token", "credential", "parameter", "key", "login", "auth"
)  # fmt: skip
DEEP: Final = 5  # words within which the operation stands


def call(run: Run, operands: Sequence[Word]) -> None:
    """Add what a call of a cloud's client does."""
    service = run.invocation.program.text
    words = [word.text for word in operands[:DEEP]]
    unknown = next((word for word in operands[:DEEP] if not word.known), None)
    if unknown is not None:
        run.context.opaque("operation is not known", unknown.text)
    for index, text in enumerate(words):
        if text in READS or text.startswith(READING):
            named = " ".join(words[: index + 1])
            hidden = any(name in named for name in SECRETS)
            labels: tuple[Literal["secret"], ...] = ("secret",) if hidden else ()
            run.effects.append(ServiceRead(service, " ".join(words), labels))
            break
    else:
        if words:
            action = " ".join(words[:3])[:200]
            run.effects.append(ServiceChange(service, action, " ".join(words)))
    for word in operands:
        scheme, mark, path = word.text.partition("://")
        if mark and scheme in {"file", "fileb"}:
            run.read(Word(path))
