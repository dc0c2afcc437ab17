"""What the inference proxy serves, from the declared models and their hosts. Pure.

A model that is placed on the proxy's own host has its plain name there; the same model
on another host is NAME@HOST, so that an agent says which tier it asks.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from forge.errors import InputError
from forge.topology.hostvars import plain
from forge.topology.model import UNRESOLVED

ENGINES: Final = ("ollama", "mlx")
MLX_STORE: Final = "/opt/mlx-models"  # as in the role mlx; a request names a folder
TIERS: Final = {"boundary": "II", "inference": "III"}  # by the wire that leads there
LOOPBACK: Final = "127.0.0.1"


def proxy_plan(
    topology: Mapping[str, Any],
    models: Sequence[Mapping[str, Any]],
    host: str,
    max_tokens: int,
) -> dict[str, Any]:
    """Return backends and models of the proxy on one host.

    Args:
        topology: As `forge_topology`; Ansible's tagged types are fine.
        models: `forge_models` of the inventory; one without a digest is not served.
        host: Where the proxy runs.
        max_tokens: Of one answer, at most; and never more than half of a window.

    Raises:
        InputError: A model is placed where no engine of its kind is.
    """
    room, found = plain(topology), plain(models)
    backends: dict[str, dict[str, str]] = {}
    served: list[dict[str, Any]] = []
    for model in found:
        if model.get("digest", UNRESOLVED) == UNRESOLVED:
            continue
        own_first = sorted(model["hosts"], key=lambda name: name != host)
        for number, place in enumerate(own_first):
            backend = _backend(room, model, place, host)
            backends[backend["name"]] = backend
            name = model["name"] if number == 0 else f"{model['name']}@{place}"
            served.append(_model(model, name, backend, max_tokens))
    return {"backends": list(backends.values()), "models": served}


def _backend(
    room: Mapping[str, Any], model: Mapping[str, Any], place: str, host: str
) -> dict[str, str]:
    engine = model["engine"]
    at = room["hosts"].get(place)
    if at is None or engine not in ENGINES or engine not in at["components"]:
        raise InputError(
            f"model {model['name']}: {place} has no {engine}",
            remedy=f"add {engine} to its forge_components, or place it elsewhere",
        )
    wire = "boundary" if place == host else "inference"
    address = LOOPBACK if place == host else at["addresses"]["inference"]
    return {
        "name": engine if place == host else f"{engine}@{place}",
        "engine": engine,
        "url": f"http://{address}:{room['ports'][engine]}",
        "tier": TIERS[wire],
    }


def _model(
    model: Mapping[str, Any], name: str, backend: Mapping[str, str], max_tokens: int
) -> dict[str, Any]:
    context = int(model["parameters"]["context"])
    mlx = model["engine"] == "mlx"
    return {
        "name": name,
        "backend": backend["name"],
        "served": f"{MLX_STORE}/{model['name']}" if mlx else model["name"],
        "context": context,
        "max_tokens": max(min(max_tokens, context // 2), 1),
        "digest": model["digest"],
    }
