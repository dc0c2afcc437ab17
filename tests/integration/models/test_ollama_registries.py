"""The module forge.platform.ollama_model with the real Ollama and a real registry."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from tests.integration.models.artifact import plugin, refused
from tests.integration.models.engine import (
    blob,
    damage,
    options,
    present,
    store,
    tags,
    work,
)
from tests.integration.models.servers import CutDouble, Server

pytestmark = pytest.mark.usefixtures("empty_ollama")

type MakeGguf = Callable[..., str]


def pushed(server: Server, path: Path) -> tuple[str, str]:
    """Push a file as an artifact; return reference and digest."""
    reference = f"127.0.0.1:{server.port}/models/{path.stem}:1"
    empty = dict.fromkeys(
        ("digest", "username", "password", "plain_http", "ca_path", "progress")
    )
    given = {"reference": reference, "path": str(path), "timeout": 20, "about": {}}
    push = plugin("modules.oci_artifact").push
    result = push({**empty, **given, "media_types": "cncf"}, check=False)
    return reference, result["digest"]


def test_artifact_is_brought_and_then_needs_no_registry(
    ollama: Server, registry: Server, make_gguf: MakeGguf, tmp_path: Path
) -> None:
    weights = make_gguf(tmp_path / "tiny-a.gguf")
    reference, digest = pushed(registry, tmp_path / "tiny-a.gguf")
    wanted = options(ollama, digest, oci=reference)

    assert present(wanted)["changed"]
    assert blob(ollama, weights).exists()
    assert not [*(work(ollama) / "partial").iterdir()], "nothing is left twice"
    nobody = options(ollama, digest, oci="127.0.0.1:9/models/tiny-a:1")
    assert not present(nobody)["changed"]


def test_cut_artifact_is_gone_on_with_by_the_next_run(  # noqa: PLR0917 - fixtures
    ollama: Server,
    registry: Server,
    bad_line: CutDouble,
    make_gguf: MakeGguf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_gguf(tmp_path / "tiny-b.gguf", 9 * 2**20)
    reference, digest = pushed(registry, tmp_path / "tiny-b.gguf")
    reference = reference.replace(str(registry.port), str(bad_line.port))
    monkeypatch.setattr(plugin("module_utils.oci_http"), "ATTEMPTS", 1)
    bad_line.allowance = [4 * 2**20, 0, 0, 0]
    wanted = options(ollama, digest, oci=reference)
    with refused("gave up"):
        present(wanted)
    assert tags(ollama) == {}
    bad_line.allowance = []

    result = present(wanted)

    assert result["transfers"][0]["resumed_from"] > 2**20
    assert not present(wanted)["changed"]


def test_artifact_that_does_not_fit_is_refused_before_its_bytes_are_asked_for(  # noqa: PLR0917 - fixtures
    make_ollama: Callable[[Path, Path], Server],
    make_gguf: MakeGguf,
    bad_line: CutDouble,
    registry: Server,
    small_disk: Path,
    tmp_path: Path,
) -> None:
    server = make_ollama(tmp_path, small_disk / "models")
    make_gguf(tmp_path / "tiny-c.gguf", 60 * 2**20)
    reference, digest = pushed(registry, tmp_path / "tiny-c.gguf")
    reference = reference.replace(str(registry.port), str(bad_line.port))
    wanted = options(server, digest, oci=reference)

    with refused(r"needs 6291\d+ bytes .* nothing was fetched"):
        present(wanted, models_dir=str(small_disk / "models"))

    assert not [each for each in bad_line.requests if b"/blobs/" in each]


@pytest.fixture
def published(
    ollama: Server, registry: Server, make_gguf: MakeGguf, tmp_path: Path
) -> Callable[..., tuple[str, str]]:
    """Publish a model with Ollama itself; return its name there and its digest."""

    def publish(tag: str, size: int = 2**20) -> tuple[str, str]:
        path = tmp_path / f"{tag}.gguf"
        present(options(ollama, make_gguf(path, size), file=str(path)), name="mine")
        name = f"127.0.0.1:{registry.port}/library/tiny:{tag}"
        base = ollama.url
        copy = {"source": "mine", "destination": name}
        assert requests.post(f"{base}/api/copy", json=copy, timeout=30).ok
        push = {"model": f"http://{name}", "insecure": True}
        answer = requests.post(f"{base}/api/push", json=push, timeout=60)
        assert json.loads(answer.text.splitlines()[-1])["status"] == "success"
        for each in ("mine", name):
            gone = {"model": each}
            assert requests.delete(f"{base}/api/delete", json=gone, timeout=30).ok
        accept = "application/vnd.docker.distribution.manifest.v2+json"
        stored = requests.get(
            f"{registry.url}/v2/library/tiny/manifests/{tag}",
            headers={"Accept": accept},
            timeout=30,
        )
        return name, f"sha256:{hashlib.sha256(stored.content).hexdigest()}"

    return publish


def test_pull_is_by_digest_and_leaves_one_name(
    ollama: Server, published: Callable[..., tuple[str, str]]
) -> None:
    name, digest = published("one")
    assert tags(ollama) == {}
    wanted = options(ollama, digest, registry=name)

    result = present(wanted, parameters={})

    assert result["digest"] == digest
    assert result["transfers"]
    assert tags(ollama) == {"tiny:latest": digest.removeprefix("sha256:")}
    assert not present(wanted, parameters={})["changed"]
    assert present(wanted, parameters={"num_ctx": 2048})["changed"]
    assert not present(wanted, parameters={"num_ctx": 2048})["changed"]
    assert list(tags(ollama)) == ["tiny:latest"]


def test_moved_tag_is_refused_unpulled(
    ollama: Server, published: Callable[..., tuple[str, str]]
) -> None:
    name, digest = published("moves")
    wanted = options(ollama, digest, registry=name)
    present(wanted)
    before = tags(ollama)
    _, other = published("moves")
    assert other != digest
    blob_count = len([*(store(ollama) / "blobs").iterdir()])

    assert not present(wanted)["changed"], "what is there is what is declared"
    newest = f"sha256:{'0' * 64}"
    with refused("nothing was pulled, what was served is untouched"):
        present(options(ollama, newest, registry=name))

    assert tags(ollama) == before
    assert len([*(store(ollama) / "blobs").iterdir()]) == blob_count


def test_name_of_the_registry_itself_is_refused(
    ollama: Server, published: Callable[..., tuple[str, str]]
) -> None:
    name, digest = published("own")
    with refused("give the model a name of its own"):
        present(options(ollama, digest, registry=name), name=name)


def test_corrupted_blob_is_pulled_again(
    ollama: Server, published: Callable[..., tuple[str, str]]
) -> None:
    name, digest = published("rots")
    wanted = options(ollama, digest, registry=name)
    present(wanted)
    parts = [*(store(ollama) / "blobs").iterdir()]
    weights = max(parts, key=lambda path: path.stat().st_size)
    damage(weights)

    assert "is damaged" in present(wanted)["flaws"][0]

    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert weights.name == f"sha256-{found}"
    assert not present(wanted)["changed"]


def test_engine_killed_in_mid_pull_converges_on_the_next_run(
    ollama: Server, published: Callable[..., tuple[str, str]]
) -> None:
    name, digest = published("large", 48 * 2**20)
    module, files = plugin("modules.ollama_model"), plugin("module_utils.model_files")
    origin = plugin("module_utils.ollama_origin")
    killed: list[int] = []

    class KillingProgress(files.Progress):  # type: ignore[misc,name-defined]  # the class is loaded at run time
        """Kills the engine when four MiB have arrived."""

        def begin(self, what: str, size: int, start: int = 0) -> Callable[[int], None]:
            tell = super().begin(what, size, start)

            def kill(done: int) -> None:
                tell(done)
                if done > 4 * 2**20 and not killed:
                    killed.append(done)
                    ollama.kill()

            return kill

    wanted = options(ollama, digest, registry=name)
    place = module._place(wanted)
    place = origin.Place(place.engine, place.store, place.work, KillingProgress())
    name_here = plugin("module_utils.ollama_store").parse_name("tiny")
    with refused("run again"):
        module._origin(wanted, place, digest).bring(name_here, {}, [])
    assert killed
    assert 0 < killed[0] < 48 * 2**20
    ollama.start()
    assert tags(ollama) == {}

    result = present(wanted, parameters={})

    assert result["digest"] == digest
    weights = [t for t in result["transfers"] if t["size"] > 2**20]
    assert weights[0]["resumed_from"] >= killed[0], "what arrived is not sent again"
    assert not present(wanted, parameters={})["changed"]
