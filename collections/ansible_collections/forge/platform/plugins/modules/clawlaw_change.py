#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.clawlaw_change``."""

DOCUMENTATION = r"""
module: clawlaw_change
short_description: Ask the ClawLaw gate of this host about a change, and tell it the end
version_added: "0.1.0"
author: The Forge contributors
description:
  - Runs on the host of the gate and speaks to its Unix socket as an account of its own,
    by which the gate knows who asks. Nobody else on the host has that account.
  - A gate that cannot be reached, or answers what is no answer, fails the task. There
    is no option that makes an answer up.
options:
  state:
    description:
      - V(looked) says whether a gate is installed here, and asks it nothing.
      - V(proposed) proposes a plan and returns the verdict. An escalation is no
        failure; the caller reads RV(verdict).
      - V(reported) tells what became of an allowed plan.
      - V(recorded) puts evidence of a run into the gate's log.
      - V(certified) has the gate sign an SSH certificate for a run that was allowed,
        and uses up O(permit).
    type: str
    choices: [looked, proposed, reported, recorded, certified]
    default: proposed
  socket:
    description: The socket of the gate.
    type: path
    default: /run/clawlaw/executor.sock
  account:
    description: The account that asks; enrolled at the gate. Not needed to look.
    type: str
    default: forge-controller
  proposal:
    description: As the filter P(forge_proposal#filter) makes it; needed to propose.
    type: dict
  platform:
    description:
      - Whose applied state is compared with the gate's log before O(proposal) is
        proposed. Nothing is compared without it.
    type: str
  holds:
    description:
      - Digests of the records of the applied state, one of which the gate's log has to
        have as the newest of O(platform). If it has another one, nothing is proposed
        and RV(applied) says which. An empty list is compared with nothing.
    type: list
    elements: str
    default: []
  decision:
    description: RV(id) of the verdict that is reported on.
    type: str
  permit:
    description: RV(permit) that came with it.
    type: str
  result:
    description: What became of it.
    type: str
    choices: [done, failed, mismatch]
    default: done
  seconds:
    description: How long it took.
    type: int
    default: 0
  run:
    description: Id of the run that is certified.
    type: str
  plan:
    description: Digest of the plan that O(permit) was given for.
    type: str
  key:
    description: Public half of an Ed25519 key that the run made for itself.
    type: str
  runs:
    description: Evidence of runs, recorded in this order.
    type: list
    elements: dict
    suboptions:
      run:
        description: Id of the run.
        type: str
        required: true
      decision:
        description:
          - RV(id) of the verdict that allowed it; the gate hears its outcome first.
            One that the gate does not take any more is passed over, since the evidence
            says it as well.
        type: str
      result:
        description: What became of it.
        type: str
        choices: [done, failed, mismatch]
        default: done
      seconds:
        description: How long it took.
        type: int
        default: 0
      records:
        description: Its evidence.
        type: list
        elements: dict
        required: true
        suboptions:
          kind:
            description: What it is, V(run), V(verdict), V(applied), V(state).
            type: str
            required: true
          digest:
            description: Of the record.
            type: str
            required: true
          record:
            description: The record itself; of a large one its digest alone is enough.
            type: raw
  timeout:
    description: Seconds for one answer; no answer is a denial.
    type: float
    default: 10
  installed_at:
    description: What exists where a gate was ever installed; any one of them is enough.
    type: list
    elements: path
    default: [/etc/clawlaw/gate.yaml, /opt/clawlaw, /var/lib/clawlaw/log]
attributes:
  check_mode:
    description:
      - Only O(state=looked) does anything; a question would be recorded, and an
        approval used up.
    support: partial
  diff_mode:
    description: There is nothing to show.
    support: none
notes:
  - Never reports a change, since nothing of the host changes but the gate's log.
"""

EXAMPLES = r"""
- name: See whether there is a gate to ask
  forge.platform.clawlaw_change:
    state: looked
  register: __example_gate

- name: Propose the plan
  forge.platform.clawlaw_change:
    proposal: "{{ __example_plan | forge_proposal }}"
  register: __example_answer
  become: true

- name: Have the key of this run signed
  forge.platform.clawlaw_change:
    state: certified
    permit: "{{ __example_answer.permit }}"
    plan: "{{ __example_plan.digest }}"
    run: 20261123T101010Z-0a1b2c3d
    key: "{{ lookup('ansible.builtin.file', 'run.pub') }}"
  become: true

- name: Tell the gate how it ended
  forge.platform.clawlaw_change:
    state: reported
    decision: "{{ __example_answer.id }}"
    permit: "{{ __example_answer.permit }}"
    result: done
    seconds: 420
  become: true
"""

RETURN = r"""
installed:
  description: Whether a gate was ever installed here, running or not.
  returned: when O(state=looked)
  type: bool
verdict:
  description: V(allow), V(escalate) or V(deny).
  returned: when O(state=proposed)
  type: str
id:
  description: Of the decision in the gate's log.
  returned: when O(state=proposed)
  type: str
session:
  description: In which it was asked; binds the answer to the plan.
  returned: when O(state=proposed)
  type: str
reason:
  description: Of the strictest finding.
  returned: when O(state=proposed)
  type: str
remedy:
  description: What would make it pass.
  returned: when O(state=proposed)
  type: str
findings:
  description: What each law said.
  returned: when O(state=proposed)
  type: list
  elements: dict
escalation:
  description: C(id), which C(clawlaw steward approve) takes, and C(deadline).
  returned: when a steward was asked
  type: dict
applied:
  description:
    - What this account said last of O(platform), RV(ignore:run) that said it, the
      digests of the record that it RV(ignore:begun) with and of the one that it has
      if it was RV(ignore:done) well, and the RV(ignore:entry) of the log.
  returned: when none of O(holds) is one of them; nothing was proposed then
  type: dict
observed:
  description: What the verdict would have been, of a gate that only observes.
  returned: when the gate observes
  type: str
permit:
  description: Single use; a secret.
  returned: when allowed
  type: str
refused:
  description: A gate answered, and did not take the question.
  returned: when it did not
  type: bool
certificate:
  description: One line of OpenSSH.
  returned: when O(state=certified)
  type: str
serial:
  description: Of the certificate, and index of its entry in the gate's log.
  returned: when O(state=certified)
  type: int
key_id:
  description: Run and plan, as sshd logs them at a login.
  returned: when O(state=certified)
  type: str
hosts:
  description: That accept it.
  returned: when O(state=certified)
  type: list
  elements: str
begins:
  description: Seconds since the epoch.
  returned: when O(state=certified)
  type: int
ends:
  description: Seconds since the epoch.
  returned: when O(state=certified)
  type: int
records:
  description: Ids in the gate's log, in the order given.
  returned: when O(state=recorded)
  type: list
  elements: str
"""

import contextlib
import http.client
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils.gate_socket import (
    Asker,
    NoAnswerError,
    RefusedError,
)

# Of an answer, what is passed on; more than these is no business of a play.
ANSWER = (
    "id", "verdict", "reason", "remedy", "findings", "escalation", "observed", "permit",
)  # fmt: skip
CERTIFICATE = ("certificate", "serial", "key_id", "hosts", "begins", "ends")
APPLIED = ("run", "begun", "done", "entry")
VERDICTS = ("allow", "escalate", "deny")
MICROSECONDS = 1_000_000


def propose(module: AnsibleModule) -> dict[str, Any]:
    """Propose a plan; the answer with the session that it was asked in."""
    proposal = {**module.params["proposal"], "mediated": True}
    answer = another_state(module)
    if "begun" in answer:
        return {"applied": answer}
    # A gate that may not even read its log to anybody has said so: that is its verdict.
    answer = answer or _ask(module, "/v1/proposals", proposal)
    if answer.get("verdict") not in VERDICTS:
        raise NoAnswerError(
            f"the gate said {answer.get('verdict')!r}, which is no verdict"
        )
    found = {name: answer[name] for name in ANSWER if name in answer}
    return {**found, "session": proposal.get("session", "")}


def another_state(module: AnsibleModule) -> dict[str, Any]:
    """Return what the log has as applied, if that is not what the caller holds.

    Or the denial of a gate that answers nothing now; empty if there is nothing to say.
    """
    platform, holds = module.params["platform"], module.params["holds"]
    if not platform or not holds:
        return {}
    try:
        said = _ask(module, "/v1/applied", {"platform": platform})
    except RefusedError as error:
        if error.status == http.client.NOT_FOUND:
            return {}  # a gate that does not know of it yet: nothing was ever said
        raise
    if said.get("verdict") == "deny":
        return said
    if said.get("platform") != platform:
        raise NoAnswerError(f"the gate does not say what is applied of {platform}")
    told = {name: str(said.get(name, "")) for name in APPLIED}
    known = told["begun"], told["done"]
    return {} if not any(known) or set(known) & set(holds) else told


def report(module: AnsibleModule) -> dict[str, Any]:
    """Tell what became of an allowed plan."""
    _report(module, module.params, module.params["permit"] or "")
    return {}


def _report(module: AnsibleModule, became: dict[str, Any], permit: str) -> None:
    said = {
        "id": became["decision"],
        "status": became["result"],
        "duration": became["seconds"] * MICROSECONDS,
        "permit": permit,
    }
    _ask(module, "/v1/outcomes", said)


def certify(module: AnsibleModule) -> dict[str, Any]:
    """Have the key of a run signed."""
    said = {name: module.params[name] for name in ("permit", "plan", "run", "key")}
    answer = _ask(module, "/v1/certificates", said)
    if "certificate" not in answer:
        raise RefusedError(f"no certificate: {answer.get('reason')}")
    return {name: answer[name] for name in CERTIFICATE}


def record(module: AnsibleModule) -> dict[str, Any]:
    """Put evidence of runs into the log, one entry a record."""
    found: list[str] = []
    for one in module.params["runs"]:
        if one["decision"]:
            # The gate heard so before, or closed the session after a day without a run.
            with contextlib.suppress(RefusedError):
                _report(module, one, "")
        found += [_recorded(module, one["run"], entry) for entry in one["records"]]
    return {"records": found}


def _recorded(module: AnsibleModule, run: str, entry: dict[str, Any]) -> str:
    proposal = {
        "session": f"run-{run}",
        "tool": "forge.record",
        "arguments": {"run": run, **_given(entry)},
        "cwd": "/",
        "mediated": True,
    }
    answer = _ask(module, "/v1/proposals", proposal)
    if answer.get("verdict") != "allow":
        raise RefusedError(f"{run}: {entry['kind']}: {answer.get('reason')}")
    return str(answer["id"])


def _given(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value is not None}


def _ask(module: AnsibleModule, where: str, said: dict[str, Any]) -> dict[str, Any]:
    params = module.params
    asker = Asker(params["socket"], params["account"], params["timeout"])
    return asker.ask(where, said)


def specification() -> dict[str, Any]:
    """Return the options."""
    entry = {
        "kind": {"type": "str", "required": True},
        "digest": {"type": "str", "required": True},
        "record": {"type": "raw"},
    }
    results = {"type": "str", "choices": ["done", "failed", "mismatch"]}
    one = {
        "run": {"type": "str", "required": True},
        "decision": {"type": "str"},
        "result": {**results, "default": "done"},
        "seconds": {"type": "int", "default": 0},
        "records": {
            "type": "list",
            "elements": "dict",
            "options": entry,
            "required": True,
        },
    }
    states = ["looked", "proposed", "reported", "recorded", "certified"]
    installed = ["/etc/clawlaw/gate.yaml", "/opt/clawlaw", "/var/lib/clawlaw/log"]
    return {
        "state": {"type": "str", "choices": states, "default": "proposed"},
        "socket": {"type": "path", "default": "/run/clawlaw/executor.sock"},
        "account": {"type": "str", "default": "forge-controller"},
        "proposal": {"type": "dict"},
        "platform": {"type": "str"},
        "holds": {"type": "list", "elements": "str", "default": []},
        "decision": {"type": "str"},
        "permit": {"type": "str", "no_log": True},
        "result": {**results, "default": "done"},
        "seconds": {"type": "int", "default": 0},
        "run": {"type": "str"},
        "plan": {"type": "str"},
        "key": {"type": "str", "no_log": False},
        "runs": {"type": "list", "elements": "dict", "options": one},
        "timeout": {"type": "float", "default": 10},
        "installed_at": {"type": "list", "elements": "path", "default": installed},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=specification(),
        required_if=[
            ("state", "proposed", ["proposal"]),
            ("state", "reported", ["decision"]),
            ("state", "recorded", ["runs"]),
            ("state", "certified", ["permit", "plan", "run", "key"]),
        ],
        supports_check_mode=True,
    )
    params = module.params
    if params["state"] == "looked":
        installed = any(os.path.lexists(path) for path in params["installed_at"])
        module.exit_json(changed=False, installed=installed)
    if module.check_mode:
        module.exit_json(changed=False, skipped=True, msg="check mode asks nobody")
    acts = {
        "proposed": propose,
        "reported": report,
        "recorded": record,
        "certified": certify,
    }
    try:
        found = acts[params["state"]](module)
    except NoAnswerError as error:
        module.fail_json(msg=f"nobody decided, which is a denial: {error}")
    except RefusedError as error:
        module.fail_json(msg=f"the gate refuses: {error}", refused=True)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
