"""Runs playbooks through ansible-runner, with progress and a plain end."""

import os
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ansible_runner
from rich.console import Console

from forge.errors import ForgeError
from forge.testbed.failures import Failure, diagnose

KEPT_RUNS = 5
MARK = "FORGE_RUN"  # in the environment of every process of one run


class RunFailedError(ForgeError):
    """A playbook ended with failures; the message lists them by host."""


class Progress:
    """What a person sees of a run: the play, the task, and the time it takes."""

    def __init__(
        self,
        console: Console,
        observe: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        """Show the run on a console; without a terminal, one line per play.

        Args:
            console: Where it is shown.
            observe: Given every event after it was shown.
        """
        self.console = console
        self.observe = observe
        self.status = console.status("starting") if console.is_terminal else None
        self.started = time.monotonic()
        self.play = ""
        self.tasks = 0
        self.failures: list[Failure] = []
        self.stats: dict[str, dict[str, int]] = {}

    def __call__(self, event: Mapping[str, Any]) -> bool:
        """Take one event of the runner's stream."""
        data = event.get("event_data", {})
        match event.get("event"):
            case "playbook_on_play_start":
                self.play = str(data.get("name", "")).strip()
                self._line(f"[bold]{self._elapsed()}[/] {self.play}")
            case "playbook_on_task_start":
                self.tasks += 1
                if self.status:
                    self.status.update(
                        f"{self._elapsed()} {self.play} · {data.get('task', '')}"
                    )
            case "playbook_on_stats":
                self.stats = {
                    kind: dict(data.get(kind, {}))
                    for kind in ("ok", "changed", "failures", "dark")
                }
        failure = diagnose(event)
        if failure:
            self.failures.append(failure)
            self._line(f"[red]failed[/] {failure}")
        if self.observe:
            self.observe(event)
        return True

    def changed(self) -> dict[str, int]:
        """Return the number of changed tasks per host."""
        hosts = {host for kind in self.stats.values() for host in kind}
        return {host: self.stats["changed"].get(host, 0) for host in sorted(hosts)}

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        return f"{minutes}:{seconds:02d}"

    def _line(self, text: str) -> None:
        self.console.print(text, highlight=False)


def run(
    playbook: str,
    *,
    checkout: Path,
    private: Path,
    inventory: Sequence[Path],
    variables: Mapping[str, Any] | None = None,
    arguments: Sequence[str] = (),
    console: Console | None = None,
    observe: Callable[[Mapping[str, Any]], None] | None = None,
    state: Path | None = None,
) -> Progress:
    """Run one playbook and wait for its end.

    Args:
        playbook: Path below the checkout.
        checkout: Root of the repository; ``ansible.cfg`` is read there.
        private: Folder for the runner's event files; made with mode 0700.
        inventory: Sources, later ones override earlier ones.
        variables: Extra variables; never a secret, since they are kept on disk.
        arguments: More words for ``ansible-playbook``.
        console: Where progress goes; standard output unless given.
        observe: Given every event of the runner's stream.
        state: Folder of the controller's records; ``state`` beside ``private`` unless
            given.

    Returns:
        What was seen, with the count of changes per host.

    Raises:
        RunFailedError: A host failed or was unreachable, or the input was refused.
    """
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    # ansible-runner keeps the first run's arguments and variables here, and prefers
    # them to those of every later run.
    shutil.rmtree(private / "env", ignore_errors=True)
    progress = Progress(console or Console(file=sys.stdout), observe)
    mark = f"{MARK}={uuid.uuid4().hex}"
    if progress.status:
        progress.status.start()
    try:
        runner = ansible_runner.interface.run(
            private_data_dir=str(private),
            project_dir=str(checkout),
            playbook=playbook,
            inventory=[str(source) for source in inventory],
            extravars=dict(variables or {}),
            cmdline=" ".join(arguments) or None,
            envvars={
                "ANSIBLE_CONFIG": str(checkout / "ansible.cfg"),
                # The runner sets this variable, which overrides ansible.cfg.
                "ANSIBLE_CALLBACK_PLUGINS": str(checkout / "plugins" / "callback"),
                "FORGE_STATE": str(state or private.parent / "state"),
                # Where it is set, every task compiles every plugin anew.
                "PYTHONDONTWRITEBYTECODE": "",
                MARK: mark.partition("=")[2],
            },
            event_handler=progress,
            rotate_artifacts=KEPT_RUNS,
            quiet=True,
        )
    finally:
        if progress.status:
            progress.status.stop()
    if runner.status == "canceled":
        end_marked(mark)
        raise KeyboardInterrupt
    if runner.status != "successful":
        raise RunFailedError(_summary(playbook, progress, runner))
    return progress


def end_marked(mark: str) -> None:
    """End every process that has a mark in its environment.

    An interrupted run kills `ansible-playbook`, and its workers, each a session of its
    own, can wait for ever for a lock that it held.

    Args:
        mark: `NAME=value` that only the processes of one run have.
    """
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in entry.read_bytes().split(b"\0"):
                os.kill(int(entry.parent.name), signal.SIGKILL)
        except OSError:  # ended by itself, or someone else's
            continue


def _summary(playbook: str, progress: Progress, runner: Any) -> str:  # noqa: ANN401 - untyped library
    if progress.failures:
        listed = "\n  ".join(str(failure) for failure in progress.failures)
        return f"{playbook} did not finish:\n  {listed}"
    with runner.stdout as printed:
        words = printed.read().strip().splitlines()[-15:]
    return f"{playbook} did not start:\n" + "\n".join(words)
