"""The module forge.platform.ollama_model with the real Ollama: files."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.integration.models.artifact import refused
from tests.integration.models.engine import (
    blob,
    damage,
    options,
    present,
    shown,
    store,
    tags,
    work,
)
from tests.integration.models.servers import CHECKOUT, Server

from forge import paths
from forge.testbed import models as model_files

CACHE = paths.cache()  # before a test has another home

pytestmark = pytest.mark.usefixtures("empty_ollama")

type Run = Callable[..., dict[str, Any]]
type MakeGguf = Callable[..., str]


def test_play_brings_a_file_and_changes_nothing_twice(
    run: Run, ollama: Server, make_gguf: MakeGguf, tmp_path: Path
) -> None:
    digest = make_gguf(tmp_path / "tiny.gguf")
    wanted = {
        "name": "tiny",
        "digest": digest,
        "source": {"file": str(tmp_path / "tiny.gguf")},
        "parameters": {"num_ctx": 512, "num_thread": 1},
        "url": ollama.url,
        "models_dir": str(store(ollama)),
        "work_dir": str(work(ollama)),
    }

    foreseen = run("ollama_model", "--check", "--diff", **wanted)
    assert (foreseen["status"], foreseen["changed"]) == (0, True)
    assert tags(ollama) == {}, "check mode made the model"
    first = run("ollama_model", **wanted)
    assert (first["status"], first["changed"]) == (0, True), first
    assert tags(ollama) == {"tiny:latest": first["digest"].removeprefix("sha256:")}
    assert "num_thread                     1" in shown(ollama, "tiny")["parameters"]
    assert not run("ollama_model", **wanted)["changed"]
    assert not run("ollama_model", "--check", **wanted)["changed"]

    gone = {**wanted, "state": "absent"}
    assert run("ollama_model", "--check", **gone)["changed"]
    assert tags(ollama), "check mode removed the model"
    assert run("ollama_model", **gone)["changed"]
    assert tags(ollama) == {}
    assert not run("ollama_model", **gone)["changed"]


def test_changed_parameters_are_set_without_the_file(
    ollama: Server, make_gguf: MakeGguf, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    wanted = options(ollama, make_gguf(path), file=str(path))
    present(wanted)
    path.unlink()

    result = present(wanted, parameters={"num_ctx": 1024})

    assert result["flaws"] == ["num_ctx is 512, not 1024"]
    assert result["transfers"] == []
    assert "1024" in shown(ollama, "tiny")["parameters"]


def test_parameter_that_is_no_longer_declared_is_taken_away(
    ollama: Server, make_gguf: MakeGguf, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    wanted = options(ollama, make_gguf(path), file=str(path))
    present(wanted, parameters={"num_ctx": 512, "top_k": 3})

    result = present(wanted, parameters={"num_ctx": 512})

    assert result["flaws"] == ["top_k is no longer declared"]
    assert "top_k" not in shown(ollama, "tiny")["parameters"]
    assert not present(wanted, parameters={"num_ctx": 512})["changed"]


def test_corrupted_weights_are_found_and_replaced(
    ollama: Server, make_gguf: MakeGguf, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    digest = make_gguf(path)
    wanted = options(ollama, digest, file=str(path))
    present(wanted)
    damage(blob(ollama, digest))

    result = present(wanted)

    assert f"{digest} is damaged: has sha256:" in result["flaws"][0]
    assert blob(ollama, digest).read_bytes() == path.read_bytes()
    assert not present(wanted)["changed"]


def test_corrupted_small_parts_are_made_anew(
    ollama: Server, make_gguf: MakeGguf, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    digest = make_gguf(path)
    wanted = options(ollama, digest, file=str(path))
    present(wanted)
    small = [
        p for p in (store(ollama) / "blobs").iterdir() if p != blob(ollama, digest)
    ]
    assert len(small) >= 2
    for part in small:
        damage(part)

    assert len(present(wanted)["flaws"]) >= len(small)
    for part in small:
        found = hashlib.sha256(part.read_bytes()).hexdigest()
        assert part.name == f"sha256-{found}"
    assert not present(wanted)["changed"]


def test_damage_without_a_source_is_an_error_and_changes_nothing(
    ollama: Server, make_gguf: MakeGguf, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    digest = make_gguf(path)
    wanted = options(ollama, digest, file=str(path))
    present(wanted)
    damage(blob(ollama, digest))
    path.unlink()
    with refused("copy the model there"):
        present(wanted)
    assert blob(ollama, digest).exists()
    assert "tiny:latest" in tags(ollama)


def test_wrong_file_leaves_the_served_model_untouched(
    ollama: Server, make_gguf: MakeGguf, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    present(options(ollama, make_gguf(path), file=str(path)))
    before = tags(ollama)

    newer = f"sha256:{'0' * 64}"
    with refused("what was served is untouched"):
        present(options(ollama, newer, file=str(path)))

    assert tags(ollama) == before
    assert not blob(ollama, newer).exists()


def test_unresolved_digest_is_refused(ollama: Server, tmp_path: Path) -> None:
    with refused("never taken by its name"):
        present(options(ollama, "unresolved", file=str(tmp_path / "x.gguf")))


def test_address_and_folder_of_two_engines_are_refused(
    ollama: Server, make_gguf: MakeGguf, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    wanted = options(ollama, make_gguf(path), file=str(path))
    present(wanted)
    (tmp_path / "other").mkdir()
    with refused("of one engine"):
        present(wanted, models_dir=str(tmp_path / "other"))


def test_too_small_disk_is_refused_with_the_numbers(
    make_ollama: Callable[[Path, Path], Server],
    make_gguf: MakeGguf,
    small_disk: Path,
    tmp_path: Path,
) -> None:
    server = make_ollama(tmp_path, small_disk / "models")
    path = tmp_path / "tiny.gguf"
    wanted = options(server, make_gguf(path, 60 * 2**20), file=str(path))

    with refused(rf"needs {path.stat().st_size} bytes .* nothing was fetched"):
        present(wanted, models_dir=str(small_disk / "models"))

    assert not [*(small_disk / "models").rglob("sha256-*")]


def test_real_model_is_brought_and_answers(ollama: Server) -> None:
    """A file that people use: 270 million parameters in 4 bits."""
    if not (CACHE / "models/gemma3-270m").exists():
        pytest.skip("the testbed's models are not there: make up brings them")
    made = model_files.ensure(CHECKOUT, CACHE)["gemma3-270m"]
    wanted = options(ollama, f"sha256:{model_files.GGUF_SHA256}", file=str(made.path))
    assert present(wanted, parameters={"num_ctx": 512, "num_thread": 1})["changed"]

    body = {
        "model": "tiny",
        "prompt": "One, two, three,",
        "stream": False,
        "options": {"num_predict": 8, "temperature": 0, "seed": 1},
    }
    answer = requests.post(f"{ollama.url}/api/generate", json=body, timeout=300).json()
    assert answer["eval_count"] == 8
    assert answer["response"].strip()
