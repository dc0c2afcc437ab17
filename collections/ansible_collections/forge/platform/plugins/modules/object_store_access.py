#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.object_store_access``."""

DOCUMENTATION = r"""
module: object_store_access
short_description: Show who can read and write which bucket of an S3 store
version_added: "0.1.0"
author: The Forge contributors
description:
  - Asks the store as each identity for each bucket, and fails where someone can more or
    less than is declared.
  - Writing is tried by beginning an upload in parts and ending it at once, which leaves
    nothing in the bucket, locked or not.
requirements:
  - Python packages C(boto3), C(cryptography) and C(requests)
options:
  endpoint:
    description: Where the store answers.
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
    description: Names of all buckets to try.
    type: list
    elements: str
    required: true
  identities:
    description: Who tries, and what should succeed.
    type: list
    elements: dict
    required: true
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
    description: Asks the same, since nothing stays of it.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Show that only the writer of evidence writes evidence
  forge.platform.object_store_access:
    endpoint: https://10.20.0.24:9000
    ca_path: /etc/forge/object-store.pem
    buckets: [evidence, velero]
    identities:
      - {name: evidence, secret_key: "{{ evidence_secret }}", writes: [evidence]}
      - {name: velero, secret_key: "{{ velero_secret }}", writes: [velero]}
"""

RETURN = r"""
access:
  description: By identity and bucket, C(rw), C(r) or C(-).
  returned: success
  type: dict
  sample: {evidence: {evidence: rw, velero: "-"}}
"""

import traceback
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.forge.platform.plugins.module_utils.object_store_plan import (
    ObjectStoreError,
)

if TYPE_CHECKING:
    from botocore.client import BaseClient

try:
    from ansible_collections.forge.platform.plugins.module_utils import s3_client
    from botocore.exceptions import ClientError
except ImportError:
    IMPORT_PROBLEM: str | None = traceback.format_exc()
else:
    IMPORT_PROBLEM = None

KEY = "forge-access-trial"
NAMES = {"type": "list", "elements": "str", "default": []}
TEXT = {"type": "str", "required": True}
FORBIDDEN = 403


def main() -> None:
    """Ask as everyone for everything."""
    identity = {
        "name": TEXT,
        "secret_key": {**TEXT, "no_log": True},
        "reads": NAMES,
        "writes": NAMES,
    }
    module = AnsibleModule(
        argument_spec={
            "endpoint": TEXT,
            "ca_path": {"type": "path"},
            "timeout": {"type": "int", "default": 20},
            "buckets": {"type": "list", "elements": "str", "required": True},
            "identities": {
                "type": "list", "elements": "dict", "required": True,
                "options": identity,
            },
        },
        supports_check_mode=True,
    )  # fmt: skip
    if IMPORT_PROBLEM is not None:
        module.fail_json(
            msg=missing_required_lib("boto3, cryptography, requests"),
            exception=IMPORT_PROBLEM,
        )
    try:
        found = {each["name"]: tried(module.params, each) for each in
                 module.params["identities"]}  # fmt: skip
    except ObjectStoreError as error:
        module.fail_json(msg=str(error))
    wrong = [
        f"{each['name']} has {found[each['name']][bucket]} on {bucket}, declared is"
        f" {declared(each, bucket)}"
        for each in module.params["identities"]
        for bucket in module.params["buckets"]
        if found[each["name"]][bucket] != declared(each, bucket)
    ]
    if wrong:
        module.fail_json(
            msg=f"object store {module.params['endpoint']}: {'; '.join(wrong)}",
            access=found,
        )
    module.exit_json(changed=False, access=found)


def declared(identity: dict[str, Any], bucket: str) -> str:
    """Return what an identity should be able to do with a bucket."""
    if bucket in identity["writes"]:
        return "rw"
    return "r" if bucket in identity["reads"] else "-"


def tried(params: dict[str, Any], identity: dict[str, Any]) -> dict[str, str]:
    """Return what an identity can do with each bucket.

    Raises:
        ObjectStoreError: The store does not answer, or does not know the identity.
    """
    client = s3_client.connect(params, identity["name"], identity["secret_key"])
    doing = f"as {identity['name']}"

    def ask() -> dict[str, str]:
        return {
            name: (_may(client, "read", name) + _may(client, "write", name)) or "-"
            for name in params["buckets"]
        }

    try:
        return s3_client.asking(params["endpoint"], ask, doing)
    finally:
        client.close()


def _may(client: "BaseClient", what: str, bucket: str) -> str:
    """Return "r" or "w" where it may, else nothing."""
    try:
        if what == "read":
            client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        else:
            begun = client.create_multipart_upload(Bucket=bucket, Key=KEY)
            client.abort_multipart_upload(
                Bucket=bucket, Key=KEY, UploadId=begun["UploadId"]
            )
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == FORBIDDEN and s3_client.code(error) == "AccessDenied":
            return ""
        raise
    return what[0]


if __name__ == "__main__":
    main()
