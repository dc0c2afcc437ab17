"""Digest of everything that decides beside the policy: code, grammar, profiles."""

from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from clawlaw.core.canonical import digest
from clawlaw.policy import profiles

PARTS = ("core", "policy")
LIBRARIES = ("google-re2", "msgspec", "tree-sitter", "tree-sitter-bash", "pyyaml")


@cache
def kernel_digest() -> str:
    """Digest of this installation's kernel; read once.

    Raises:
        PolicyError: The profiles cannot be read.
    """
    root = files("clawlaw")
    code = {
        f"{part}/{name}": sha256(content).hexdigest()
        for part in PARTS
        for name, content in _modules(root.joinpath(part), "")
    }
    whole: dict[str, Any] = {
        "code": code,
        "libraries": {name: _version(name) for name in LIBRARIES},
        "profiles": profiles.builtin().digest,
    }
    return digest(whole)


def _modules(folder: Traversable, above: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        name = above + item.name
        if item.is_dir():
            found += _modules(item, f"{name}/")
        elif name.endswith(".py"):
            found.append((name, item.read_bytes()))
    return found


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
