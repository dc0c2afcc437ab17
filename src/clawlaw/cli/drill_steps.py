"""The steps of a drill: an agent asks, a steward answers, nobody answers.

The agent asks over the gate's loopback with its own token. The steward answers by
`clawlaw steward approve`, as the account that the stewards' socket lets in, with key
and passphrase of its own. Nothing that is allowed is performed.
"""

import json
import os
import pwd
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from clawlaw.cli.agent_exercise import Door
from clawlaw.cli.drill import KEY, PASSPHRASE
from clawlaw.cli.output import UsageError
from clawlaw.client import Client, Denied, Escalated, GateUnavailable
from clawlaw.client.sync import Session

# A push goes out and cannot be taken back, so every policy of the Forge asks.
_ASKED: Final = {"command": "git push origin main"}
_ANSWER: Final = 20.0  # seconds for an answer that was given already
_COMMAND: Final = 60  # seconds for the steward's program


class Step(Struct, frozen=True):
    """One step of a drill.

    Attributes:
        wanted: How it must end.
        said: How it ended.
    """

    name: str
    wanted: str
    said: str

    @property
    def good(self) -> bool:
        """Whether it ended as it must."""
        return self.said == self.wanted

    def fields(self) -> dict[str, Any]:
        """For programs."""
        return {"good": self.good, **msgspec.to_builtins(self)}


def escalate(here: Door, steward: Path, account: str, wait: int) -> list[Step]:
    """Have one escalation approved and used up, and the next one expire.

    Args:
        here: How the agent reaches its gate.
        steward: Folder of the drill's steward.
        account: Whom the stewards' socket lets in.
        wait: Seconds that an expiry is waited for; 0: it is not.

    Raises:
        UsageError: The gate does not answer.
    """
    client = Client(url=f"http://{here.address}", token=here.token, name="drill")
    name = f"drill-{secrets.token_hex(6)}"
    try:
        with client, client.session(name, cwd=here.workspace) as session:
            return _steps(session, here.stewards, steward, account, wait)
    except GateUnavailable as error:
        raise UsageError("gate", str(error), "look at its journal") from error


def _steps(
    session: Session, socket: str, steward: Path, account: str, wait: int
) -> list[Step]:
    asked = _propose(session)
    steps = [Step("an agent asks", "escalate", _said(asked))]
    if not isinstance(asked, Escalated):
        return steps
    answered = _approve(asked.escalation, socket, steward, account)
    steps.append(Step("a steward approves", "approved", answered))
    if answered != "approved":
        return steps
    steps.append(Step("it passes once", "allow", _waited(asked, _ANSWER)))
    asked = _propose(session)
    steps.append(Step("the approval is used up", "escalate", _said(asked)))
    if wait and isinstance(asked, Escalated):
        steps.append(Step("nobody answers", "expired", _expired(asked, wait)))
    return steps


def _propose(session: Session) -> Denied | None:
    """What the gate says to the question; `None`: it is allowed."""
    try:
        session.propose("exec", _ASKED, mediated=True)
    except GateUnavailable:
        raise
    except Denied as error:
        return error
    return None


def _said(error: Denied | None) -> str:
    if error is None:
        return "allow"
    return "escalate" if isinstance(error, Escalated) else f"deny: {error.reason}"


def _waited(asked: Escalated, seconds: float) -> str:
    try:
        asked.wait(seconds)
    except GateUnavailable:
        raise
    except Denied as error:
        return _said(error)
    return "allow"


def _expired(asked: Escalated, wait: int) -> str:
    """How it ends; a deadline that is too far off is not waited for."""
    left = asked.deadline / 1000 - time.time()
    if left > wait:
        return f"not waited for: {left:.0f} s until its deadline"
    said = _waited(asked, left + _ANSWER)
    return "expired" if f"{asked.escalation} is expired" in said else said


def _approve(escalation: str, socket: str, folder: Path, account: str) -> str:
    """Answer as a person does, by the steward's own command; its answer in a word."""
    words = [sys.executable, "-P", "-m", "clawlaw", "steward", "approve", escalation]
    words += ["--reason", "a drill", "--minutes", "1", "--yes", "--json"]
    words += ["--socket", socket, "--key", str(folder / KEY)]
    words += ["--passphrase-file", str(folder / PASSPHRASE)]
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        try:
            found = pwd.getpwnam(account)
        except KeyError as error:
            raise UsageError("--account", f"{account!r}: no such account") from error
        who = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=_COMMAND, **who
    )
    if done.returncode:
        return done.stderr.strip() or f"exit {done.returncode}"
    return str(json.loads(done.stdout).get("state", "answered without a state"))
