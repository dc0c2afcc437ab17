"""Reads ``config.json`` of a model folder that ``mlx_lm`` serves."""

from pathlib import Path
from typing import Any

import msgspec

from forge.models.geometry import F16, F32, Geometry, GeometryError

CONFIG = "config.json"
CONFIG_MAX = 2**20  # bytes; they have a few thousand
LAYERS_MAX = 4096
NUMBER_MAX = 2**31


def read_mlx(folder: Path) -> Geometry:
    """Return the attention's shape of a folder's model.

    Raises:
        GeometryError: ``config.json`` cannot be read or does not say it.
    """
    path = folder / CONFIG
    try:
        with path.open("rb") as stream:
            data = stream.read(CONFIG_MAX + 1)
    except OSError as error:
        raise GeometryError(f"{path}: {error.strerror}") from error
    return mlx_geometry(data, str(path))


def mlx_geometry(data: bytes, name: str) -> Geometry:
    """Return the attention's shape that the bytes of a ``config.json`` state.

    Raises:
        GeometryError: They are no JSON object, or a number is missing.
    """
    if len(data) > CONFIG_MAX:
        raise GeometryError(f"{name}: more than {CONFIG_MAX} bytes")
    try:
        config = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GeometryError(f"{name}: not JSON: {error}") from error
    if not isinstance(config, dict):
        raise GeometryError(f"{name}: not a JSON object")
    # Models of text and pictures keep the text's numbers one level down.
    inner = config.get("text_config")
    facts: dict[str, Any] = {**config, **(inner if isinstance(inner, dict) else {})}

    def number(key: str, largest: int = NUMBER_MAX) -> int:
        value = facts.get(key)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not is_number or not 1 <= int(str(value)) <= largest:
            raise GeometryError(
                f"{name}: {key}: {value!r}, not a number of 1 to {largest}"
            )
        return int(str(value))

    def optional(key: str) -> int | None:
        return number(key) if facts.get(key) is not None else None

    heads = number("num_attention_heads")
    kv_heads = optional("num_key_value_heads") or heads
    length = optional("head_dim") or number("hidden_size") // heads
    dtype = facts.get("torch_dtype") or facts.get("dtype")
    return Geometry(
        architecture=str(facts.get("model_type") or "unknown"),
        kv_heads=(kv_heads,) * number("num_hidden_layers", LAYERS_MAX),
        key_length=length,
        value_length=length,
        number_bytes=F32 if dtype == "float32" else F16,
        context=optional("max_position_embeddings") or 0,
    )
