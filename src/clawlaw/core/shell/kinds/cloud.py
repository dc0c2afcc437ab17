"""Clients of clouds: an operation, and whether its name says that it reads."""

from collections.abc import Sequence
from typing import Final, Literal

from clawlaw.core.actions import ServiceChange, ServiceRead
from clawlaw.core.shell.run import Run
from clawlaw.core.shell.words import Word

READS: Final = frozenset(
    {"ls", "list", "describe", "show", "info", "stat", "du", "cat", "help", "version"}
)
# Words of an operation that changes something, wherever another one stands.
CHANGING: Final = (
    "add", "apply", "attach", "cancel", "copy", "cp", "create", "deallocate", "delete",
    "deploy", "detach", "disable", "enable", "exec", "import", "invoke", "mb", "modify",
    "move", "mv", "patch", "publish", "purge", "put", "rb", "reboot", "register",
    "remove", "reset", "restart", "restore", "rm", "rsync", "run", "send", "set",
    "start", "stop", "submit", "sync", "terminate", "update", "upload",
)  # fmt: skip
# Operations that put what they get into a file of a name among their words.
SAVING: Final = frozenset({
    "get-object", "get-object-torrent", "get-job-output", "get-export", "get-sdk",
    "get-media", "get-thing-shadow", "get-credentials",
})  # fmt: skip
TOLD: Final = ("userdata", "user-data", "secret", "password", "connectionstring")
READING: Final = ("list-", "describe-", "get-", "head-", "show-", "batch-get-")
# Names of what nobody should read in passing.
SECRETS: Final = (
    "secret", "password", "token", "credential", "parameter", "key", "login", "auth",
    "connection-string", "connection string", "appsettings", "alias", "kubeconfig",
    "get-function", "get-connection", "profiles", "userdata", "user-data",
)  # fmt: skip
FLAT: Final = frozenset({"gsutil", "bq", "s3cmd", "mc"})  # no groups of operations
DEEP: Final = 5  # words within which the operation stands


def _reading(words: Sequence[str], *, grouped: bool) -> int:
    """Index of the word that says it reads; -1 where one before it changes."""
    for index, text in enumerate(words):
        if text.partition("-")[0] in CHANGING and not (grouped and index == 0):
            return -1  # a name further on may look like a reading
        if text in SAVING:
            return -1
        if text in READS or text.startswith(READING):
            return index
    return -1


def call(run: Run, operands: Sequence[Word]) -> None:
    """Add what a call of a cloud's client does."""
    service = run.invocation.program.text
    words = [word.text for word in operands[:DEEP]]
    unknown = next((word for word in operands[:DEEP] if not word.known), None)
    if unknown is not None:
        run.context.opaque("operation is not known", unknown.text)
    index = _reading(words, grouped=service not in FLAT)
    if index >= 0:
        named = " ".join(words[: index + 1])
        every = " ".join(words).lower()
        hidden = any(name in named for name in SECRETS)
        hidden = hidden or any(name in every for name in TOLD)
        labels: tuple[Literal["secret"], ...] = ("secret",) if hidden else ()
        run.effects.append(ServiceRead(service, " ".join(words), labels))
    elif words:
        action = " ".join(words[:3])[:200]
        run.effects.append(ServiceChange(service, action, " ".join(words)))
    for word in operands:
        scheme, mark, path = word.text.partition("://")
        if mark and scheme in {"file", "fileb"}:
            run.read(Word(path))
        elif not mark and ("/" in word.text or word.text[:1] in {"~", "."}):
            run.context.opaque("operand may be a file that is written", word.text)
