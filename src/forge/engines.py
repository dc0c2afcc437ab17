"""What an engine may take of its host, from the models that are placed there. Pure.

An engine gets what its models need when all are loaded and every request is as long
as it may be, a quarter more for the buffers of the computation, and a fixed part for
itself. The numbers are integers, and the terms are kept to be shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from forge.errors import InputError
from forge.models.need import MEMORY_PERCENT_MAX, Need, gib
from forge.topology.hostvars import plain
from forge.topology.model import UNRESOLVED
from forge.topology.schema import ModelData

MIB: Final = 2**20
MLX_STORE: Final = "/opt/mlx-models"  # as in the role; a request names a folder
# Measured on Debian 13: Ollama with Gemma 3 270M (file and cache 277 MiB) held 531 MiB,
# and 1095 MiB after 40 answers by a schema, two at a time: each keeps the vocabulary's
# 262,144 pieces for itself. With less the kernel ends the model in mid-answer, and any
# agent may ask so. MLX's server with a model of 2 MB held 93 MB; the rest is room for
# longer prompts, whose caches it keeps for a while.
OWN_MB: Final = {"ollama": 1024, "mlx": 640}
# Buffers of the computation, on top of files and caches. An estimate for large models:
# the measured part of a small one is within what an engine gets of its own.
BUFFER_PARTS: Final = (5, 4)


def engine_plan(
    models: Sequence[Mapping[str, Any]], host: str, engine: str, memory_mb: int
) -> dict[str, Any]:
    """Return what one engine is given on one host.

    Args:
        models: ``forge_models`` of the inventory; Ansible's tagged types are fine.
        host: Name in the inventory.
        engine: ``ollama`` or ``mlx``.
        memory_mb: The host's memory, MiB.

    Returns:
        ``models`` placed there, each with the parameters that it is ``served`` with,
        ``memory_mb`` the limit, ``context`` and ``parallel``
        the largest of any model, ``loaded`` how many may be loaded at once, ``terms``
        one line of arithmetic for each step.

    Raises:
        InputError: A model cannot be read or has no digest yet, or the limit is more
            than a host may give.
    """
    placed = [
        model for raw in plain(models) if _is_placed(model := _read(raw), host, engine)
    ]
    needs = {
        model.name: Need(
            file=model.size,
            context=model.parameters.context,
            kv_bytes_per_token=model.kv_bytes_per_token,
            parallel=model.parameters.parallel,
        )
        for model in placed
    }
    total = sum(need.total for need in needs.values())
    more, parts = BUFFER_PARTS
    own = OWN_MB[engine]
    limit = own + -(-total * more // (parts * MIB))
    terms = [
        f"{name}: file {gib(need.file)} + cache {need.context:,} tokens x "
        f"{need.kv_bytes_per_token:,} bytes x {need.parallel} = {gib(need.total)}"
        for name, need in needs.items()
    ]
    terms.append(
        f"{engine} on {host}: {gib(total)} x {more}/{parts} for buffers + {own} MiB "
        f"of its own = {limit} MiB of {memory_mb} MiB"
    )
    if limit > memory_mb * MEMORY_PERCENT_MAX // 100:
        raise InputError(
            "\n".join([*terms, f"that is more than {MEMORY_PERCENT_MAX} %"]),
            remedy="place a model elsewhere, or lower its context or parallel",
        )
    return {
        "models": [
            {**msgspec.to_builtins(model), "served": _served(model)} for model in placed
        ],
        "memory_mb": limit,
        "context": max((need.context for need in needs.values()), default=0),
        "parallel": max((need.parallel for need in needs.values()), default=1),
        "loaded": max(1, len(placed)),
        "terms": terms,
    }


def guard_rules(port: int, uids: Sequence[int]) -> str:
    """Return the table that lets only some accounts of a host connect to a port.

    What leaves the host is judged, whatever its destination: an engine on this host
    and one on another are refused alike. A refusal is a reset, so that nobody waits.

    Args:
        port: Of the engine.
        uids: Accounts that may connect; root is always one of them.

    Raises:
        InputError: The port or an account is no such number.
    """
    numbers = sorted({0, *(int(uid) for uid in uids)})
    if not 0 < int(port) < 2**16 or numbers[0] < 0:
        raise InputError(
            f"port {port}, accounts {numbers}: not a port and uids",
            remedy="name accounts that exist on the host",
        )
    allowed = ", ".join(str(uid) for uid in numbers)
    return (
        "chain output {\n"
        "    type filter hook output priority filter; policy accept;\n"
        f"    tcp dport {int(port)} meta skuid != {{ {allowed} }} "
        'counter reject with tcp reset comment "not the gate"\n'
        "}\n"
    )


def _read(raw: object) -> ModelData:
    try:
        return msgspec.convert(raw, ModelData)
    except msgspec.ValidationError as error:
        raise InputError(
            f"forge_models: {error}", remedy="run `forge topology check`"
        ) from error


def _is_placed(model: ModelData, host: str, engine: str) -> bool:
    if model.engine != engine or host not in model.hosts:
        return False
    if model.digest == UNRESOLVED:
        raise InputError(
            f"forge_models[{model.name}].digest is {UNRESOLVED}",
            remedy="find out what the model's file is, and pin that digest",
        )
    return True


def _served(model: ModelData) -> dict[str, int]:
    """The parameters of Ollama that its entry carries."""
    threads = model.parameters.threads
    return {"num_ctx": model.parameters.context} | (
        {"num_thread": threads} if threads > 0 else {}
    )


def engine_address(topology: Mapping[str, Any], host: str) -> str:
    """Return the address that a host's engines listen on.

    Beside the gate that is loopback; elsewhere the wire that the gate comes by.

    Args:
        topology: ``forge_topology``.
        host: Name in it.
    """
    found = topology["hosts"][host]
    if "clawlaw_gate" in found["components"]:
        return "127.0.0.1"
    return str(found["addresses"]["inference"])


def engine_calls(
    models: Sequence[Mapping[str, Any]],
    topology: Mapping[str, Any],
    hosts: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the request that proves each model on each host, asked on that host.

    Args:
        models: ``forge_models``.
        topology: ``forge_topology``.
        hosts: Those that can be asked.
    """
    calls = []
    for model in [_read(raw) for raw in plain(models)]:
        port = topology["ports"][model.engine]
        for host in (name for name in model.hosts if name in hosts):
            base = f"http://{engine_address(topology, host)}:{port}"
            question: dict[str, Any] = {
                "model": model.name,
                "prompt": "The capital of France is",
                "max_tokens": 8,
                "temperature": 0,
            }
            if model.engine == "mlx":
                question["model"] = f"{MLX_STORE}/{model.name}"
            calls.append(
                {
                    "host": host,
                    "engine": model.engine,
                    "model": model.name,
                    "digest": model.digest,
                    "parameters": _served(model),
                    "base": base,
                    "url": f"{base}/v1/completions",
                    "body": question,
                }
            )
    return calls


def engine_targets(
    topology: Mapping[str, Any], hosts: Sequence[str]
) -> list[dict[str, Any]]:
    """Return every address and port of the engines on some hosts.

    Loopback of the host that tries them is among them: an engine beside the gate
    listens there.

    Args:
        topology: ``forge_topology``.
        hosts: With engines.
    """
    wires = [str(topology["hosts"][host]["addresses"]["inference"]) for host in hosts]
    return [
        {"address": address, "port": topology["ports"][engine]}
        for address in ["127.0.0.1", *wires]
        for engine in ("ollama", "mlx")
    ]
