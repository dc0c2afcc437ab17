#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.labelled_objects``."""

DOCUMENTATION = r"""
module: labelled_objects
short_description: Find the objects of several kinds that carry a label
version_added: "0.1.0"
author: The Forge contributors
description:
  - Lists, in all namespaces, the objects of the given kinds that a label selector
    matches, by one request a kind. A kind that the cluster does not serve has none.
  - It reads only, so it never says V(changed).
requirements:
  - Python package C(kubernetes) for the interpreter that runs the module
options:
  kubeconfig:
    description: Kubeconfig of someone who may list these kinds.
    type: path
    required: true
  selector:
    description: A label selector of Kubernetes.
    type: str
    required: true
  kinds:
    description: What to list.
    type: list
    elements: dict
    required: true
    suboptions:
      api:
        description: Group and version, as in C(apiVersion).
        type: str
        required: true
      kind:
        description: The kind, as in C(kind).
        type: str
        required: true
  timeout:
    description: Seconds for each request.
    type: int
    default: 30
attributes:
  check_mode:
    description: It reads only.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Find what an overlay applied
  forge.platform.labelled_objects:
    kubeconfig: "{{ k3s_kubeconfig_path }}"
    selector: forge.dev/overlay=testbed
    kinds:
      - {api: apps/v1, kind: Deployment}
      - {api: networking.k8s.io/v1, kind: NetworkPolicy}
"""

RETURN = r"""
resources:
  description: What was found, each with its apiVersion, kind, name and namespace.
  returned: success
  type: list
  elements: dict
  sample:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: registry, namespace: forge}
"""

import traceback
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from kubernetes import config
    from kubernetes.client import ApiException
    from kubernetes.dynamic import DynamicClient
    from kubernetes.dynamic.exceptions import ResourceNotFoundError
    from urllib3.exceptions import HTTPError
except ImportError:
    IMPORT_ERROR: str | None = traceback.format_exc()
else:
    IMPORT_ERROR = None


def connected(kubeconfig: str, folder: str) -> "DynamicClient":
    """A client that keeps what it learns of the API in a folder of its own.

    Raises:
        HTTPError: The API does not answer.
        OSError: The kubeconfig cannot be read.
    """
    api = config.new_client_from_config(kubeconfig)
    return DynamicClient(api, cache_file=str(Path(folder) / "kinds.json"))


def listed(
    api: "DynamicClient", kind: dict[str, Any], selector: str, seconds: int
) -> list[dict[str, Any]]:
    """The objects of one kind.

    Raises:
        ApiException: The API refused.
        HTTPError: The API does not answer.
    """
    try:
        resource = api.resources.get(api_version=kind["api"], kind=kind["kind"])
    except ResourceNotFoundError:
        return []
    said = resource.get(label_selector=selector, _request_timeout=seconds).to_dict()
    return [
        {
            "apiVersion": kind["api"],
            "kind": kind["kind"],
            "metadata": {
                name: item["metadata"][name]
                for name in ("name", "namespace")
                if name in item["metadata"]
            },
        }
        for item in said["items"]
    ]


def main() -> None:
    """Run the module."""
    kind = {
        "api": {"type": "str", "required": True},
        "kind": {"type": "str", "required": True},
    }
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "selector": {"type": "str", "required": True},
            "kinds": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": kind,
            },
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=IMPORT_ERROR)
    given = module.params
    found: list[dict[str, Any]] = []
    asked = ""
    try:
        api = connected(given["kubeconfig"], module.tmpdir)
        for one in given["kinds"]:
            asked = f"{one['api']} {one['kind']}"
            found += listed(api, one, given["selector"], given["timeout"])
    except ApiException as error:
        module.fail_json(msg=f"{asked}: {error.status} {error.reason}")
    except (HTTPError, OSError, config.ConfigException) as error:
        module.fail_json(msg=f"{given['kubeconfig']}: {asked}: {error}")
    module.exit_json(changed=False, resources=found)


if __name__ == "__main__":
    main()
