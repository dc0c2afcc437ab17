"""Limits of engines: the arithmetic, its refusals, and who may connect."""

from pathlib import Path
from typing import Any

import pytest

from forge.engines import (
    MLX_STORE,
    engine_address,
    engine_calls,
    engine_plan,
    engine_targets,
    guard_rules,
)
from forge.errors import InputError

GIB = 2**30


def model(**changed: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "engine": "ollama",
        "source": {"file": "small.gguf"},
        "digest": f"sha256:{'0' * 64}",
        "size": 3 * GIB,
        "licence": "MIT",
        "hosts": ["m4-pro"],
        "kv_bytes_per_token": 2**17,
        "parameters": {"context": 4096, "parallel": 2},
    } | changed


def test_the_limit_is_files_and_caches_and_a_quarter_and_its_own() -> None:
    plan = engine_plan([model()], "m4-pro", "ollama", 16384)
    # 3 GiB + 4096 x 128 KiB x 2 = 4 GiB; x 5/4 = 5120 MiB; + 1024 MiB
    assert plan["memory_mb"] == 6144
    assert plan["terms"] == [
        "small: file 3.00 GiB + cache 4,096 tokens x 131,072 bytes x 2 = 4.00 GiB",
        (
            "ollama on m4-pro: 4.00 GiB x 5/4 for buffers + 1024 MiB of its own = "
            "6144 MiB of 16384 MiB"
        ),
    ]
    assert (plan["context"], plan["parallel"], plan["loaded"]) == (4096, 2, 1)


def test_a_byte_too_many_is_a_mebibyte_more() -> None:
    plan = engine_plan([model(size=3 * GIB + 1)], "m4-pro", "ollama", 16384)
    assert plan["memory_mb"] == 6145


def test_only_what_is_placed_there_counts() -> None:
    models = [
        model(),
        model(name="elsewhere", hosts=["mac-studio"], digest="unresolved"),
        model(name="other", engine="mlx"),
        model(name="more", parameters={"context": 8192}),
    ]
    plan = engine_plan(models, "m4-pro", "ollama", 65536)
    assert [placed["name"] for placed in plan["models"]] == ["small", "more"]
    assert (plan["context"], plan["parallel"], plan["loaded"]) == (8192, 2, 2)


def test_an_engine_without_models_gets_what_it_needs_itself() -> None:
    plan = engine_plan([], "m4-pro", "mlx", 16384)
    assert plan == {
        "models": [],
        "memory_mb": 640,
        "context": 0,
        "parallel": 1,
        "loaded": 1,
        "terms": [
            (
                "mlx on m4-pro: 0.00 GiB x 5/4 for buffers + 640 MiB of its own = "
                "640 MiB of 16384 MiB"
            )
        ],
    }


@pytest.mark.parametrize(("memory", "fits"), [(6827, True), (6826, False)])
def test_more_than_nine_tenths_of_the_host_is_refused_with_the_terms(
    memory: int, *, fits: bool
) -> None:
    if fits:
        assert engine_plan([model()], "m4-pro", "ollama", memory)["memory_mb"] == 6144
        return
    with pytest.raises(InputError, match=r"6144 MiB of 6826 MiB\nthat is more than 90"):
        engine_plan([model()], "m4-pro", "ollama", memory)


def test_a_model_whose_digest_is_unknown_is_refused() -> None:
    with pytest.raises(InputError, match=r"forge_models\[small\]\.digest is unres"):
        engine_plan([model(digest="unresolved")], "m4-pro", "ollama", 16384)


def test_a_model_of_another_form_is_refused() -> None:
    with pytest.raises(InputError, match="unknown field `sise`"):
        engine_plan([model(sise=1)], "m4-pro", "ollama", 16384)


def test_the_guard_lets_root_and_the_named_accounts_connect() -> None:
    assert guard_rules(11434, [994, 0, 994]) == (
        "chain output {\n"
        "    type filter hook output priority filter; policy accept;\n"
        "    tcp dport 11434 meta skuid != { 0, 994 } "
        'counter reject with tcp reset comment "not the gate"\n'
        "}\n"
    )


@pytest.mark.parametrize(("port", "uids"), [(0, [1]), (65536, [1]), (80, [-1])])
def test_a_guard_of_no_port_or_nobody_is_refused(port: int, uids: list[int]) -> None:
    with pytest.raises(InputError, match="not a port and uids"):
        guard_rules(port, uids)


TOPOLOGY: dict[str, Any] = {
    "ports": {"ollama": 11434, "mlx": 8080},
    "hosts": {
        "m4-pro": {
            "components": ["clawlaw_gate", "ollama"],
            "addresses": {"boundary": "10.0.1.31", "inference": "10.0.2.31"},
        },
        "mac-studio": {
            "components": ["ollama", "mlx"],
            "addresses": {"inference": "10.0.2.41"},
        },
    },
}


def test_an_engine_beside_the_gate_listens_on_loopback() -> None:
    assert engine_address(TOPOLOGY, "m4-pro") == "127.0.0.1"
    assert engine_address(TOPOLOGY, "mac-studio") == "10.0.2.41"


def test_each_model_is_asked_on_each_host_that_can_be_reached() -> None:
    both = ["m4-pro", "mac-studio"]
    models = [model(hosts=both), model(name="m", engine="mlx", hosts=["mac-studio"])]
    calls = engine_calls(models, TOPOLOGY, both)
    assert [(call["host"], call["url"], call["body"]["model"]) for call in calls] == [
        ("m4-pro", "http://127.0.0.1:11434/v1/completions", "small"),
        ("mac-studio", "http://10.0.2.41:11434/v1/completions", "small"),
        ("mac-studio", "http://10.0.2.41:8080/v1/completions", "/opt/mlx-models/m"),
    ]
    (only,) = engine_calls(models, TOPOLOGY, ["m4-pro"])
    assert only["host"] == "m4-pro"
    # What a model is compared with in verify is what the role made.
    (placed,) = engine_plan(models, "m4-pro", "ollama", 16384)["models"]
    assert only["parameters"] == placed["served"] == {"num_ctx": 4096}
    assert engine_calls([], TOPOLOGY, both) == []


def test_an_agent_tries_loopback_and_every_wire() -> None:
    assert engine_targets(TOPOLOGY, ["mac-studio"]) == [
        {"address": "127.0.0.1", "port": 11434},
        {"address": "127.0.0.1", "port": 8080},
        {"address": "10.0.2.41", "port": 11434},
        {"address": "10.0.2.41", "port": 8080},
    ]


def test_the_role_keeps_models_where_requests_name_them() -> None:
    text = (Path(__file__).parents[3] / "roles/mlx/vars/main.yml").read_text()
    assert f"_mlx_store: {MLX_STORE}\n" in text
