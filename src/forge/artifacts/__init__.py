"""Bring every pinned binary: the upstream release, or built from its Go module.

:func:`ensure` is the whole interface for callers; versions.yml names what there is.
"""

from forge.artifacts.cache import Cache
from forge.artifacts.ensure import Artifact, Plan, ensure, plan, resolve_k3s
from forge.artifacts.pinfile import load
from forge.artifacts.pins import ARCHES, Arch, Versions, host_arch
from forge.artifacts.progress import Notes, Progress

__all__ = [
    "ARCHES",
    "Arch",
    "Artifact",
    "Cache",
    "Notes",
    "Plan",
    "Progress",
    "Versions",
    "ensure",
    "host_arch",
    "load",
    "plan",
    "resolve_k3s",
]
