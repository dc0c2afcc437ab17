"""The module forge.platform.ollama_model with the real Ollama and a real registry."""

import hashlib
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from forge import paths
from forge.testbed import models as model_files

if TYPE_CHECKING:
    from tests.integration.models.conftest import CutDouble, Server

CHECKOUT = paths.checkout(Path(__file__).parent)
CACHE = paths.cache()
PLUGINS = "ansible_collections.forge.platform.plugins"

type Run = Callable[..., dict[str, Any]]
type MakeGguf = Callable[..., str]


def plugin(name: str) -> Any:
    return importlib.import_module(f"{PLUGINS}.{name}")


def refused(match: str) -> Any:
    return pytest.raises(plugin("module_utils.model_files").ModelError, match=match)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin("module_utils.oci_http"), "PAUSE", 0.01)


@pytest.fixture(autouse=True)
def _empty(ollama: "Server") -> None:
    """Each test begins without models."""
    for name in tags(ollama):
        answer = requests.delete(
            f"{ollama.url}/api/delete", json={"model": name}, timeout=30
        )
        assert answer.ok, answer.text


def tags(server: "Server") -> dict[str, str]:
    models = requests.get(f"{server.url}/api/tags", timeout=30).json()["models"]
    return {model["name"]: model["digest"] for model in models}


def shown(server: "Server", name: str) -> dict[str, Any]:
    answer = requests.post(f"{server.url}/api/show", json={"model": name}, timeout=30)
    found: dict[str, Any] = answer.json()
    return found


def store(server: "Server") -> Path:
    return server.folder / "models"


def work(server: "Server") -> Path:
    return server.folder / "work"


def blob(server: "Server", digest: str) -> Path:
    return store(server) / "blobs" / digest.replace(":", "-")


def options(server: "Server", digest: str, **source: object) -> dict[str, Any]:
    empty = dict.fromkeys(("username", "password", "plain_http", "ca_path", "progress"))
    return {
        **empty,
        "state": "present",
        "name": "tiny",
        "digest": digest,
        "source": {"file": None, "oci": None, "registry": None, **source},
        "parameters": {"num_ctx": 512},
        "url": server.url,
        "models_dir": str(store(server)),
        "work_dir": str(work(server)),
        "timeout": 60,
    }


def present(params: dict[str, Any], **changes: object) -> dict[str, Any]:
    module = plugin("modules.ollama_model")
    result: dict[str, Any] = module.present({**params, **changes}, check=False)
    return result


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_play_brings_a_file_and_changes_nothing_twice(
    run: Run, ollama: "Server", make_gguf: MakeGguf, tmp_path: Path
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
    ollama: "Server", make_gguf: MakeGguf, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    wanted = options(ollama, make_gguf(path), file=str(path))
    present(wanted)
    path.unlink()

    result = present(wanted, parameters={"num_ctx": 1024})

    assert result["flaws"] == ["num_ctx is 512, not 1024"]
    assert result["transfers"] == []
    assert "1024" in shown(ollama, "tiny")["parameters"]


def test_corrupted_weights_are_found_and_replaced(
    ollama: "Server", make_gguf: MakeGguf, tmp_path: Path
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
    ollama: "Server", make_gguf: MakeGguf, tmp_path: Path
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
    ollama: "Server", make_gguf: MakeGguf, tmp_path: Path
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
    ollama: "Server", make_gguf: MakeGguf, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    present(options(ollama, make_gguf(path), file=str(path)))
    before = tags(ollama)

    newer = f"sha256:{'0' * 64}"
    with refused("what was served is untouched"):
        present(options(ollama, newer, file=str(path)))

    assert tags(ollama) == before
    assert not blob(ollama, newer).exists()


def test_unresolved_digest_is_refused(ollama: "Server", tmp_path: Path) -> None:
    with refused("never taken by its name"):
        present(options(ollama, "unresolved", file=str(tmp_path / "x.gguf")))


def test_address_and_folder_of_two_engines_are_refused(
    ollama: "Server", make_gguf: MakeGguf, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    wanted = options(ollama, make_gguf(path), file=str(path))
    present(wanted)
    (tmp_path / "other").mkdir()
    with refused("of one engine"):
        present(wanted, models_dir=str(tmp_path / "other"))


def test_too_small_disk_is_refused_with_the_numbers(
    make_ollama: Callable[[Path, Path], "Server"],
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


# From an OCI registry


def pushed(server: "Server", path: Path) -> tuple[str, str]:
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
    ollama: "Server", registry: "Server", make_gguf: MakeGguf, tmp_path: Path
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
    ollama: "Server",
    registry: "Server",
    bad_line: "CutDouble",
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
    make_ollama: Callable[[Path, Path], "Server"],
    make_gguf: MakeGguf,
    bad_line: "CutDouble",
    registry: "Server",
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


# From a registry of Ollama's kind


@pytest.fixture
def published(
    ollama: "Server", registry: "Server", make_gguf: MakeGguf, tmp_path: Path
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
    ollama: "Server", published: Callable[..., tuple[str, str]]
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
    ollama: "Server", published: Callable[..., tuple[str, str]]
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
    ollama: "Server", published: Callable[..., tuple[str, str]]
) -> None:
    name, digest = published("own")
    with refused("give the model a name of its own"):
        present(options(ollama, digest, registry=name), name=name)


def test_corrupted_blob_is_pulled_again(
    ollama: "Server", published: Callable[..., tuple[str, str]]
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
    ollama: "Server", published: Callable[..., tuple[str, str]]
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


def test_real_model_is_brought_and_answers(ollama: "Server") -> None:
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
