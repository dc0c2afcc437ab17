"""Functions that are imported when they are first called.

Ansible loads every filter file in the process of each task, whatever the task uses;
so a filter file may import this module, and nothing that takes longer.
"""

import importlib
from collections.abc import Callable
from typing import Any


def late(module: str, function: str) -> Callable[..., Any]:
    """Return a function that imports ``module`` and calls its ``function``.

    Raises (when called):
        ImportError: The module is not there.
    """

    def call(*values: Any, **named: Any) -> Any:  # noqa: ANN401 - as the function
        return getattr(importlib.import_module(module), function)(*values, **named)

    return call
