#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.k3s_image``."""

DOCUMENTATION = r"""
module: k3s_image
short_description: Have an image in the containerd of a running K3s
version_added: "0.1.0"
author: The Forge contributors
description:
  - Imports an archive of K3s's images folder, as K3s itself does when it starts, so
    that a node need not restart. An image of the same name with another digest is
    replaced.
options:
  reference:
    description: The image's whole name, as manifests have it.
    type: str
    required: true
  digest:
    description: Digest of its manifest, C(sha256:) and hex.
    type: str
    required: true
  archive:
    description: The file on this node.
    type: path
    required: true
  program:
    description: The K3s program.
    type: path
    default: /usr/local/bin/k3s
attributes:
  check_mode:
    description: Looks, and says what it would import.
    support: full
  diff_mode:
    description: Shows the digests.
    support: full
"""

EXAMPLES = r"""
- name: Have the registry's image
  forge.platform.k3s_image:
    reference: forge.local/registry:v3.1.2
    digest: sha256:4e8d4b558d2f110ac15c714450523e5a4017ef5823a1303d97d9500ae8240164
    archive: /var/lib/rancher/k3s/agent/images/forge-local-registry.tar
"""

RETURN = r"""
digest:
  description: The digest that the image had before, empty if it was not there.
  returned: success
  type: str
  sample: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import k3s_images


def main() -> None:
    """Look, import, pin, look again."""
    module = AnsibleModule(
        argument_spec={
            "reference": {"type": "str", "required": True},
            "digest": {"type": "str", "required": True},
            "archive": {"type": "path", "required": True},
            "program": {"type": "path", "default": "/usr/local/bin/k3s"},
        },
        supports_check_mode=True,
    )
    reference, digest = module.params["reference"], module.params["digest"]
    before = look(module)
    result = {
        "changed": before != digest,
        "digest": before,
        "diff": {"before": f"{before}\n", "after": f"{digest}\n"},
    }
    if result["changed"] and not module.check_mode:
        program, archive = module.params["program"], module.params["archive"]
        said(module, k3s_images.import_command(program, archive))
        said(module, k3s_images.pin_command(program, reference))
        after = look(module)
        if after != digest:
            module.fail_json(
                msg=f"{archive} brought {reference} {after or 'not at all'}, expected "
                f"{digest}; build the image again and copy its archive anew",
                **{**result, "changed": True},
            )
    module.exit_json(**result)


def look(module: AnsibleModule) -> str:
    """Return the image's digest on this node, or nothing."""
    reference = module.params["reference"]
    command = k3s_images.list_command(module.params["program"], reference)
    if module.check_mode:
        # Before K3s is installed, nothing is there.
        status, output, _ = module.run_command(command)
        return k3s_images.digest_of(output, reference) if status == 0 else ""
    return k3s_images.digest_of(said(module, command), reference)


def said(module: AnsibleModule, command: list[str]) -> str:
    """Run a command that has to succeed; return its output."""
    status, output, errors = module.run_command(command)
    if status != 0:
        module.fail_json(
            msg=f"`{' '.join(command)}` ended with {status}: {errors.strip()[-400:]}; "
            "see that K3s runs on this node and that its disk has room",
        )
    return str(output)


if __name__ == "__main__":
    main()
