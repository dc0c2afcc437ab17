# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records every run of a playbook; all logic is in the package ``forge.runs``."""

DOCUMENTATION = """
name: forge_run
type: notification
short_description: Record every run of a playbook
version_added: "0.1.0"
author: The Forge contributors
description:
  - Writes one file a run, a chain of lines that hold on to each other. It says who ran
    what, at which commit, what was judged, each changed task with its diff, failures,
    and how long it took.
  - Secrets are replaced by keyed digests; results of tasks with C(no_log) and contents
    of files that only their owner may read are left out.
  - A run that cannot be recorded ends before it touches a host.
  - C(forge history) and C(forge show) print the records.
requirements:
  - the Python package C(forge) on the controller
"""

import os
import sys
from pathlib import Path

from ansible import context
from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import CallbackTaskResult
from ansible.playbook import Playbook
from ansible.plugins.callback import CallbackBase
from ansible.utils.display import Display

from forge import paths
from forge.errors import ForgeError
from forge.runs.recorder import Recorder

CHECKOUT = Path(__file__).resolve().parents[2]
UNRECORDED = 1  # exit status, as of any run that failed


class CallbackModule(CallbackBase):
    """What Ansible loads."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "forge_run"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Record nothing before the playbook begins."""
        super().__init__()
        self._recorder: Recorder | None = None

    def _record(self, method: str, *values: object) -> None:
        """Pass something on; end the run where it cannot be recorded."""
        if self._recorder is None:
            return
        try:
            getattr(self._recorder, method)(*values)
        except ForgeError as error:
            self._recorder = None
            _end(error)

    def v2_playbook_on_start(self, playbook: Playbook) -> None:
        """Begin the record."""
        try:
            self._recorder = Recorder(paths.state(CHECKOUT), CHECKOUT)
        except ForgeError as error:
            _end(error)
        self._record("started", _relative(playbook._file_name), _arguments())  # noqa: SLF001 - no public name

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """Record what was changed."""
        if result.result.get("changed"):
            self._record("changed", result.host.name, _task(result), result.result)

    def v2_runner_on_failed(
        self, result: CallbackTaskResult, *, ignore_errors: bool = False
    ) -> None:
        """Record a failure, unless the playbook takes it as an answer."""
        if not ignore_errors:
            self._record("failed", "failed", *_where(result))

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """Record a host that did not answer."""
        self._record("failed", "unreachable", *_where(result))

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """End the record."""
        hosts = {host: stats.summarize(host) for host in sorted(stats.processed)}
        self._record("ended", hosts)


def _where(result: CallbackTaskResult) -> tuple[str, dict[str, str], object]:
    return result.host.name, _task(result), result.result


def _task(result: CallbackTaskResult) -> dict[str, str]:
    """Return what a reader needs to find a task."""
    task = result.task
    found = {"task": task.get_name(include_role_fqcn=False), "action": task.action}
    path = task.get_path()
    if path:
        found["where"] = _relative(path)
    return {name: str(value) for name, value in found.items()}


def _relative(path: str) -> str:
    root = f"{CHECKOUT}{os.sep}"
    return path.removeprefix(root) if path.startswith(root) else path


def _arguments() -> dict[str, object]:
    """Return what the command line says, of extra variables no value."""
    given = context.CLIARGS
    words = {
        name: str(given[name])
        for name in ("subset", "start_at_task")
        if given.get(name)
    }
    lists = {
        name: sorted(map(str, given[name]))
        for name in ("tags", "skip_tags", "inventory")
        if given.get(name)
    }
    return {
        **words,
        **lists,
        "check": bool(given.get("check")),
        "extra_vars": len(given.get("extra_vars") or ()),
    }


def _end(error: ForgeError) -> None:
    Display().error(str(error), wrap_text=False)
    sys.exit(UNRECORDED)
