"""The same actions without a gate and with one: what governance costs.

A child of this process has the agent's account, and does everything: it makes a folder
in the agent's workspace, performs every action there at once, then again through the
client library (proposed, decided, recorded, performed, reported), and removes it.
Commands go to the executor the second time, in a sandbox of their own, since no client
may perform them itself; where there is no executor they are left out both times.
"""

import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import msgspec
from msgspec import Struct

from clawlaw.cli.agent_exercise import door, ordinary
from clawlaw.cli.output import UsageError
from clawlaw.client import Client, Denied, Result
from clawlaw.client.sync import Session

# What the Forge's readme of before claims for a governed action, milliseconds.
PUBLISHED: Final[Mapping[str, float]] = {"p50": 3.2, "p95": 8.1, "p99": 14.7}
_SECONDS: Final = 600
_FILES: Final = 40


class Order(Struct, frozen=True):
    """What the child is to do.

    Attributes:
        address: Of the gate, on loopback.
        workspace: Directory in which it makes a folder of its own.
        executor: The gate's socket for the executor; "": no commands.
    """

    address: str
    token: str
    workspace: str
    actions: int
    executor: str = ""


class Outcome(Struct, frozen=True):
    """What came of it.

    Attributes:
        milliseconds: p50, p95, p99 of an action, "without" the gate and "with" it, and
            of that the "verdict" alone, from the proposal to the durable answer.
        refused: Reasons, of actions that were not allowed.
    """

    milliseconds: dict[str, dict[str, float]]
    refused: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether every action was allowed."""
        return not self.refused

    def fields(self) -> dict[str, Any]:
        """For programs."""
        return {**msgspec.to_builtins(self), "published": dict(PUBLISHED)}


def run(name: str, config: Path, tokens: Path, actions: int) -> Outcome:
    """Perform the actions twice, as the agent's account.

    Args:
        name: Of the agent.
        config: Of the gate.
        tokens: Folder of the agents' tokens.
        actions: How many.

    Raises:
        UsageError: No such agent, no gate, or the account cannot work there.
    """
    here = door(name, config, tokens)
    own = Path(here.workspace) / name
    workspace = str(own) if own.is_dir() else here.workspace
    who = _account(here.uid) if os.geteuid() == 0 else {}
    order = Order(here.address, here.token, workspace, actions, here.executor)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "clawlaw.cli.experiment"],
        input=msgspec.json.encode(order),
        capture_output=True,
        check=False,
        timeout=_SECONDS,
        **who,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise UsageError(name, said or f"exit {done.returncode}", "look at the gate")
    return msgspec.json.decode(done.stdout, type=Outcome)


def _account(uid: int) -> dict[str, Any]:
    """For `subprocess`: an account with its groups, by which it reaches the gate."""
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        return {"user": uid, "group": uid, "extra_groups": []}
    groups = os.getgrouplist(found.pw_name, found.pw_gid)
    return {"user": uid, "group": found.pw_gid, "extra_groups": groups}


def perform(order: Order) -> Outcome:
    """Everything, in this process."""
    name = f"experiment-{secrets.token_hex(4)}"
    folder = Path(order.workspace) / name
    folder.mkdir()
    try:
        for number in range(_FILES):
            (folder / f"part-{number}.md").write_text("# Part 0\n")
        kinds = ordinary(str(folder), order.actions)
        actions = [a for a in kinds if order.executor or a[0] != "exec"]
        tools = _tools(folder)
        bare = [_timed(partial(tools[t], **g)) for t, g in actions]
        verdicts, whole, refused = [], [], []
        client = Client(url=f"http://{order.address}", token=order.token, name="drill")
        with client, client.session(name, cwd=str(folder)) as session:
            governed = _Governed(session, tools, order.executor)
            for tool, given in actions:
                try:
                    verdict, all_of_it = governed.perform(tool, given)
                except Denied as error:
                    refused.append(f"{tool}: {error.reason}")
                    continue
                verdicts.append(verdict)
                whole.append(all_of_it)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = {"without": _parts(bare)}
    if len(whole) > 1:
        found |= {"verdict": _parts(verdicts), "with": _parts(whole)}
    return Outcome(found, tuple(refused))


class _Governed:
    """Performs what the gate allows, and times it."""

    def __init__(
        self, session: Session, tools: dict[str, Callable[..., str]], executor: str
    ) -> None:
        self._session = session
        self._tools = tools
        self._executor = executor

    def perform(self, tool: str, given: dict[str, Any]) -> tuple[float, float]:
        """Milliseconds until the verdict, and until everything was done and reported.

        Raises:
            Denied: It is not allowed.
        """
        begin = time.perf_counter()
        allowed = self._session.propose(tool, given, mediated=tool == "exec")
        verdict = (time.perf_counter() - begin) * 1000
        if tool == "exec":
            self._execute(allowed.permit)
        else:
            text = self._tools[tool](**given)
            self._session.report(allowed, Result(text=text))
        return verdict, (time.perf_counter() - begin) * 1000

    def _execute(self, permit: str) -> None:
        """Have the executor perform and report, as a client's hook does."""
        program = str(Path(sys.executable).with_name("clawlaw-run"))
        words = [program, f"--permit={permit}", f"--socket={self._executor}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Denied(done.stderr.strip() or f"exit {done.returncode}")


def _tools(folder: Path) -> dict[str, Callable[..., str]]:
    """What performs each of the ordinary actions."""

    def read(path: str) -> str:
        return Path(path).read_text()

    def write(path: str, content: str) -> str:
        Path(path).write_text(content)
        return ""

    def edit(path: str, old: str, new: str) -> str:
        Path(path).write_text(Path(path).read_text().replace(old, new))
        return ""

    def search(pattern: str, path: str) -> str:
        found = (f for f in sorted(Path(path).iterdir()) if pattern in f.read_text())
        return "\n".join(f.name for f in found)

    def execute(command: str) -> str:
        words = ["/bin/bash", "--noprofile", "--norc", "-c", command]
        return subprocess.run(
            words, cwd=folder, capture_output=True, text=True, check=True
        ).stdout

    return {
        "read": read, "write": write, "edit": edit, "search": search, "exec": execute
    }  # fmt: skip


def _timed(action: Callable[[], object]) -> float:
    """Milliseconds that it took."""
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000


def _parts(took: list[float]) -> dict[str, float]:
    found = quantiles(took, n=100, method="inclusive")
    return {f"p{n}": round(found[n - 1], 3) for n in (50, 95, 99)}


def main() -> int:
    """Do what standard input says; the outcome goes to standard output."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.write(json.dumps(msgspec.to_builtins(perform(order))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
