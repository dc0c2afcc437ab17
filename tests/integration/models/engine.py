"""Calls of the module ollama_model, and what the engine says by itself."""

from pathlib import Path
from typing import Any

import requests
from tests.integration.models.artifact import plugin
from tests.integration.models.servers import Server


def tags(server: Server) -> dict[str, str]:
    models = requests.get(f"{server.url}/api/tags", timeout=30).json()["models"]
    return {model["name"]: model["digest"] for model in models}


def shown(server: Server, name: str) -> dict[str, Any]:
    answer = requests.post(f"{server.url}/api/show", json={"model": name}, timeout=30)
    found: dict[str, Any] = answer.json()
    return found


def store(server: Server) -> Path:
    return server.folder / "models"


def work(server: Server) -> Path:
    return server.folder / "work"


def blob(server: Server, digest: str) -> Path:
    return store(server) / "blobs" / digest.replace(":", "-")


def options(server: Server, digest: str, **source: object) -> dict[str, Any]:
    empty = dict.fromkeys(("username", "password", "plain_http", "ca_path", "progress"))
    return {
        **empty,
        "state": "present",
        "name": "tiny",
        "digest": digest,
        "source": {"file": None, "oci": None, "registry": None, **source},
        "parameters": {"num_ctx": 512},
        "url": server.url,
        "models_dir": str(store(server)),
        "work_dir": str(work(server)),
        "timeout": 60,
    }


def present(params: dict[str, Any], **changes: object) -> dict[str, Any]:
    module = plugin("modules.ollama_model")
    result: dict[str, Any] = module.present({**params, **changes}, check=False)
    return result


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
