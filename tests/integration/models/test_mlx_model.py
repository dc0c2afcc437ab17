"""The module forge.platform.mlx_model: folders, and artifacts of a real registry."""

import hashlib
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.models.artifact import contents, plugin, refused
from tests.integration.models.servers import CutDouble, Server

from forge.models.inspect import folder_listing

BIG = 5 * 2**20  # bytes

type Run = Callable[..., dict[str, Any]]


def digest_of(folder: Path) -> str:
    return f"sha256:{hashlib.sha256(folder_listing(folder)[0]).hexdigest()}"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(secrets.token_bytes(BIG))
    (folder / "config.json").write_text(json.dumps({"hidden_size": 64}))
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def options(models: Path, digest: str, **source: object) -> dict[str, Any]:
    empty = dict.fromkeys(("username", "password", "plain_http", "ca_path", "progress"))
    return {
        **empty,
        "name": "tiny",
        "digest": digest,
        "source": {"folder": None, "oci": None, **source},
        "models_dir": str(models),
        "timeout": 20,
    }


def present(
    models: Path, digest: str, *, check: bool = False, **source: object
) -> dict[str, Any]:
    act = plugin("modules.mlx_model").present
    result: dict[str, Any] = act(options(models, digest, **source), check=check)
    return result


def test_play_places_a_folder_and_changes_nothing_twice(
    run: Run, source: Path, models: Path
) -> None:
    wanted = {
        "name": "tiny",
        "digest": digest_of(source),
        "source": {"folder": str(source)},
        "models_dir": str(models),
    }
    foreseen = run("mlx_model", "--check", "--diff", **wanted)
    assert (foreseen["status"], foreseen["changed"]) == (0, True)
    assert not [*models.iterdir()], "check mode wrote"
    first = run("mlx_model", **wanted)
    assert (first["status"], first["changed"]) == (0, True), first
    assert contents(models / "tiny") == contents(source)
    assert not run("mlx_model", **wanted)["changed"]

    gone = {**wanted, "state": "absent"}
    assert run("mlx_model", **gone)["changed"]
    assert not [*(models / ".versions").iterdir()]
    assert not run("mlx_model", **gone)["changed"]


def test_digest_in_python_and_of_sha256sum_are_one(source: Path) -> None:
    """The command and the module count the same files in the same order."""
    files = plugin("module_utils.model_files")
    names = [*files.folder_files(source)]
    listing = files.listing({name: files.hash_file(source / name) for name in names})
    assert files.digest_of(listing) == digest_of(source)


def test_wrong_folder_leaves_the_served_model_untouched(
    source: Path, models: Path
) -> None:
    present(models, digest_of(source), folder=str(source))
    before = contents(models / "tiny")
    with refused("nothing was replaced"):
        present(models, f"sha256:{'0' * 64}", folder=str(source))
    assert contents(models / "tiny") == before


def test_new_version_takes_what_is_the_same_and_removes_the_old(
    source: Path, models: Path
) -> None:
    present(models, digest_of(source), folder=str(source))
    old = (models / "tiny").resolve()
    weights = (models / "tiny/model.safetensors").stat().st_ino
    (source / "config.json").write_text("{}")

    result = present(models, digest_of(source), folder=str(source))

    assert [transfer["what"] for transfer in result["transfers"]] == ["config.json"]
    assert (models / "tiny/model.safetensors").stat().st_ino == weights
    assert contents(models / "tiny") == contents(source)
    assert not old.exists()


def test_damaged_file_is_found_and_replaced_alone(source: Path, models: Path) -> None:
    digest = digest_of(source)
    present(models, digest, folder=str(source))
    for _ in range(2):  # the version of a repair can rot as well
        path = models / "tiny/model.safetensors"
        data = bytearray(path.read_bytes())
        data[BIG // 2] ^= 1
        path.write_bytes(data)

        result = present(models, digest, folder=str(source))

        assert result["flaws"].keys() == {"model.safetensors"}
        assert [t["what"] for t in result["transfers"]] == ["model.safetensors"]
        assert contents(models / "tiny") == contents(source)
        assert not present(models, digest, folder=str(source))["changed"]
    assert len([*(models / ".versions").iterdir()]) == 1


def test_stranger_in_the_folder_is_a_flaw(source: Path, models: Path) -> None:
    digest = digest_of(source)
    present(models, digest, folder=str(source))
    (models / "tiny/tokenizer.py").write_text("import os")
    result = present(models, digest, folder=str(source))
    assert result["flaws"] == {"tokenizer.py": "does not belong to the model"}
    assert contents(models / "tiny") == contents(source)


def test_sound_model_needs_no_source(source: Path, models: Path) -> None:
    digest = digest_of(source)
    present(models, digest, folder=str(source))
    assert not present(models, digest, folder="/nowhere")["changed"]
    # As a play asks whether to copy the source at all.
    assert present(models, digest_of(models), check=True, folder="/nowhere")["changed"]


def test_killed_in_mid_copy_converges(
    source: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = digest_of(source)
    (source / "config.json").rename(source / "a.json")  # brought first
    digest = digest_of(source)
    folder = plugin("module_utils.model_folder")
    real = folder.hash_file

    def killed(path: Path) -> str:
        if path.parent.name == ".forge-partial" and path.stat().st_size == BIG:
            raise KeyboardInterrupt
        digest: str = real(path)
        return digest

    monkeypatch.setattr(folder, "hash_file", killed)
    with pytest.raises(KeyboardInterrupt):
        present(models, digest, folder=str(source))
    assert not (models / "tiny").exists(), "half a model has no name"
    monkeypatch.setattr(folder, "hash_file", real)

    result = present(models, digest, folder=str(source))

    assert [t["what"] for t in result["transfers"]] == ["model.safetensors"]
    assert contents(models / "tiny") == contents(source)


def test_too_small_disk_is_refused_with_the_numbers(
    source: Path, small_disk: Path
) -> None:
    (source / "model.safetensors").write_bytes(bytes(60 * 2**20))
    with refused(r"needs 6291\d+ bytes .* nothing was fetched"):
        present(small_disk, digest_of(source), folder=str(source))
    assert not (small_disk / "tiny").exists()


def test_folder_of_somebody_else_is_not_replaced(source: Path, models: Path) -> None:
    (models / "tiny").mkdir()
    with refused("was not made here"):
        present(models, digest_of(source), folder=str(source))


def test_artifact_is_placed_after_a_cut(
    registry: Server, bad_line: CutDouble, source: Path, models: Path
) -> None:
    empty = dict.fromkeys(
        ("digest", "username", "password", "plain_http", "ca_path", "progress")
    )
    reference = f"127.0.0.1:{registry.port}/models/mlx:1"
    given = {"reference": reference, "path": str(source), "timeout": 20, "about": {}}
    push = plugin("modules.oci_artifact").push
    digest = push({**empty, **given, "media_types": "cncf"}, check=False)["digest"]
    bad_line.allowance = [2 * 2**20]
    cut = f"127.0.0.1:{bad_line.port}/models/mlx:1"

    assert present(models, digest, oci=cut)["changed"]

    assert bad_line.allowance == [], "the line was cut"
    assert contents(models / "tiny") == contents(source)
    assert not present(models, digest, oci="127.0.0.1:9/models/mlx:1")["changed"]
