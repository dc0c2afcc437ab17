"""Runs a playbook in check mode and reports what it would change."""

import secrets
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from forge.drift.collect import Collector
from forge.drift.model import Report, Verdict
from forge.errors import InputError
from forge.runs.hide import Hider
from forge.testbed import playbooks
from forge.topology.load import load_inventory


def check(
    *,
    checkout: Path,
    inventory: Sequence[Path],
    playbook: str,
    state: Path,
    limit: str | None = None,
    tags: str | None = None,
    console: Console,
) -> Report:
    """Check every host of an inventory, and change none.

    Args:
        checkout: Root of the repository.
        inventory: Sources, later ones override earlier ones.
        playbook: Path below the checkout.
        state: Folder of the controller's records of runs.
        limit: Hosts or groups; every host unless given.
        tags: Only tasks with one of these tags.
        console: Where progress goes.

    Returns:
        What was seen, also where hosts failed or could not be reached.

    Raises:
        InputError: The inventory or the playbook cannot be read: nothing was checked.
    """
    if not (checkout / playbook).is_file():
        raise InputError(
            f"{checkout / playbook}: there is no such playbook",
            remedy="name one below the checkout with --playbook",
        )
    hosts = load_inventory(inventory, limit=limit).hostvars
    # A key for this report alone: tokens of two reports cannot be compared.
    collector = Collector(checkout, Hider(secrets.token_bytes(32)))
    arguments = ["--check", "--diff"]
    named = {"limit": limit, "tags": tags}
    scope = [f"--{name} {value}" for name, value in named.items() if value]
    began, started = time.monotonic(), datetime.now(UTC)
    error = _run(
        collector,
        playbook,
        checkout=checkout,
        inventory=inventory,
        arguments=[*arguments, *scope],
        console=console,
        state=state,
    )
    if not collector.is_finished:
        raise InputError(
            str(error), remedy="correct what it names; nothing was checked"
        )
    report = collector.report(
        hosts,
        commit=_commit(checkout),
        playbook=playbook,
        scope=" ".join(scope),
        started=started.isoformat(timespec="seconds"),
        seconds=int(time.monotonic() - began),
    )
    if error and report.verdict is not Verdict.INCOMPLETE:
        raise error  # it failed, and no host says why: nothing can be concluded
    return report


def _run(
    collector: Collector,
    playbook: str,
    *,
    checkout: Path,
    inventory: Sequence[Path],
    arguments: Sequence[str],
    console: Console,
    state: Path,
) -> playbooks.RunFailedError | None:
    # The runner's event files hold what was not redacted: they go with the run.
    with tempfile.TemporaryDirectory(prefix="forge-drift-") as private:
        try:
            playbooks.run(
                playbook,
                checkout=checkout,
                private=Path(private),
                inventory=inventory,
                arguments=arguments,
                console=console,
                observe=collector,
                state=state,
            )
        except playbooks.RunFailedError as error:
            return error
    return None


def _commit(checkout: Path) -> str:
    """Return the checkout's commit, `-dirty` if files differ; empty outside of git."""
    done = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()
