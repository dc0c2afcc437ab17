"""From an Ansible event to a message with host, cause and remedy. Pure."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

# What a message of a tool says -> what the reader can do about it. First match wins.
REMEDIES = (
    (
        r"clawlaw steward approve",
        "a steward approves it on the boundary, then run the same command again",
    ),
    (
        r"(?:ALLOW|DENY|ESCALATE) by |the gate does not answer",
        "docs/change-gate.md says who judges, and what would make it pass",
    ),
    (
        r"No space left on device|not enough free space|disk is full",
        "free disk space on {host}, then run the same command again",
    ),
    (
        r"sha256|[Cc]hecksum",
        (
            "the file is not the pinned one: look at versions.yml and the cache "
            "(`forge artifacts list`), remove the file if it is damaged"
        ),
    ),
    (
        r"Permission denied \(publickey|Host key verification failed",
        "the host has another SSH identity: `make down`, then `make up`",
    ),
    (
        (
            r"timed out|Connection refused|No route to host|Connection closed|"
            r"Connection reset|unreachable|Broken pipe|lost connection"
        ),
        (
            "see that {host} runs (`make status`), start it if not, "
            "then run the same command again: it goes on where it stopped"
        ),
    ),
)


class Failure(msgspec.Struct, frozen=True):
    """One host's failure: where, what was being done, why, and the way out."""

    host: str
    task: str
    cause: str
    remedy: str

    def __str__(self) -> str:
        """Return it as lines for a terminal."""
        return (
            f"{self.host}: {self.task}\n"
            f"    cause: {self.cause}\n"
            f"    remedy: {self.remedy}"
        )


def diagnose(event: Mapping[str, Any]) -> Failure | None:
    """Return the failure that an ansible-runner event reports, if it reports one.

    Args:
        event: One event of the runner's stream.
    """
    kind = event.get("event")
    data = event.get("event_data", {})
    if kind == "runner_on_failed" and data.get("ignore_errors"):
        return None
    if kind not in {"runner_on_failed", "runner_on_unreachable"}:
        return None
    host = str(data.get("host", "?"))
    result = data.get("res", {})
    cause = _cause(result if isinstance(result, Mapping) else {"msg": str(result)})
    if kind == "runner_on_unreachable":
        cause = f"unreachable: {cause}"
    return Failure(host, str(data.get("task", "?")), cause, _remedy(cause, host))


def _cause(result: Mapping[str, Any]) -> str:
    items = [
        item
        for item in result.get("results", [])
        if isinstance(item, Mapping) and item.get("failed")
    ]
    if items:
        return _cause(items[0])
    if result.get("censored"):
        return "the task's output is secret; run it by hand on the host to see it"
    parts = [str(result.get("msg", "")).strip()]
    for key in ("stderr", "module_stderr"):
        text = str(result.get(key, "")).strip()
        if text and text not in parts[0]:
            parts.append(text.splitlines()[-1])
    return " | ".join(part for part in parts if part) or "no message"


def _remedy(cause: str, host: str) -> str:
    for pattern, remedy in REMEDIES:
        if re.search(pattern, cause):
            return remedy.format(host=host)
    return "read the cause, mend it, then run the same command again"
