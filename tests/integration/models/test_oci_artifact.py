"""The module forge.platform.oci_artifact against the real distribution registry."""

import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.integration.models.artifact import (
    contents,
    params,
    plugin,
    pull,
    push,
    stored,
)
from tests.integration.models.servers import COLLECTIONS, CutDouble, Server

BIG = 9 * 2**20  # bytes of the model's weights

type Run = Callable[..., dict[str, Any]]


def test_play_pushes_and_pulls_and_changes_nothing_twice(
    run: Run, registry: Server, model: Path, tmp_path: Path
) -> None:
    reference = f"127.0.0.1:{registry.port}/models/tiny:1"
    pushed = {"state": "pushed", "reference": reference, "path": str(model)}

    foreseen = run("oci_artifact", "--check", "--diff", **pushed)
    assert foreseen["changed"]
    assert stored(registry, "tiny").status_code == 404, "check mode pushed"
    first = run("oci_artifact", **pushed)
    assert first["changed"], first
    assert foreseen["digest"] == first["digest"]
    assert not run("oci_artifact", **pushed)["changed"]

    target = tmp_path / "target"
    wanted = {"reference": reference, "path": str(target), "digest": first["digest"]}
    assert run("oci_artifact", "--check", **wanted)["changed"]
    assert not target.exists(), "check mode pulled"
    assert run("oci_artifact", **wanted)["changed"]
    assert contents(target) == contents(model)
    again = run("oci_artifact", **wanted)
    assert (again["status"], again["changed"]) == (0, False)
    assert again["files"]["LICENSE"] == f"sha256:{hashlib.sha256(b'terms').hexdigest()}"


def test_manifest_is_a_modelpack(registry: Server, model: Path) -> None:
    digest = push(model, registry.port)["digest"]
    name = model.parent.name.replace("_", "-")
    answer = stored(registry, name)
    assert f"sha256:{hashlib.sha256(answer.content).hexdigest()}" == digest
    found = answer.json()
    assert found["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    assert found["config"]["mediaType"] == "application/vnd.cncf.model.config.v1+json"
    kinds = {
        layer["annotations"]["org.cncf.model.filepath"]: layer["mediaType"]
        for layer in found["layers"]
    }
    prefix = "application/vnd.cncf.model"
    assert kinds == {
        "LICENSE": f"{prefix}.doc.v1.raw",
        "config.json": f"{prefix}.weight.config.v1.raw",
        "model.safetensors": f"{prefix}.weight.v1.raw",
        "sub/tokenizer.json": f"{prefix}.weight.config.v1.raw",
    }
    config = requests.get(
        f"{registry.url}/v2/models/{name}/blobs/{found['config']['digest']}", timeout=10
    ).json()
    assert config["descriptor"] == {"name": "tiny", "licenses": ["MIT"]}
    assert config["modelfs"]["diffIds"] == [x["digest"] for x in found["layers"]]


def test_cut_download_goes_on_where_it_ended(
    registry: Server, bad_line: CutDouble, model: Path, tmp_path: Path
) -> None:
    digest = push(model, registry.port)["digest"]
    bad_line.allowance = [4 * 2**20, 2 * 2**20]

    result = pull(tmp_path / "target", model, bad_line.port, digest)

    assert contents(tmp_path / "target") == contents(model)
    ranges = [r for r in bad_line.requests if b"Range: bytes=" in r]
    assert len(ranges) == 2, "went on twice, and did not begin again"
    assert len(result["transfers"]) == 4


def test_killed_pull_is_gone_on_with_by_the_next_run(
    registry: Server,
    bad_line: CutDouble,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that gives up leaves what a killed one leaves: a part of a file."""
    digest = push(model, registry.port)["digest"]
    monkeypatch.setattr(plugin("module_utils.oci_http"), "ATTEMPTS", 1)
    bad_line.allowance = [5 * 2**20, 0, 0, 0]
    target = tmp_path / "target"
    with pytest.raises(plugin("module_utils.model_files").ModelError, match="gave up"):
        pull(target, model, bad_line.port, digest)
    assert "model.safetensors" not in contents(target), "half a file has no name"
    bad_line.allowance = []

    result = pull(target, model, bad_line.port, digest)

    (resumed,) = [t for t in result["transfers"] if t["size"] == BIG]
    assert 2**20 < resumed["resumed_from"] < BIG
    asked = f"Range: bytes={resumed['resumed_from']}-".encode()
    assert [each for each in bad_line.requests if asked in each]
    assert contents(target) == contents(model)
    assert not (target / ".forge-partial").exists()


# What a host runs, as a process of its own.
CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.forge.platform.plugins.modules import oci_artifact
oci_artifact.pull(json.loads(sys.argv[2]), check=False)
"""


def test_module_killed_in_mid_pull_converges_on_the_next_run(
    registry: Server, bad_line: CutDouble, model: Path, tmp_path: Path
) -> None:
    digest = push(model, registry.port)["digest"]
    bad_line.stalls_after = 5 * 2**20
    reference = (
        f"127.0.0.1:{bad_line.port}/models/{model.parent.name.replace('_', '-')}"
    )
    target = tmp_path / "target"
    given = params(reference=reference, path=str(target), digest=digest)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, COLLECTIONS, json.dumps(given)]
    )
    weights = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    part = target / ".forge-partial" / weights
    while not (part.exists() and part.stat().st_size >= 4 * 2**20):
        assert child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.wait()
    arrived = part.stat().st_size
    bad_line.stalls_after = None

    result = pull(target, model, bad_line.port, digest)

    (resumed,) = [t for t in result["transfers"] if t["size"] == BIG]
    assert resumed["resumed_from"] == arrived
    assert contents(target) == contents(model)
    assert not pull(target, model, registry.port, digest)["changed"]


def test_registry_killed_in_mid_pull_converges(
    registry: Server, model: Path, tmp_path: Path
) -> None:
    (model / "model.safetensors").write_bytes(secrets.token_bytes(64 * 2**20))
    digest = push(model, registry.port)["digest"]
    files = plugin("module_utils.model_files")
    folder = plugin("module_utils.model_folder")
    killed: list[int] = []

    class KillingProgress(files.Progress):  # type: ignore[misc,name-defined]  # the class is loaded at run time
        """Kills the registry when eight MiB have arrived."""

        def begin(self, what: str, size: int, start: int = 0) -> Callable[[int], None]:
            tell = super().begin(what, size, start)

            def kill(done: int) -> None:
                tell(done)
                if size == 64 * 2**20 and done > 8 * 2**20 and not killed:
                    killed.append(done)
                    registry.kill()
                    registry.start()

            return kill

    module = plugin("modules.oci_artifact")
    reference = (
        f"127.0.0.1:{registry.port}/models/{model.parent.name.replace('_', '-')}"
    )
    connection = module.connect(params(reference=reference))
    wanted = folder.from_registry(connection, digest, KillingProgress())
    folder.fill(tmp_path / "target", wanted)

    assert killed
    assert contents(tmp_path / "target") == contents(model)


def test_cut_upload_goes_on(
    registry: Server,
    bad_line: CutDouble,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plugin("module_utils.oci_registry"), "CHUNK", 2 * 2**20)
    # The first connection has passed two chunks of the weights and is cut in the third.
    bad_line.upload_allowance = [5 * 2**20]

    result = push(model, bad_line.port)

    assert bad_line.upload_allowance == []
    sent = [r for r in bad_line.requests if r.startswith(b"PATCH")]
    assert len(sent) >= 6
    name = model.parent.name.replace("_", "-")
    stored = requests.get(
        f"{registry.url}/v2/models/{name}/blobs/{result['files']['model.safetensors']}",
        timeout=10,
    )
    assert stored.content == (model / "model.safetensors").read_bytes()


def test_upload_is_taken_up_by_the_next_run(
    registry: Server,
    bad_line: CutDouble,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plugin("module_utils.oci_registry"), "CHUNK", 2 * 2**20)
    monkeypatch.setattr(plugin("module_utils.oci_http"), "ATTEMPTS", 1)
    bad_line.upload_allowance = [5 * 2**20, 0, 0, 0]
    with pytest.raises(plugin("module_utils.model_files").ModelError, match="gave up"):
        push(model, bad_line.port)
    bad_line.upload_allowance = []
    # The registry may still be writing what it received before the cut.
    monkeypatch.setattr(plugin("module_utils.oci_http"), "ATTEMPTS", 9)

    result = push(model, bad_line.port)

    (resumed,) = [t for t in result["transfers"] if t["size"] == BIG]
    assert resumed["resumed_from"] >= 2 * 2**20
    assert not push(model, registry.port)["changed"]


def test_damaged_file_is_found_and_brought_alone(
    registry: Server, model: Path, tmp_path: Path
) -> None:
    digest = push(model, registry.port)["digest"]
    target = tmp_path / "target"
    pull(target, model, registry.port, digest)
    weights = target / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[BIG // 2] ^= 1
    weights.write_bytes(data)
    (target / "stranger.py").write_text("import os")

    result = pull(target, model, registry.port, digest)

    assert result["flaws"].keys() == {"model.safetensors", "stranger.py"}
    assert [transfer["size"] for transfer in result["transfers"]] == [BIG]
    assert contents(target) == contents(model)


def test_sound_folder_needs_no_registry(
    registry: Server, model: Path, tmp_path: Path
) -> None:
    digest = push(model, registry.port)["digest"]
    pull(tmp_path / "target", model, registry.port, digest)
    assert not pull(tmp_path / "target", model, 9, digest)["changed"]


def test_digest_of_another_artifact_is_refused(
    registry: Server, model: Path, tmp_path: Path
) -> None:
    push(model, registry.port)
    error = plugin("module_utils.model_files").ModelError
    with pytest.raises(error, match="HTTP 404"):
        pull(tmp_path / "target", model, registry.port, f"sha256:{'0' * 64}")
    with pytest.raises(error, match="never taken by its name"):
        pull(tmp_path / "target", model, registry.port, "unresolved")
    assert not (tmp_path / "target").exists()


def test_registry_that_rots_is_found_and_nothing_is_placed(
    registry: Server, model: Path, tmp_path: Path
) -> None:
    """The registry's own file changes: it still answers with the right length."""
    result = push(model, registry.port)
    digits = result["files"]["model.safetensors"].removeprefix("sha256:")
    blobs = registry.folder / "data/docker/registry/v2/blobs/sha256"
    kept = blobs / digits[:2] / digits / "data"
    data = bytearray(kept.read_bytes())
    data[0] ^= 1
    kept.write_bytes(data)

    error = plugin("module_utils.model_files").ModelError
    with pytest.raises(error, match=r"received 9437184 bytes with sha256:"):
        pull(tmp_path / "target", model, registry.port, result["digest"])

    assert "model.safetensors" not in contents(tmp_path / "target")
    data[0] ^= 1
    kept.write_bytes(data)
    assert pull(tmp_path / "target", model, registry.port, result["digest"])["changed"]
    assert contents(tmp_path / "target") == contents(model)


def test_files_that_differ_from_the_declared_digest_are_not_pushed(
    registry: Server, model: Path
) -> None:
    error = plugin("module_utils.model_files").ModelError
    with pytest.raises(error, match="nothing was pushed"):
        push(model, registry.port, digest=f"sha256:{'0' * 64}")
    assert stored(registry, model.parent.name).status_code == 404


def test_too_small_disk_is_refused_with_the_numbers_before_the_pull(
    registry: Server, bad_line: CutDouble, model: Path, small_disk: Path
) -> None:
    (model / "model.safetensors").write_bytes(bytes(60 * 2**20))
    digest = push(model, registry.port)["digest"]
    error = plugin("module_utils.model_files").ModelError

    with pytest.raises(error) as caught:
        pull(small_disk / "target", model, bad_line.port, digest)

    text = str(caught.value)
    assert "needs 62914586 bytes (0.06 GiB)" in text
    assert "too few; nothing was fetched" in text
    assert not [r for r in bad_line.requests if b"/blobs/" in r]
    assert contents(small_disk) == {}


def test_progress_is_in_a_file(registry: Server, model: Path, tmp_path: Path) -> None:
    digest = push(model, registry.port)["digest"]
    progress = tmp_path / "progress.json"
    pull(tmp_path / "t", model, registry.port, digest, progress=str(progress))
    found = json.loads(progress.read_text())
    assert found["done"] == found["size"]
