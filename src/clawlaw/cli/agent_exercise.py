"""A walk of an enrolled agent past its gate: ordinary work, and what must not pass.

Everything is proposed and nothing is performed: the gate judges and records as it does
for anybody. The ordinary actions must all be allowed, each of the others stopped.
"""

import http.client
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import msgspec
from msgspec import Struct

from clawlaw.cli.agent_files import as_owner, credentials_path, tcp_address
from clawlaw.cli.output import UsageError
from clawlaw.gate.config import read_config
from clawlaw.gate.enrol import EnrolError, check_credentials

_SECONDS: Final = 20.0
_MILLI: Final = 1000
# Encoded text in an address: nothing by itself, a way out for what was read before it.
_ENCODED: Final = "https://docs.python.org/q/VGhpcyBpcyBub3QgYSBzZWNyZXQ0MTIz"


class Probe(Struct, frozen=True):
    """One thing that must not pass, or must pass before it.

    Attributes:
        wanted: Verdict.
        said: Verdict, or the status of an answer without one.
        why: In the gate's words.
    """

    name: str
    wanted: str
    said: str
    why: str


class Walk(Struct, frozen=True):
    """What came of it.

    Attributes:
        actions: Ordinary ones.
        verdicts: Of those, by name.
        milliseconds: From the request to the durable answer: p50, p95, p99.
        probes: All others.
    """

    actions: int
    verdicts: dict[str, int]
    milliseconds: dict[str, float]
    probes: tuple[Probe, ...]

    @property
    def good(self) -> bool:
        """Whether every verdict is the one that was wanted."""
        allowed = self.verdicts == {"allow": self.actions}
        return allowed and all(p.said == p.wanted for p in self.probes)

    def fields(self) -> dict[str, Any]:
        """For programs."""
        return {"good": self.good, **msgspec.to_builtins(self)}


class Door(Struct, frozen=True):
    """How an enrolled agent reaches its gate.

    Attributes:
        address: ADDRESS:PORT on loopback.
        uid: Of the agent's account.
        workspace: The first that the policy is bound to.
        stewards: Path of the stewards' socket, "" where there is none.
        executor: Path of the executor's, "" where none is or nothing confines.
    """

    address: str
    token: str
    uid: int
    workspace: str
    stewards: str = ""
    executor: str = ""


def door(name: str, config: Path, folder: Path) -> Door:
    """Read how an agent reaches the gate, and that it may.

    Args:
        name: Of the agent.
        config: Of the gate.
        folder: Of the tokens.

    Raises:
        UsageError: No such agent, or no listener for it.
        EnrolError: Its token cannot be used.
    """
    with as_owner(config):
        read = read_config(config)
    agent = next((a for a in read.agents if a.principal == name), None)
    if agent is None or agent.uid is None:
        remedy = f"clawlaw agents add {name} --uid UID"
        raise UsageError(str(config), f"no agent {name!r} with an account", remedy)
    path = credentials_path(folder, name)
    if check_credentials(path, agent.uid) not in agent.tokens:
        raise EnrolError(f"{path}: another token than the configuration's")
    token = path.read_text("ascii").strip()
    stewards = [part.unix for part in read.listeners if "steward" in part.rights]
    executor = [part.unix for part in read.listeners if "executor" in part.rights]
    confined = read.executor.sandbox and executor
    return Door(
        tcp_address(config),
        token,
        agent.uid,
        read.policy.workspace[0],
        stewards[0] if stewards else "",
        executor[0] if confined else "",
    )


def walk(name: str, config: Path, folder: Path, actions: int) -> Walk:
    """Ask the running gate as one agent.

    Args:
        name: Of the agent.
        config: Of the gate.
        folder: Of the tokens.
        actions: Ordinary ones, at least 2.

    Raises:
        UsageError: No such agent, or the gate does not answer.
        EnrolError: Its token cannot be used.
    """
    here = door(name, config, folder)
    asking = _Asking(here.address, here.token, here.workspace)
    try:
        return asking.walk(actions)
    except (OSError, http.client.HTTPException, ValueError) as error:
        remedy = "start it, and look at its journal"
        raise UsageError("gate", f"{type(error).__name__}: {error}", remedy) from error
    finally:
        asking.close()


class _Asking:
    """One connection to a gate, which is kept."""

    def __init__(self, address: str, token: str, workspace: str) -> None:
        host, _, port = address.rpartition(":")
        self._gate = http.client.HTTPConnection(
            host.strip("[]"), int(port), timeout=_SECONDS
        )
        self._head = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }
        self._work = workspace
        self._run = secrets.token_hex(6)

    def close(self) -> None:
        self._gate.close()

    def walk(self, actions: int) -> Walk:
        verdicts: dict[str, int] = {}
        took: list[float] = []
        for tool, given in ordinary(self._work, actions):
            begin = time.perf_counter()
            said = self._propose("work", tool, given)["verdict"]
            took.append((time.perf_counter() - begin) * _MILLI)
            verdicts[said] = verdicts.get(said, 0) + 1
        probes = tuple(self._probes())
        for session in ("work", "alone", "chain"):
            self._ask("/v1/sessions/close", {"session": self._name(session)})
        parts = quantiles(took, n=100, method="inclusive")
        shown = {f"p{n}": round(parts[n - 1], 3) for n in (50, 95, 99)}
        return Walk(actions, verdicts, shown, probes)

    def _probes(self) -> Iterator[Probe]:
        hosts, work = "/etc/hosts", self._work
        up = f"{work}{'/..' * work.count('/')}{hosts}"
        text = {"content": "127.0.0.1 example.org\n"}
        yield self._probe("traversal", "deny", "work", "write", {"path": up, **text})
        given = {"path": hosts, **text}
        yield self._probe("hosts file", "deny", "work", "write", given)
        yield self._probe("malformed", "deny", "work", "write", {"path": 7})
        page = {"url": _ENCODED}
        yield self._probe("chain: the page alone", "allow", "alone", "fetch", page)
        notes = {"path": f"{work}/notes.txt"}
        yield self._probe("chain: a file is read", "allow", "chain", "read", notes)
        yield self._probe("chain: then the page", "escalate", "chain", "fetch", page)

    def _probe(
        self, name: str, wanted: str, session: str, tool: str, given: dict[str, Any]
    ) -> Probe:
        answer = self._propose(session, tool, given)
        return Probe(name, wanted, answer["verdict"], answer.get("reason", ""))

    def _name(self, session: str) -> str:
        return f"walk-{self._run}-{session}"

    def _propose(
        self, session: str, tool: str, given: dict[str, Any]
    ) -> dict[str, Any]:
        call = {
            "session": self._name(session),
            "tool": tool,
            "arguments": given,
            "mediated": tool == "exec",  # as the hooks of clients say
        }
        status, answer = self._ask("/v1/proposals", {**call, "cwd": self._work})
        return {"verdict": f"answered {status}", **answer}

    def _ask(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self._gate.request("POST", path, json.dumps(body), self._head)
        answer = self._gate.getresponse()
        found = json.loads(answer.read() or b"{}")
        return answer.status, found if isinstance(found, dict) else {}


def ordinary(work: str, actions: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everyday actions in a workspace, a few kinds in turn."""
    for number in range(actions):
        file = f"{work}/part-{number % 40}.md"
        kinds: tuple[tuple[str, dict[str, Any]], ...] = (
            ("read", {"path": file}),
            ("write", {"path": file, "content": f"# Part {number}\n"}),
            ("edit", {"path": file, "old": "Part", "new": "Chapter"}),
            ("search", {"pattern": "Part", "path": work}),
            ("exec", {"command": "ls -la"}),
        )
        yield kinds[number % len(kinds)]
