#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.object_store``."""

DOCUMENTATION = r"""
module: object_store
short_description: Have buckets and identities in an S3 store
version_added: "0.1.0"
author: The Forge contributors
description:
  - Makes buckets with Object Lock, versions and lifecycle, and on MinIO an identity for
    each writer, with a policy that names its buckets.
  - Everything is read and compared before the first change. What cannot be made as it
    is declared is refused then, and nothing is changed.
  - Nothing is ever deleted, and no retention made shorter.
requirements:
  - Python packages C(boto3), C(cryptography) and C(requests)
options:
  engine:
    description: The server. SeaweedFS has its identities from a file, not from here.
    type: str
    choices: [minio, seaweedfs]
    default: minio
  endpoint:
    description: Where it answers, such as V(https://10.20.0.24:9000).
    type: str
    required: true
  access_key:
    description: Name of the server's root identity.
    type: str
    required: true
  secret_key:
    description: Its secret.
    type: str
    required: true
  ca_path:
    description: File of certificates that sign the server's, instead of the system's.
    type: path
  timeout:
    description: Seconds without an answer before the server counts as away.
    type: int
    default: 20
  buckets:
    description: What should be there. Others are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Of the bucket.
        type: str
        required: true
      locked:
        description: Made with Object Lock, which none gets later.
        type: bool
        default: false
      retain_days:
        description: Every put is locked for so long, in compliance mode.
        type: int
        default: 0
      versioned:
        description: Every put is a version of its own.
        type: bool
        default: true
      expire_days:
        description: Objects are deleted after so many days; V(0) is never.
        type: int
        default: 0
      expire_old_days:
        description: Replaced versions are deleted after so many days; V(0) is never.
        type: int
        default: 0
  identities:
    description: Who may ask the store, beside root.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its access key.
        type: str
        required: true
      secret_key:
        description: Its secret.
        type: str
        required: true
      reads:
        description: Buckets that it reads.
        type: list
        elements: str
        default: []
      writes:
        description: Buckets that it reads and writes.
        type: list
        elements: str
        default: []
attributes:
  check_mode:
    description: Reads the server, and changes nothing.
    support: full
  diff_mode:
    description: Shows buckets, policies, and whose secret is another; no secret.
    support: full
"""

EXAMPLES = r"""
- name: Have the bucket of evidence, and its one writer
  forge.platform.object_store:
    endpoint: https://10.20.0.24:9000
    access_key: forge-root
    secret_key: "{{ minio_root_secret }}"
    ca_path: /etc/forge/object-store.pem
    buckets:
      - {name: evidence, locked: true, retain_days: 30}
    identities:
      - {name: evidence, secret_key: "{{ evidence_secret }}", writes: [evidence]}
"""

RETURN = r"""
done:
  description: What was changed, or would be.
  returned: success
  type: list
  elements: str
  sample: [bucket evidence, user evidence]
strangers:
  description: Users of the server that are not declared. Of SeaweedFS not known.
  returned: success
  type: list
  elements: str
  sample: []
"""

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.forge.platform.plugins.module_utils import object_store_plan
from ansible_collections.forge.platform.plugins.module_utils.object_store_plan import (
    Bucket,
    ObjectStoreError,
)

if TYPE_CHECKING:
    from botocore.client import BaseClient

try:
    from ansible_collections.forge.platform.plugins.module_utils import (
        object_store_buckets,
        object_store_users,
        s3_client,
    )
except ImportError:
    IMPORT_PROBLEM: str | None = traceback.format_exc()
else:
    IMPORT_PROBLEM = None

TEXT = {"type": "str", "required": True}
DAYS = {"type": "int", "default": 0}
NAMES = {"type": "list", "elements": "str", "default": []}
BUCKET = {
    "name": TEXT,
    "locked": {"type": "bool", "default": False},
    "retain_days": DAYS,
    "versioned": {"type": "bool", "default": True},
    "expire_days": DAYS,
    "expire_old_days": DAYS,
}
IDENTITY = {
    "name": TEXT,
    "secret_key": {**TEXT, "no_log": True},
    "reads": NAMES,
    "writes": NAMES,
}
SPEC: dict[str, dict[str, Any]] = {
    "engine": {"type": "str", "choices": ["minio", "seaweedfs"], "default": "minio"},
    "endpoint": TEXT,
    "access_key": {**TEXT, "no_log": False},
    "secret_key": {**TEXT, "no_log": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 20},
    "buckets": {"type": "list", "elements": "dict", "default": [], "options": BUCKET},
    "identities": {
        "type": "list", "elements": "dict", "default": [], "options": IDENTITY,
    },
}  # fmt: skip


def main() -> None:
    """Have the store as it is declared."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    if IMPORT_PROBLEM is not None:
        module.fail_json(
            msg=missing_required_lib("boto3, cryptography, requests"),
            exception=IMPORT_PROBLEM,
        )
    try:
        result = run(module.params, check=module.check_mode)
    except ObjectStoreError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def run(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Read, compare, and change what differs.

    Raises:
        ObjectStoreError: The store cannot be read, or not made as it is declared.
    """
    declared = {raw["name"]: object_store_plan.wanted(raw) for raw in params["buckets"]}
    unknown = {
        name
        for each in params["identities"]
        for name in (*each["reads"], *each["writes"])
    } - set(declared)
    if unknown:
        raise ObjectStoreError(
            f"identities name buckets that are not declared: {sorted(unknown)}"
        )
    client = s3_client.connect(params)
    there = s3_client.asking(
        params["endpoint"], lambda: object_store_buckets.read(client, list(declared))
    )
    found = object_store_plan.problems(declared, there)
    if found:
        raise ObjectStoreError("; ".join(found))
    locked = {name for name, bucket in declared.items() if bucket.locked}
    users = object_store_users.Users(params, locked)
    before = users.read()
    after = users.wanted()
    steps = _buckets(client, declared, there) + users.steps(before, after)
    done: list[str] = []
    if not check:
        _apply(params["endpoint"], steps, done)
    return {
        "changed": bool(steps),
        "done": [name for name, _ in steps],
        "strangers": users.strangers(),
        "diff": {
            "before": {
                "buckets": object_store_plan.shown(there),
                "identities": before,
            },
            "after": {
                "buckets": object_store_plan.shown(declared),
                "identities": after,
            },
        },
    }


def _buckets(
    client: "BaseClient", declared: dict[str, Bucket], there: dict[str, Bucket | None]
) -> list[tuple[str, Callable[[], None]]]:
    """The steps that make buckets what they should be."""

    def step(name: str) -> Callable[[], None]:
        return lambda: object_store_buckets.apply(
            client, name, there[name], declared[name]
        )

    return [
        (f"bucket {name}", step(name))
        for name, bucket in declared.items()
        if there[name] != bucket
    ]


def _apply(
    endpoint: str, steps: list[tuple[str, Callable[[], None]]], done: list[str]
) -> None:
    for name, act in steps:
        already = f" after {', '.join(done)}" if done else ""
        s3_client.asking(endpoint, act, f"{name}{already}")
        done.append(name)


if __name__ == "__main__":
    main()
