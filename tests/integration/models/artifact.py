"""Calls of the module oci_artifact, by its functions."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.integration.models.servers import Server

PLUGINS = "ansible_collections.forge.platform.plugins"


def plugin(name: str) -> Any:
    return importlib.import_module(f"{PLUGINS}.{name}")


def params(**given: object) -> dict[str, Any]:
    about = given.pop("about", {"name": "tiny", "licences": ["MIT"]})
    empty = dict.fromkeys(
        ("digest", "username", "password", "plain_http", "ca_path", "progress")
    )
    return {**empty, "timeout": 20, "about": about, "media_types": "cncf", **given}


def push(path: Path, port: int, **more: object) -> Any:
    reference = f"127.0.0.1:{port}/models/{path.parent.name.replace('_', '-')}:1"
    module = plugin("modules.oci_artifact")
    return module.push(params(reference=reference, path=str(path), **more), check=False)


def pull(folder: Path, source: Path, port: int, digest: str, **more: object) -> Any:
    reference = f"127.0.0.1:{port}/models/{source.parent.name.replace('_', '-')}"
    module = plugin("modules.oci_artifact")
    options = params(reference=reference, path=str(folder), digest=digest, **more)
    return module.pull(options, check=False)


def stored(server: Server, name: str) -> requests.Response:
    """What the registry answers to who asks for the manifest of tag 1."""
    accept = "application/vnd.oci.image.manifest.v1+json"
    url = f"{server.url}/v2/models/{name.replace('_', '-')}/manifests/1"
    return requests.get(url, headers={"Accept": accept}, timeout=10)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def refused(match: str) -> Any:
    """Expect the modules' own error."""
    return pytest.raises(plugin("module_utils.model_files").ModelError, match=match)
