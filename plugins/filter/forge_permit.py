# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ``forge_permitted``; the logic is in ``forge.change.permit``."""

from collections.abc import Callable

from ansible import context
from ansible.errors import AnsibleFilterError


def forge_permitted(host: str) -> bool:
    """Return true if this run may change a host, or changes none; fail otherwise."""
    if context.CLIARGS.get("check"):
        return True
    # Late, as in every filter file: this one is loaded in the process of each task.
    from forge.change.permit import RefusedError, require  # noqa: PLC0415

    try:
        require(str(host))
    except RefusedError as error:
        raise AnsibleFilterError(str(error)) from error
    return True


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., bool]]:
        """Map the filter's name to its function."""
        return {"forge_permitted": forge_permitted}
