"""Lists of files, space, progress."""

import importlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

PLUGINS = "ansible_collections.forge.platform.plugins.module_utils"
files = importlib.import_module(f"{PLUGINS}.model_files")

DIGEST = f"sha256:{'0a' * 32}"


def test_list_of_files_is_read_as_it_was_written() -> None:
    both = {"b/c.json": DIGEST, "a b.gguf": DIGEST}
    data = files.listing(both)
    assert data.startswith(b"0a0a")
    assert data.index(b"a b.gguf") < data.index(b"b/c.json")
    assert files.parse_listing(data) == both


@given(st.binary(max_size=200))
def test_any_list_is_read_or_refused(data: bytes) -> None:
    try:
        found = files.parse_listing(data)
    except files.ModelError:
        return
    assert all(not name.startswith(("/", ".")) for name in found)


@pytest.mark.parametrize("line", ["../up", "/etc/passwd", ".ssh/authorized_keys"])
def test_list_that_leads_out_of_the_folder_is_refused(line: str) -> None:
    with pytest.raises(files.ModelError, match="not a path inside"):
        files.parse_listing(f"{'0a' * 32}  {line}\n".encode())


def test_what_does_not_fit_is_refused_with_every_number(tmp_path: Path) -> None:
    with pytest.raises(files.ModelError) as caught:
        files.require_space(tmp_path / "not/there/yet", 2**60, "the model")
    text = str(caught.value)
    assert f"needs {2**60} bytes (1073741824.00 GiB)" in text
    assert "have to stay free, but only" in text
    files.require_space(tmp_path, 1, "the model")


@pytest.mark.parametrize("text", ["unresolved", "sha256:12", "md5:0", "", DIGEST + "0"])
def test_model_is_never_taken_without_a_digest(text: str) -> None:
    with pytest.raises(
        files.ModelError, match=r"never taken by its name|is not a digest"
    ):
        files.require_digest(text)


def test_progress_is_one_whole_object_in_a_file(tmp_path: Path) -> None:
    progress = files.Progress(tmp_path / "progress.json")
    tell = progress.begin("model.gguf", 10, 4)
    assert json.loads((tmp_path / "progress.json").read_text())["done"] == 4
    tell(10)
    assert json.loads((tmp_path / "progress.json").read_text()) == {
        "what": "model.gguf",
        "done": 10,
        "size": 10,
    }
    assert progress.transfers[0]["resumed_from"] == 4
