# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role ``k3s``; all logic is in the package ``forge.k3s``."""

from typing import Any

from ansible.errors import AnsibleFilterError

try:
    from forge import k3s
except ImportError as error:
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        if IMPORT_ERROR is not None:
            raise AnsibleFilterError(
                "forge_k3s: the Python package forge is not importable by the Python "
                "that runs Ansible; run `make venv` and start "
                ".venv/bin/ansible-playbook"
            ) from IMPORT_ERROR
        return {
            "forge_k3s_version_finding": k3s.version_finding,
            "forge_k3s_token_finding": k3s.token_finding,
            "forge_k3s_registration_labels": k3s.registration_labels,
            "forge_k3s_registration_taints": k3s.registration_taints,
        }
