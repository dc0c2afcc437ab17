"""What the proxy of a host serves, and the configuration that the role makes of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from clawlaw.inference.config import read_config
from forge.errors import InputError
from forge.proxy_plan import proxy_plan

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "roles/inference_proxy/templates/inference.yaml.j2"
ROOM: dict[str, Any] = {
    "ports": {"ollama": "11434", "mlx": "8080"},
    "hosts": {
        "m4-pro": {"components": ["clawlaw_gate", "ollama"], "addresses": {}},
        "mac-studio": {
            "components": ["ollama", "mlx"],
            "addresses": {"inference": "10.20.2.41"},
        },
    },
}


def model(name: str, engine: str, *hosts: str, **more: Any) -> dict[str, Any]:
    said = {"name": name, "engine": engine, "hosts": list(hosts)}
    return said | {"digest": "sha256:ab", "parameters": {"context": 2048}} | more


MODELS = [
    model("small", "ollama", "mac-studio", "m4-pro"),
    model("large", "mlx", "mac-studio"),
    model("later", "ollama", "m4-pro", digest="unresolved"),
]


def test_a_model_has_its_plain_name_where_the_proxy_is() -> None:
    plan = proxy_plan(ROOM, MODELS, "m4-pro", 1500)
    assert [(m["name"], m["backend"], m["served"]) for m in plan["models"]] == [
        ("small", "ollama", "small"),
        ("small@mac-studio", "ollama@mac-studio", "small"),
        ("large", "mlx@mac-studio", "/opt/mlx-models/large"),
    ]
    assert [(b["name"], b["url"], b["tier"]) for b in plan["backends"]] == [
        ("ollama", "http://127.0.0.1:11434", "II"),
        ("ollama@mac-studio", "http://10.20.2.41:11434", "III"),
        ("mlx@mac-studio", "http://10.20.2.41:8080", "III"),
    ]
    assert plan["models"][0]["max_tokens"] == 1024  # half of the window


def test_a_model_without_its_engine_is_refused() -> None:
    with pytest.raises(InputError, match="m4-pro has no mlx"):
        proxy_plan(ROOM, [model("x", "mlx", "m4-pro")], "m4-pro", 10)


@pytest.mark.parametrize("models", [MODELS, []], ids=["models", "none"])
def test_the_role_writes_what_the_proxy_reads(
    tmp_path: Path, models: list[dict[str, Any]]
) -> None:
    environment = Environment(trim_blocks=True, autoescape=False)  # noqa: S701  # YAML
    environment.filters["to_json"] = json.dumps
    text = environment.from_string(TEMPLATE.read_text()).render(
        inference_proxy_gate="http://127.0.0.1:8181",
        inference_proxy_port=11435,
        inference_proxy_metrics_port=9465,
        inference_proxy_directory="/srv/work",
        inference_proxy_streams=64,
        inference_proxy_seconds=600,
        _inference_proxy_plan=proxy_plan(ROOM, models, "m4-pro", 1500),
    )
    path = tmp_path / "inference.yaml"
    path.touch(mode=0o600)
    path.write_text(text)
    config = read_config(path)
    assert [m.name for m in config.models][:1] == (["small"] if models else [])
