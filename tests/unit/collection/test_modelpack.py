"""Manifests of models: made the same everywhere, and read with distrust."""

import contextlib
import importlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

PLUGINS = "ansible_collections.forge.platform.plugins.module_utils"
modelpack = importlib.import_module(f"{PLUGINS}.modelpack")
files = importlib.import_module(f"{PLUGINS}.model_files")
oci_reference = importlib.import_module(f"{PLUGINS}.oci_reference")

DIGEST = f"sha256:{'0a' * 32}"
OTHER = f"sha256:{'0b' * 32}"


def layer(**changed: Any) -> dict[str, Any]:
    plain = {
        "mediaType": "application/vnd.cncf.model.weight.v1.raw",
        "digest": DIGEST,
        "size": 5,
        "annotations": {"org.cncf.model.filepath": "model.gguf"},
    }
    return {**plain, **changed}


def manifest(*layers: object) -> bytes:
    return json.dumps({"schemaVersion": 2, "layers": list(layers)}).encode()


def test_same_files_make_the_same_bytes_in_any_order() -> None:
    both = {"b.json": files.File(OTHER, 2), "a.gguf": files.File(DIGEST, 1)}
    about = {"name": "tiny", "licences": ["MIT"], "format": "gguf", "version": None}
    first = modelpack.build(both, about)
    second = modelpack.build(dict(reversed(both.items())), about)
    assert first.manifest == second.manifest
    # The bytes are what others keep as a digest: a change here is a change for them.
    assert first.digest == (
        "sha256:6bbc148d9c85c456e7157452559a6429e90b81007fe8c7b5b0faaa91a747b254"
    )


def test_older_names_are_used_throughout() -> None:
    pack = modelpack.build({"a.gguf": files.File(DIGEST, 1)}, {}, "cnai")
    assert b"cncf" not in pack.manifest
    assert b"application/vnd.cnai.model.weight.v1.raw" in pack.manifest


def test_what_is_built_can_be_read() -> None:
    pack = modelpack.build({"sub/a.gguf": files.File(DIGEST, 1)}, {})
    (found,) = modelpack.read(pack.manifest, "x")
    assert (found.path, found.digest, found.size) == ("sub/a.gguf", DIGEST, 1)
    assert modelpack.blobs(pack.manifest, "x").keys() == {
        DIGEST,
        files.digest_of(pack.config),
    }


def test_weights_of_ollama_have_a_name_and_the_rest_is_left() -> None:
    weights = layer(mediaType="application/vnd.ollama.image.model", annotations={})
    rest = layer(mediaType="application/vnd.ollama.image.params", annotations={})
    (found,) = modelpack.read(manifest(weights, rest), "x")
    assert found.path == "model.gguf"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not the manifest of one"),
        (b'{"manifests": []}', "not the manifest of one"),
        (manifest(), "names no file"),
        (manifest(layer(), layer()), "there twice"),
        (manifest(layer(annotations={})), "without a path"),
        (manifest(layer(digest="sha256:short")), "no sound digest"),
        (manifest(layer(size=-1)), "no sound digest"),
        (manifest(layer(size=True)), "no sound digest"),
        (manifest(layer(mediaType="application/vnd.x.v1.tar")), "is packed"),
        (manifest(layer(mediaType="application/vnd.x.v1.tar+zstd")), "is packed"),
    ],
)
def test_unsound_manifest_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(files.ModelError, match=said):
        modelpack.read(data, "x")


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../up", "a/../../up", ".hidden", "a/.b", "a\\b", "a\nb", "a\0b"],
)
def test_path_that_leaves_the_folder_is_refused(path: str) -> None:
    unsound = layer(annotations={"org.cncf.model.filepath": path})
    with pytest.raises(files.ModelError, match="not a path inside"):
        modelpack.read(manifest(unsound), "x")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["layers", "config", "digest", "size", "annotations"]),
                inner,
            )
        ),
    )
)
def test_any_document_is_read_or_refused(document: object) -> None:
    for read in (modelpack.read, modelpack.blobs):
        with contextlib.suppress(files.ModelError):
            read(json.dumps({"layers": [document]}).encode(), "x")


@pytest.mark.parametrize(
    "text",
    ["tiny", "library/tiny", "https://r.test/x", "r.test/X", "r.test/x:", "r.test/x@1",
     "r.test/a//b", "r.test:port/x", "r.test/x:a b", "user@r.test/x"],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(files.ModelError, match="is not a reference"):
        oci_reference.parse(text)


def test_reference_has_host_repository_tag_and_digest() -> None:
    found = oci_reference.parse(f"r.test:5000/a/b_c:1.0@{DIGEST}")
    assert (found.host, found.repository) == ("r.test:5000", "a/b_c")
    assert (found.tag, found.digest) == ("1.0", DIGEST)
