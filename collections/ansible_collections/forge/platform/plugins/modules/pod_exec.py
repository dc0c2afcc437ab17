#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.pod_exec``."""

DOCUMENTATION = r"""
module: pod_exec
short_description: Run one command in several Pods at once
version_added: "0.1.0"
author: The Forge contributors
description:
  - Runs a command in the first container of each Pod, all at the same time, and returns
    what each printed. A Pod that cannot be asked does not keep the others from it.
  - It says V(changed) as C(reads_only) says, since it cannot know what a command does.
requirements:
  - Python package C(kubernetes) for the interpreter that runs the module
options:
  kubeconfig:
    description: Kubeconfig of someone who may create C(pods/exec).
    type: path
    required: true
  namespace:
    description: Namespace of the Pods.
    type: str
    required: true
  pods:
    description: Their names.
    type: list
    elements: str
    required: true
  command:
    description: The program and its arguments; no shell is put around it.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds for each Pod.
    type: int
    default: 30
  reads_only:
    description: The command changes nothing, so it runs in check mode as well.
    type: bool
    default: false
attributes:
  check_mode:
    description: Runs nothing, unless the command only reads.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Ask each Pod for its name
  forge.platform.pod_exec:
    kubeconfig: "{{ k3s_kubeconfig_path }}"
    namespace: forge-verify
    pods: [forge-probe-plain-abcde, forge-probe-plain-fghij]
    command: [hostname]
    reads_only: true
"""

RETURN = r"""
outputs:
  description: Pod name to its standard output; a Pod that failed is missing.
  returned: success
  type: dict
  sample: {forge-probe-plain-abcde: forge-probe-plain-abcde}
errors:
  description: Pod name to why there is no output.
  returned: success
  type: dict
  sample: {}
"""

import traceback
from threading import Thread
from time import monotonic

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from kubernetes import client, config
    from kubernetes.stream import stream
except ImportError:
    IMPORT_ERROR: str | None = traceback.format_exc()
else:
    IMPORT_ERROR = None


GRACE = 3  # seconds for the end of a session that took too long


def ask(
    api: "client.CoreV1Api", namespace: str, pod: str, command: list[str], seconds: int
) -> tuple[str | None, str]:
    """Return a Pod's output, or ``None`` and the reason."""
    try:
        session = stream(
            api.connect_get_namespaced_pod_exec, pod, namespace, command=command,
            stdin=False, stdout=True, stderr=True, tty=False, _preload_content=False,
        )  # fmt: skip
        session.run_forever(timeout=seconds)
        if session.is_open():
            session.close()
            return None, f"no end in {seconds} s"
        if session.returncode != 0:
            return None, f"status {session.returncode}: {session.read_stderr()}"
        return session.read_stdout(), ""
    except (client.ApiException, OSError) as error:
        return None, str(error)


def ask_all(
    kubeconfig: str, namespace: str, pods: list[str], command: list[str], seconds: int
) -> dict[str, tuple[str | None, str]]:
    """Ask all Pods at once; returns for each what ``ask`` returns."""
    found: dict[str, tuple[str | None, str]] = {}

    def one(api: "client.CoreV1Api", pod: str) -> None:
        found[pod] = ask(api, namespace, pod, command, seconds)

    # Each call has a client of its own: `stream` replaces its way of requesting. They
    # are made one by one: the library names the file of the CA before it is written,
    # and a second thread would read it empty.
    apis = [client.CoreV1Api(config.new_client_from_config(kubeconfig)) for _ in pods]
    # Until a session begins the client has no limit of time: a thread that hangs there
    # is left behind, and ends with this process.
    threads = [
        Thread(target=one, args=(api, pod), daemon=True)
        for api, pod in zip(apis, pods, strict=True)
    ]
    for thread in threads:
        thread.start()
    deadline = monotonic() + seconds + GRACE
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
    return {pod: found.get(pod, (None, f"no session in {seconds} s")) for pod in pods}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "namespace": {"type": "str", "required": True},
            "pods": {"type": "list", "elements": "str", "required": True},
            "command": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "int", "default": 30},
            "reads_only": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=IMPORT_ERROR)
    given = module.params
    if module.check_mode and not given["reads_only"]:
        module.exit_json(changed=True, outputs={}, errors={})
    found = ask_all(
        given["kubeconfig"],
        given["namespace"],
        given["pods"],
        given["command"],
        given["timeout"],
    )
    module.exit_json(
        changed=not given["reads_only"],
        outputs={pod: out for pod, (out, _) in found.items() if out is not None},
        errors={pod: why for pod, (out, why) in found.items() if out is None},
    )


if __name__ == "__main__":
    main()
