"""What the filters of roles call: plain data in, plain data out."""

from collections.abc import Mapping
from typing import Any

from forge.services.model import read_service
from forge.services.systemd import unit


def systemd_unit(values: Mapping[str, Any]) -> str:
    """Return the text of a service's unit.

    Args:
        values: The fields of `forge.services.model.Service`.

    Raises:
        InputError: A value cannot be part of a unit.
    """
    return unit(read_service(values))
