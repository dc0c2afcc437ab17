"""From what happens in a run to its entries, and to the disk."""

import getpass
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forge.runs import chain
from forge.runs.hide import Hider
from forge.runs.journal import Journal, JournalError, key, last
from forge.runs.plain_key import notes
from forge.testbed.failures import diagnose

# Who asked, where a CI system runs the playbook (GitHub's documented variables).
ACTOR = ("GITHUB_ACTOR", "GITHUB_RUN_ID", "GITHUB_REPOSITORY", "SUDO_USER")
PATIENCE = 2_000  # milliseconds that time synchronisation may put a clock back
MAX_CAUSE = 2_000  # characters of a failure's cause


class Recorder:
    """Writes one run."""

    def __init__(
        self, state: Path, checkout: Path, clock: Callable[[], float] = time.time
    ) -> None:
        """Begin a run's file.

        Args:
            state: Folder of the controller's records.
            checkout: Whose commit is named.
            clock: Seconds since the epoch.

        Raises:
            JournalError: Nothing can be written there, or time runs before the run
                that was recorded last.
        """
        self._clock = clock
        self._checkout = checkout
        self._hider = Hider(key(state))
        self._after, before = last(state)
        self._began = clock()
        if self._began * 1000 < before - PATIENCE:
            raise JournalError(
                f"the clock is behind: the run {(self._after or {}).get('run')} ended"
                f" {before / 1000 - self._began:.0f} s after now",
                remedy="set the clock of this machine, then run it again",
            )
        self._failed = False
        self.journal = Journal.begin(state, datetime.fromtimestamp(self._began, UTC))

    @property
    def name(self) -> str:
        """The run's name."""
        return self.journal.path.stem

    def started(self, playbook: str, arguments: Mapping[str, Any]) -> None:
        """Record who asks for what.

        Args:
            playbook: Path, relative to the checkout if it is in it.
            arguments: Of the command line; of extra variables only the names.
        """
        self._write(
            "started",
            version=chain.VERSION,
            run=self.name,
            after=self._after,
            who=who(os.environ),
            **commit(self._checkout),
            playbook=playbook,
            arguments=dict(arguments),
        )

    def judged(self, verdict: Mapping[str, Any]) -> None:
        """Record the verdict about the run's plan."""
        self._write("judged", **dict(verdict))

    def changed(
        self, host: str, task: Mapping[str, str], result: Mapping[str, Any]
    ) -> None:
        """Record what a task changed on a host."""
        self._write("changed", host=host, **task, **self._hider.changes(result))

    def failed(
        self, kind: str, host: str, task: Mapping[str, str], result: object
    ) -> None:
        """Record a failure that counts; ``kind`` is ``failed`` or ``unreachable``."""
        self._failed = True
        event = f"runner_on_{kind}"
        data = {"host": host, "task": task.get("task", ""), "res": result}
        found = diagnose({"event": event, "event_data": data})
        cause = self._hider.text(found.cause if found else "")[:MAX_CAUSE]
        self._write(kind, host=host, **task, cause=cause)

    def applied(self, hosts: Sequence[str], digest: str) -> None:
        """Record which hosts are as proposed, and the digest of the applied state."""
        self._write("applied", hosts=list(hosts), digest=digest)

    def plain_key(self, host: str, result: Mapping[str, Any]) -> None:
        """Record what a host noted of uses of the plain key, if it noted any."""
        found = notes(result.get("content"))
        if found:
            self._write("plain_key", host=host, **found)

    def refused(self, why: str) -> None:
        """Record that the run ends because nothing allows it, and close the file."""
        self._write("refused", why=why)
        self.ended({}, "refused")

    def ended(self, hosts: Mapping[str, Mapping[str, int]], result: str = "") -> None:
        """Record the end, and close the file.

        Args:
            hosts: Counts of tasks by host.
            result: ``refused`` or the like; by the failures unless given.
        """
        took = round((self._clock() - self._began) * 1000)
        bad = self._failed or any(
            row.get("failures") or row.get("unreachable") for row in hosts.values()
        )
        self._write(
            "ended",
            result=result or ("failed" if bad else "succeeded"),
            milliseconds=max(took, 0),
            hosts={host: dict(row) for host, row in hosts.items()},
        )
        self.journal.close()

    def _write(self, kind: str, **fields: Any) -> None:  # noqa: ANN401 - as the entry
        at = round(self._clock() * 1000)
        self.journal.write({"kind": kind, "at": at, **fields})


def who(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the account that runs this, and what a CI system says of itself."""
    named = {name.lower(): environment[name] for name in ACTOR if environment.get(name)}
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an id without an account
        user = ""
    return {"user": user, "uid": str(os.getuid()), **named}


def commit(checkout: Path) -> dict[str, Any]:
    """Return the commit of a checkout, and whether files differ from it.

    Outside git, the commit is empty.
    """
    head = _git(checkout, "rev-parse", "HEAD")
    changes = _git(checkout, "status", "--porcelain") if head else ""
    return {"commit": head, "modified": bool(changes)}


def _git(checkout: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), *words],
            capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
