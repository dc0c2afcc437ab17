# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task that has a run judged; the logic is in ``forge.change``.

It takes no argument and reads no variable that extra variables could replace: what is
proposed comes from the magic variables, what is applied from the controller's record,
and what was found goes to the callback plugin ``forge_run`` and not into a variable.
"""

import functools
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from forge import paths
from forge.change import approvals, asking, permit, running
from forge.change.model import Scope
from forge.change.proposal import Run
from forge.change.verdict import Verdict
from forge.errors import ForgeError
from forge.runs import access, delivery
from forge.runs.recorder import commit

CHECKOUT = Path(__file__).resolve().parents[2]
MODULE = "forge.platform.clawlaw_change"
LOG = "/var/lib/clawlaw/log"  # is there once a gate has run
APPROVAL = "FORGE_APPROVAL"  # in the environment: the file that a steward signed


class ActionModule(ActionBase):
    """What Ansible loads."""

    _VALID_ARGS = frozenset[str]()

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Have the plan of this run judged, once a process."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        known = permit.granted()
        if known is not None:
            return result | {"plan": known.plan, "verdict": "allow", "again": True}
        try:
            return result | self._judge(self._variables)
        except ForgeError as error:
            told = {"verdict": "refused", "exit_status": error.status}
            return result | told | {"failed": True, "msg": str(error)}

    def _judge(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        given = context.CLIARGS
        running.refuse_names(load_extra_vars(self._loader))
        scope = _scope(given, variables)
        job = running.Job.prepare(
            CHECKOUT, variables["hostvars"], variables["groups"], scope,
            [str(word) for word in given.get("extra_vars") or ()],
        )  # fmt: skip
        commit = _commit()
        run = job.asked(commit, _now())
        if given.get("check"):
            return running.told(job.plan, job.preview(_now(), run))
        host = asking.host_to_ask(job.plan)
        here = self._task.delegate_to or variables["inventory_hostname"]
        if host and host != here:
            raise permit.RefusedError(f"the gate is on {host}, {here} would be asked")
        ask = functools.partial(self._ask, job) if host else None
        # A repair waits for no window: a steward signs it.
        repair = _repair(job, Run(commit=commit))
        verdict = asking.judged(job.plan, ask, now=_now(), run=run, repair=repair)
        told = running.told(job.plan, verdict)
        own: tuple[dict[str, Any], ...] = ()
        if verdict.verdict == "allow":
            announced = job.announce(permit.run_name())
            told |= msgspec.structs.asdict(announced)
            own = (announced.record(job.store.folder.name),)
        if verdict.path == "gate":
            told["delivered"] = self._deliver(verdict, own)
        if verdict.verdict == "allow":
            job.begin()
            told |= self._way_in(verdict, variables)
        folder = job.store.folder
        return told | {"folder": str(folder), "platform": folder.name}

    def _ask(self, job: running.Job, proposal: Mapping[str, Any]) -> asking.Heard:
        """Put the proposal to the gate; without an answer, see if there is a gate.

        A record of what is applied that is not the one in the gate's log ends the run:
        a plan that was compared with it would be judged on false ground.
        """
        try:
            found = self._module(
                proposal=dict(proposal), platform=job.store.folder.name,
                holds=job.holds(),
            )  # fmt: skip
            if found.get("applied"):
                job.refuse_another(found["applied"])
            if not found.get("failed"):
                return asking.Heard(answer=found)
            looked = self._module(state="looked", installed_at=[LOG])
        except AnsibleError as error:  # no connection to the host
            return asking.Heard(why=str(error))
        absent = looked.get("installed") is False
        return asking.Heard(
            is_absent=absent,
            is_refusal=bool(found.get("refused")),
            why=str(found.get("msg", "no answer")),
        )

    def _way_in(self, verdict: Verdict, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Have a key of this run signed for the hosts that believe the gate.

        Without a certificate the run goes on with the key that the inventory names.
        """
        hostvars = variables["hostvars"]
        hosts = access.believing(hostvars, variables["groups"]["all"])
        if verdict.path != "gate" or not hosts:
            return {}
        run = permit.run_name()
        folder, line = access.begin(paths.state(), run)
        try:
            found = self._module(
                state="certified", permit=verdict.permit, plan=verdict.plan,
                run=run, key=line,
            )  # fmt: skip
        except AnsibleError as error:  # the connection to the gate's host broke
            found = {"failed": True, "msg": str(error)}
        if found.get("failed"):
            access.end(folder)
            return {"way_in": {"problem": f"no certificate: {found.get('msg')}"}}
        access.keep(folder, found["certificate"])
        ways = {
            host: access.options(folder, hostvars[host].get(access.ARGUMENTS) or "")
            for host in found["hosts"]
            if host in hosts
        }
        kept = {name: found[name] for name in ("serial", "hosts", "ends")}
        return {"way_in": {**kept, "folder": str(folder), "ways": ways}}

    def _deliver(
        self, verdict: Verdict, own: Sequence[dict[str, Any]] = ()
    ) -> list[str]:
        """Deliver what earlier runs recorded; no run goes on without.

        Args:
            verdict: Of the gate.
            own: What this run has recorded with it.
        """
        try:
            return delivery.deliver(paths.state(), permit.run_name(), self._send, own)
        except permit.RefusedError:
            if verdict.verdict == "allow":
                raise
            return []  # the verdict ends this run, and says why

    def _send(self, sent: Sequence[delivery.Delivery]) -> None:
        """Put records of runs into the gate's log, with what became of its decisions.

        One connection for all of them: each costs as much as the whole plan.
        """
        runs = [
            {
                "run": each.run,
                "records": list(each.records),
                **(each.outcome._asdict() if each.outcome else {}),
            }
            for each in sent
        ]
        found = self._module(state="recorded", runs=runs)
        if found.get("failed"):
            raise permit.RefusedError(
                "the gate's log did not take what is recorded of"
                f" {', '.join(each.run for each in sent)}: {found.get('msg')}",
                remedy="see what the gate says (journalctl -u clawlaw on its host)",
            )

    def _module(self, **arguments: object) -> dict[str, Any]:
        found: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=arguments, task_vars=self._variables
        )
        return found


def _repair(job: running.Job, run: Run) -> asking.Repair | None:
    """Return what judges a plan by the file that a steward signed, if one is named."""
    named = os.environ.get(APPROVAL)
    if not named:
        return None

    def judge() -> Verdict:
        file = approvals.load(Path(named))
        return approvals.repair(job.plan, file, job.store.folder, now=_now(), run=run)

    return judge


def _scope(given: Mapping[str, Any], variables: Mapping[str, Any]) -> Scope:
    limit = str(given.get("subset") or "")
    hosts = sorted(map(str, variables["ansible_play_hosts_all"])) if limit else []
    tags = sorted(map(str, given.get("tags") or ()))
    return Scope(
        limit=limit,
        hosts=tuple(hosts),
        tags=() if tags == ["all"] else tuple(tags),
        skip_tags=tuple(sorted(map(str, given.get("skip_tags") or ()))),
        start_at=str(given.get("start_at_task") or ""),
    )


def _commit() -> str:
    found = commit(CHECKOUT)
    return f"{found['commit']}{'-dirty' if found['modified'] else ''}"


def _now() -> int:
    return time.time_ns() // 1_000_000
