# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records every run of a playbook, and ends one that nothing allows.

The logic is in ``forge.runs`` and ``forge.change.permit``.
"""

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
  - So does a run without a verdict when it comes to a role of tier II or III, whatever
    tags, limits, variables or C(--start-at-task) made of it.
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
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible.plugins.callback import CallbackBase
from ansible.utils.display import Display
from ansible.vars.manager import VariableManager

from forge import paths
from forge.change import permit, running
from forge.errors import ForgeError
from forge.runs import access
from forge.runs.recorder import Recorder

CHECKOUT = Path(__file__).resolve().parents[2]
GATE_TASK = "forge_gate"
GATE_ROLE = CHECKOUT / "roles" / "change_gate" / "tasks"
PLAIN_KEY = CHECKOUT / "roles" / "node_base" / "tasks" / "plain_key.yml"


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
        self._state: Path | None = None  # of what is applied, once a run is allowed
        self._gates: set[str] = set()  # hosts on which this run saw one
        self._variables: VariableManager | None = None
        self._own: Path | None = None  # folder of this run's key

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
            self._recorder = Recorder(paths.state(), CHECKOUT)
        except ForgeError as error:
            _end(error)
        permit.begin(self._recorder.name)
        self._record("started", _relative(playbook._file_name), _arguments())  # noqa: SLF001 - no public name

    def v2_playbook_on_play_start(self, play: Play) -> None:
        """Know where variables of hosts are kept."""
        self._variables = play.get_variable_manager()

    def v2_playbook_on_task_start(self, task: Task, *, is_conditional: bool) -> None:  # noqa: ARG002 - Ansible's signature
        """End the run if a task of a guarded role begins and nothing allowed it."""
        self._guard(task)

    def v2_playbook_on_handler_task_start(self, task: Task) -> None:
        """End the run as before a task."""
        self._guard(task)

    def _guard(self, task: Task) -> None:
        role = task._role  # noqa: SLF001 - no public name
        if role is None or role.get_name() not in permit.GUARDED:
            return
        # A task that itself says so only looks in check mode: a test holds the roles to
        # it. A play or an include that says so would have the whole role at work.
        own = task.get_ds()
        looks = context.CLIARGS.get("check") and own and own.get("check_mode") is False
        if looks or task.check_mode is True:
            return
        try:
            permit.require(f"role {role.get_name()}")
        except permit.RefusedError as error:
            self._record("refused", str(error))
            _end(error)

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """Record what was changed."""
        if _is_gate(result):
            self._judged(result.result)
        elif _is_in(result, GATE_ROLE / "installed.yml"):
            self._gates.add(result.host.name)
        elif _is_in(result, PLAIN_KEY):
            self._record("plain_key", result.host.name, result.result)
        elif result.result.get("changed"):
            self._record("changed", result.host.name, _task(result), result.result)

    def v2_runner_on_failed(
        self, result: CallbackTaskResult, *, ignore_errors: bool = False
    ) -> None:
        """Record a failure, unless the playbook takes it as an answer."""
        if not ignore_errors:
            self._record("failed", "failed", *_where(result))
        if _is_gate(result):
            self._refused(result.result)

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """Record a host that did not answer."""
        self._record("failed", "unreachable", *_where(result))

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """End the record, and after a run that ended well say what is applied."""
        if self._own:
            access.end(self._own)
        hosts = {host: stats.summarize(host) for host in sorted(stats.processed)}
        granted = permit.granted()
        if granted and self._state and not (stats.failures or stats.dark):
            try:
                done = running.finish(self._state, granted, self._gates)
            except ForgeError as error:
                self._record("refused", str(error))
                _end(error)
            self._record("applied", *done)
        self._record("ended", hosts)

    def _judged(self, found: dict[str, object]) -> None:
        """Keep the verdict where no variable reaches it."""
        if found.get("again"):
            return
        self._record("judged", _verdict(found))
        Display().display(str(found.get("msg", "")))
        if found["path"] == "preview":
            return
        self._state = Path(str(found["folder"]))
        permit.grant(
            permit.Permit(
                plan=str(found["plan"]),
                path=str(found["path"]),
                run=permit.run_name(),
            )
        )
        self._way_in(found.get("way_in"))

    def _way_in(self, found: object) -> None:
        """Have later tasks log in with the certificate of this run.

        As a fact, since only that outranks what inventories and plays say.
        """
        if not isinstance(found, dict):
            return
        if "problem" in found:
            Display().warning(f"{found['problem']}; the inventory's own key is used")
            return
        self._own = Path(str(found["folder"]))
        for host, way in found["ways"].items():
            if self._variables:
                path = access.control_path(self._own, host)
                facts = {access.ARGUMENTS: way, access.CONTROL: path}
                self._variables.set_nonpersistent_facts(host, facts)

    def _refused(self, found: dict[str, object]) -> None:
        """End the run with the exit status of its verdict."""
        if "plan" in found:
            self._record("judged", _verdict(found))
        self._record("refused", str(found.get("msg")))
        self._recorder = None
        sys.exit(int(str(found.get("exit_status", permit.RefusedError.status))))


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


def _is_gate(result: CallbackTaskResult) -> bool:
    """Whether a result is that of the gate's own task."""
    return result.task.action.endswith(GATE_TASK) and _is_in(
        result, GATE_ROLE / "main.yml"
    )


def _is_in(result: CallbackTaskResult, file: Path) -> bool:
    """Whether a result is that of a task of this file."""
    path, _, _ = str(result.task.get_path()).rpartition(":")
    return path == str(file)


def _verdict(found: dict[str, object]) -> dict[str, object]:
    """Return what the record says of a verdict."""
    names = ("plan", "verdict", "policy", "kernel", "decision", "findings",
             "approvals", "approval", "record", "delivered", "platform",
             "sequence", "basis", "begun")  # fmt: skip
    kept = {name: found[name] for name in names if found.get(name)}
    way = found.get("way_in")
    if isinstance(way, dict):
        said = ("serial", "hosts", "ends", "problem")
        kept["certificate"] = {name: way[name] for name in said if name in way}
    return {**kept, "by": found["path"], "blast": found["blast"]}


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
    sys.exit(error.status)
