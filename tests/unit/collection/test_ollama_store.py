"""What Ollama's folder says, sound or not."""

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

PLUGINS = "ansible_collections.forge.platform.plugins.module_utils"
files = importlib.import_module(f"{PLUGINS}.model_files")
ollama_store = importlib.import_module(f"{PLUGINS}.ollama_store")


def put(folder: Path, data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    (folder / "blobs").mkdir(exist_ok=True)
    (folder / "blobs" / f"sha256-{digest}").write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one model: weights, parameters, settings."""
    prefix = "application/vnd.ollama.image"
    manifest = {
        "config": put(tmp_path, b"{}") | {"mediaType": "application/vnd.docker"},
        "layers": [
            put(tmp_path, b"weights") | {"mediaType": f"{prefix}.model"},
            put(tmp_path, b'{"num_ctx": 512}') | {"mediaType": f"{prefix}.params"},
        ],
    }
    path = tmp_path / "manifests/registry.ollama.ai/library/tiny/latest"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(manifest))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("tiny", "tiny:latest"),
        ("tiny:8b", "tiny:8b"),
        ("me/tiny", "me/tiny:latest"),
        ("registry.ollama.ai/library/tiny:1", "tiny:1"),
        ("r.test:5000/library/tiny:1", "r.test:5000/library/tiny:1"),
    ],
)
def test_names_are_filled_in_as_ollama_does(text: str, short: str) -> None:
    assert ollama_store.parse_name(text).short == short


@pytest.mark.parametrize(
    "text", ["", "a/b/c/d", "../x", "a b", "tiny:a:b", "/tiny", "x/../y"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(files.ModelError, match="no name of a model"):
        ollama_store.parse_name(text)


def test_model_is_read_with_weights_and_parameters(folder: Path) -> None:
    store = ollama_store.Store(folder)
    found = store.read(ollama_store.parse_name("tiny"))
    assert found.weights == (f"sha256:{hashlib.sha256(b'weights').hexdigest()}",)
    assert found.parameters == {"num_ctx": 512}
    assert store.damaged(found.blobs) == {}
    assert store.read(ollama_store.parse_name("other")) is None


def test_each_kind_of_damage_is_named(folder: Path) -> None:
    store = ollama_store.Store(folder)
    found = store.read(ollama_store.parse_name("tiny"))
    config, weights, parameters = (
        put(folder, data)["digest"] for data in (b"{}", b"weights", b'{"num_ctx": 512}')
    )
    store.blob(config).unlink()
    store.blob(weights).write_bytes(b"weightz")
    store.blob(parameters).write_bytes(b"{")
    damaged = store.damaged(found.blobs)
    assert damaged[config] == "missing"
    assert damaged[weights].startswith("has sha256:")
    assert damaged[parameters] == "has 1 bytes, not 16"
    assert store.read(ollama_store.parse_name("tiny")).parameters == {}


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["layers", "config", "digest", "size", "mediaType"]), inner
        )
    ),
)


@given(data=st.binary(max_size=60) | json_value.map(lambda v: json.dumps(v).encode()))
def test_any_manifest_is_read_or_counts_as_absent(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("store")
    path = folder / "manifests/registry.ollama.ai/library/tiny/latest"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    store = ollama_store.Store(folder)
    found = store.read(ollama_store.parse_name("tiny"))
    assert found is None or store.damaged(found.blobs) is not None
