"""Images are what their recipes say, and the same bytes each time."""

import io
import json
import tarfile
from pathlib import Path

import msgspec
import pytest

from forge import artifacts
from forge.errors import InputError
from forge.images import archive, build, layer
from forge.images.recipe import Recipe, load_all

CHECKOUT = Path(__file__).parents[3]
VERSIONS = artifacts.load(CHECKOUT / "versions.yml")
SETTINGS = archive.Settings(["tool", "serve"], 65532, {"A": "b"}, {"title": "x"})


def recipe(**more: object) -> Recipe:
    return msgspec.convert(
        {"entrypoint": ["tool"], "artifacts": ["registry"], **more}, Recipe
    )


def packed(files: dict[str, tarfile.TarInfo | bytes]) -> tarfile.TarFile:
    """Return what mmdebstrap gives: members with a leading ``./``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = f"./{name}"
                tar.addfile(content)
                continue
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.mode, info.mtime, info.uid = len(content), 0o755, 77, 12
            tar.addfile(info, io.BytesIO(content))
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


def linked(kind: bytes, to: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, to
    return info


def written(
    of: Recipe, programs: dict[str, Path], packages: tarfile.TarFile | None = None
) -> bytes:
    buffer = io.BytesIO()
    layer.write(buffer, of, programs, packages)
    return buffer.getvalue()


def members(raw: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        return {info.name: info for info in tar.getmembers()}


@pytest.fixture
def program(tmp_path: Path) -> dict[str, Path]:
    file = tmp_path / "tool"
    file.write_bytes(b"program")
    return {"tool": file}


@pytest.mark.parametrize("name", sorted(load_all(CHECKOUT)))
def test_a_committed_recipe_names_what_is_pinned(name: str) -> None:
    item = load_all(CHECKOUT)[name]
    reference = item.reference(name, VERSIONS)
    assert reference.startswith(f"forge.local/{name}:")
    assert "latest" not in reference
    assert build.key(name, item, "amd64", VERSIONS).version == item.tag(VERSIONS)


def test_a_layer_holds_programs_accounts_and_folders(program: dict[str, Path]) -> None:
    of = recipe(folders=["/var/lib/tool"], links={"/usr/bin/t": "/usr/local/bin/tool"})
    found = members(written(of, program))
    assert found["usr/local/bin/tool"].mode == 0o755
    assert found["usr/bin/t"].linkname == "/usr/local/bin/tool"
    assert (found["var/lib/tool"].uid, found["var/lib"].uid) == (65532, 0)
    assert found["tmp"].mode == 0o1777
    assert found["bin"].linkname == "usr/bin"
    assert "etc/passwd" in found


def test_a_layer_depends_on_content_alone(
    program: dict[str, Path], tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    other.write_bytes(b"program")
    other.chmod(0o700)
    again = written(recipe(), {"tool": other})
    assert again == written(recipe(), program)
    other.write_bytes(b"another")
    assert written(recipe(), {"tool": other}) != again


def test_packages_give_what_is_kept_and_no_more() -> None:
    of = recipe(artifacts=[], packages=["p"], keep=["usr/bin/*", "usr/lib/*.so.*"])
    found = written(
        of,
        {},
        packed(
            {
                "usr/bin/server": b"binary",
                "usr/lib/x/libc.so.6": linked(tarfile.SYMTYPE, "libc-2.so"),
                "usr/bin/same": linked(tarfile.LNKTYPE, "./usr/bin/server"),
                "usr/share/doc/p": b"words",
            }
        ),
    )
    assert members(found)["usr/lib/x/libc.so.6"].linkname == "libc-2.so"
    assert "usr/share/doc/p" not in members(found)
    assert {info.mtime for info in members(found).values()} == {0}
    assert {info.uid for info in members(found).values()} == {0}
    with tarfile.open(fileobj=io.BytesIO(found)) as tar:
        same = tar.extractfile("usr/bin/same")
        assert same is not None
        assert same.read() == b"binary"


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    of = recipe(artifacts=[], packages=["p"], keep=["usr/sbin/gone"])
    with pytest.raises(layer.LayerError, match="usr/sbin/gone"):
        written(of, {}, packed({"usr/bin/server": b"x"}))


def test_a_program_that_no_artifact_has_is_named(program: dict[str, Path]) -> None:
    with pytest.raises(layer.LayerError, match=r"program other \(there is tool\)"):
        written(recipe(programs=["other"]), program)


def test_an_archive_is_a_layout_that_names_its_image(
    program: dict[str, Path], tmp_path: Path
) -> None:
    base, target = tmp_path / "layer", tmp_path / "image.tar"
    base.write_bytes(written(recipe(), program))
    reference = "forge.local/tool:v1"
    digest = archive.write(target, reference, "amd64", base, SETTINGS)
    assert archive.digest_of(target) == digest
    with tarfile.open(target) as tar:
        blobs = {
            info.name: stream.read()
            for info in tar.getmembers()
            if (stream := tar.extractfile(info))
        }
    index = json.loads(blobs["index.json"])["manifests"][0]
    assert index["annotations"]["io.containerd.image.name"] == reference
    manifest = json.loads(blobs[f"blobs/sha256/{index['digest'][7:]}"])
    config = json.loads(blobs[f"blobs/sha256/{manifest['config']['digest'][7:]}"])
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    assert blobs[f"blobs/sha256/{manifest['layers'][0]['digest'][7:]}"] == (
        base.read_bytes()
    )
    assert config["config"]["User"] == "65532:65532"
    assert "A=b" in config["config"]["Env"]
    assert archive.write(tmp_path / "b", reference, "amd64", base, SETTINGS) == digest
    assert (tmp_path / "b").read_bytes() == target.read_bytes()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("entrypoint: [x]", "neither artifacts nor packages"),
        ("entrypoint: [x]\npackages: [p]", "packages and keep need each other"),
        ("entrypoint: [x]\nartifacts: [a]\nkeep: [x]", "packages and keep need"),
        ("entrypoint: [x]\nartifacts: [a]\nuser: 0", "user 0 needs a reason"),
        ("entrypoint: [x]\nartifacts: [a]\nfolder: /x", "unknown field `folder`"),
        ("entrypoint: [x", "while parsing"),
    ],
)
def test_a_bad_recipe_is_refused_by_file(tmp_path: Path, text: str, says: str) -> None:
    folder = tmp_path / "testbed" / "images"
    folder.mkdir(parents=True)
    (folder / "tool.yml").write_text(text)
    with pytest.raises(InputError, match=r"tool\.yml: ") as caught:
        load_all(tmp_path)
    assert says in str(caught.value)


def test_an_unknown_image_lists_the_names(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no image is named 'x'\s+remedy: use one of: tool"
    ):
        build.ensure(
            "x", {"tool": recipe()}, "amd64", versions=VERSIONS,
            cache=artifacts.Cache(tmp_path),
        )  # fmt: skip


def test_an_image_is_made_once_and_again_with_another_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: dict[str, Path]
) -> None:
    def unpacked(scratch: Path, *_: object) -> Path:
        target = scratch / "p.tar"
        with tarfile.open(target, "w") as tar:
            tar.add(program["tool"], "./usr/bin/tool")
        return target

    monkeypatch.setattr(build, "unpack", unpacked)
    cache = artifacts.Cache(tmp_path / "cache")

    def made(of: Recipe) -> build.Image:
        return build.ensure("t", {"t": of}, "amd64", versions=VERSIONS, cache=cache)

    one = recipe(artifacts=[], packages=["p"], keep=["usr/bin/tool"])
    first, again = made(one), made(one)
    assert (first.is_new, again.is_new) == (True, False)
    assert first.digest == again.digest
    assert first.reference == f"forge.local/t:debian-{VERSIONS.pins.debian.version}"
    other = made(msgspec.structs.replace(one, environment={"X": "y"}))
    assert other.is_new
    assert other.digest != first.digest
    assert other.archive != first.archive
