# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of Harbor's modules shares."""


class ModuleDocFragment:
    """Found by Ansible under this name."""

    DOCUMENTATION = r"""
requirements:
  - Python package C(requests)
notes:
  - Tested against a double of Harbor's documented API v2, and not yet against a
    real Harbor.
options:
  endpoint:
    description: Where Harbor answers, such as V(https://harbor.forge.internal).
    type: str
    required: true
  username:
    description: Of a system administrator, or of a robot that may do this.
    type: str
    required: true
  password:
    description: Its password or secret.
    type: str
    required: true
  ca_path:
    description: File of certificates that sign Harbor's, instead of the system's.
    type: path
  timeout:
    description: Seconds without an answer before Harbor counts as away.
    type: int
    default: 30
"""
