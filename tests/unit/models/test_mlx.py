"""The reader of config.json."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.models.geometry import GeometryError
from forge.models.mlx import mlx_geometry, read_mlx

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}


def kv(config: Any) -> int:
    return mlx_geometry(json.dumps(config).encode(), "config.json").kv_bytes_per_token


def test_cache_of_an_8b_llama_is_128_kib_a_token(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    found = read_mlx(tmp_path)
    assert found.kv_bytes_per_token == 131072
    assert found.context == 131072


def test_head_dim_text_config_and_width_of_numbers_count() -> None:
    assert kv({**LLAMA, "head_dim": 256}) == 2 * 131072
    assert kv({"text_config": LLAMA, "model_type": "seeing"}) == 131072
    assert kv({**LLAMA, "torch_dtype": "float32"}) == 2 * 131072
    alone = {key: value for key, value in LLAMA.items() if "key_value" not in key}
    assert kv(alone) == 4 * 131072


@pytest.mark.parametrize("key", ["num_attention_heads", "num_hidden_layers"])
@pytest.mark.parametrize("value", [None, 0, -1, True, "32", 10**12])
def test_number_that_cannot_be_true_is_named(key: str, value: object) -> None:
    with pytest.raises(GeometryError, match=key):
        kv({**LLAMA, key: value})


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"{" * 5000, b"[" * 100000])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(GeometryError, match=r"not JSON|not a JSON object"):
        mlx_geometry(data, "config.json")


def test_folder_without_config_is_said(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match=r"config\.json: No such file"):
        read_mlx(tmp_path)


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    with pytest.raises(GeometryError):
        mlx_geometry(data, "config.json")
