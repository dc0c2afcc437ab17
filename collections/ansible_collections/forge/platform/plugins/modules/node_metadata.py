#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.node_metadata``: reads, plans purely, patches once."""

DOCUMENTATION = r"""
module: node_metadata
short_description: Reconcile labels and taints of a Kubernetes node
version_added: "0.1.0"
author: The Forge contributors
description:
  - Sets declared labels and taints of a registered node through the Kubernetes API,
    and removes those that were declared before and are no longer.
  - What was set here is remembered in the annotation C(forge.dev/managed-metadata) of
    the node. Labels and taints of others, such as those of kubelets, operators and
    administrators, are never changed.
  - Run it with C(delegate_to=localhost), or wherever a kubeconfig leads to the API.
requirements:
  - Python package C(kubernetes) for the interpreter that runs the module
options:
  name:
    description: Name of the node.
    type: str
    required: true
  labels:
    description:
      - All labels that the node should have from here.
      - C(node-role.kubernetes.io/*) may be set; a kubelet cannot do that itself.
    type: dict
    default: {}
  taints:
    description: All taints that the node should have from here.
    type: list
    elements: dict
    default: []
    suboptions:
      key:
        description: Key, with its prefix.
        type: str
        required: true
      value:
        description: Value, if it has one.
        type: str
        default: ""
      effect:
        description: What it does to Pods that do not tolerate it.
        type: str
        required: true
        choices: [NoSchedule, PreferNoSchedule, NoExecute]
  managed_prefixes:
    description:
      - Labels and taints with one of these prefixes are all declared here. One that is
        not declared is removed, whoever set it.
      - So a label given at registration is removed even if this module never set it.
    type: list
    elements: str
    default: [forge.dev/]
  kubeconfig:
    description: Kubeconfig with a credential that may read and patch nodes.
    type: path
    required: true
  context:
    description: Context of the kubeconfig; its current context if left out.
    type: str
  timeout:
    description: Seconds for each request.
    type: int
    default: 15
attributes:
  check_mode:
    description:
      - Says what would change. A node or a kubeconfig that does not exist counts as
        a node without labels and taints, so a cluster can be checked before it is made.
    support: full
  diff_mode:
    description: Shows labels and taints before and after.
    support: full
notes:
  - The change is made only to the version of the node that was read, and tried again if
    something else changed the node meanwhile.
"""

EXAMPLES = r"""
- name: Reconcile the labels and taints of every node
  forge.platform.node_metadata:
    name: worker-05
    labels:
      forge.dev/role: observability
    taints:
      - {key: forge.dev/dedicated, value: observability, effect: NoSchedule}
    kubeconfig: ~/.kube/forge
    context: forge
  delegate_to: localhost
"""

RETURN = r"""
before:
  description: Labels and taints that the node had.
  returned: success
  type: dict
  sample: {labels: {forge.dev/role: storage}, taints: []}
after:
  description: Labels and taints that it has, or in check mode would have.
  returned: success
  type: dict
  sample: {labels: {forge.dev/role: registry}, taints: []}
attempts:
  description: Attempts; more than 1 if something else changed the node meanwhile.
  returned: success
  type: int
  sample: 1
"""

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.forge.platform.plugins.module_utils import (
    node_metadata as rules,
)

try:
    from kubernetes import client, config
    from kubernetes.config import ConfigException
    from urllib3.exceptions import HTTPError
except ImportError:
    KUBERNETES_PROBLEM = traceback.format_exc()
else:
    KUBERNETES_PROBLEM = None

CONFLICT = 409
MISSING = 404
OK = 200
ATTEMPTS = 5


class ClusterError(Exception):
    """The API did not do what was asked; the message has node and remedy."""


class Nodes:
    """The part of the Kubernetes API that is needed."""

    def __init__(self, kubeconfig: str, context: str | None, timeout: int) -> None:
        """Take the connection from a kubeconfig.

        Raises:
            ClusterError: The file or its context is unusable.
        """
        try:
            connection = config.new_client_from_config(kubeconfig, context)
        except (ConfigException, OSError) as error:
            raise ClusterError(
                f"kubeconfig {kubeconfig}, context {context or 'current'}: {error}; "
                "fetch it again (playbooks/tier1_cluster.yml)"
            ) from error
        self.api = client.CoreV1Api(connection)
        self.timeout = timeout

    def read(self, name: str) -> dict[str, Any] | None:
        """Return a Node object, or None if there is none of that name."""
        status, body = self._call(name, self.api.read_node, name)
        if status == MISSING:
            return None
        return self._accepted(name, "read", status, body)

    def patch(self, name: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Return the patched Node, or None if it was changed meanwhile."""
        status, answer = self._call(
            name,
            self.api.patch_node,
            name,
            body,
            field_manager="forge-node-metadata",
            _content_type="application/merge-patch+json",
        )
        if status == CONFLICT:
            return None
        return self._accepted(name, "changed", status, answer)

    def _call(
        self,
        name: str,
        method: Callable[..., Any],
        *args: object,
        **kwargs: object,
    ) -> tuple[int, dict[str, Any]]:
        try:
            answer = method(
                *args,
                # The answer as it came: models would drop fields they do not know.
                _preload_content=False,
                _request_timeout=self.timeout,
                **kwargs,
            )
            return answer.status, json.loads(answer.data)
        except client.ApiException as error:
            return error.status, {"reason": error.reason, "message": error.body}
        except (HTTPError, OSError, ValueError) as error:
            host = self.api.api_client.configuration.host
            raise ClusterError(
                f"node {name}: no answer from the API at {host}: {error}; see that K3s "
                "runs on the server and that the firewall lets the controller through"
            ) from error

    @staticmethod
    def _accepted(
        name: str, done: str, status: int, body: dict[str, Any]
    ) -> dict[str, Any]:
        if status == OK:
            return body
        raise ClusterError(
            f"node {name} could not be {done}: HTTP {status}, "
            f"{body.get('reason')}: {body.get('message')}; see that the kubeconfig "
            "belongs to an administrator and that no admission policy refuses it"
        )


def main() -> None:
    """Reconcile one node."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "labels": {"type": "dict", "default": {}},
            "taints": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "key": {"type": "str", "required": True},
                    "value": {"type": "str", "default": ""},
                    "effect": {
                        "type": "str",
                        "required": True,
                        "choices": list(rules.EFFECTS),
                    },
                },
            },
            "managed_prefixes": {
                "type": "list",
                "elements": "str",
                "default": ["forge.dev/"],
            },
            "kubeconfig": {"type": "path", "required": True},
            "context": {"type": "str"},
            "timeout": {"type": "int", "default": 15},
        },
        supports_check_mode=True,
    )
    if KUBERNETES_PROBLEM is not None:
        module.fail_json(
            msg=missing_required_lib("kubernetes"), exception=KUBERNETES_PROBLEM
        )
    try:
        result = reconcile(module.params, check=module.check_mode)
    except rules.MetadataError as error:
        module.fail_json(msg=f"node {module.params['name']}: {error}")
    except ClusterError as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)


def reconcile(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Return the module's answer after the node was brought to its plan.

    Args:
        params: The module's parameters.
        check: Change nothing.

    Raises:
        MetadataError: What is declared or found is invalid.
        ClusterError: The cluster could not be asked, or refused.
    """
    wanted = params["labels"], params["taints"], params["managed_prefixes"]
    rules.check(*wanted)
    if check and not Path(params["kubeconfig"]).exists():
        return imagined(params["name"], f"no kubeconfig {params['kubeconfig']}", wanted)
    nodes = Nodes(params["kubeconfig"], params["context"], params["timeout"])
    name = params["name"]
    for attempt in range(1, ATTEMPTS + 1):
        node = nodes.read(name)
        if node is None and check:
            return imagined(name, "no such node", wanted)
        if node is None:
            raise ClusterError(
                f"node {name} is not registered in the cluster; see that K3s runs "
                "there under that node name (journalctl -u k3s-agent)"
            )
        now = rules.read(node)
        then = rules.plan(now, *wanted)
        body = rules.patch(now, then, node["metadata"]["resourceVersion"])
        if not body or check or nodes.patch(name, body) is not None:
            return answer(now, then, is_changed=bool(body), attempts=attempt)
    raise ClusterError(
        f"node {name} was changed by something else during each of {ATTEMPTS} "
        "attempts; find what changes its labels or taints all the time (kubectl get "
        f"node {name} -o yaml --show-managed-fields) and run again"
    )


def imagined(name: str, why: str, wanted: tuple[Any, Any, Any]) -> dict[str, Any]:
    """Return check mode's answer for a node that does not exist yet."""
    now = rules.State()
    result = answer(now, rules.plan(now, *wanted), is_changed=True, attempts=0)
    return {**result, "warnings": [f"node {name}: {why}; taken as a new node"]}


def answer(
    now: rules.State, then: rules.State, *, is_changed: bool, attempts: int
) -> dict[str, Any]:
    """Return what the module says."""
    before, after = now.shown(), then.shown()
    return {
        "changed": is_changed,
        "before": before,
        "after": after,
        "attempts": attempts,
        "diff": {"before": before, "after": after},
    }


if __name__ == "__main__":
    main()
