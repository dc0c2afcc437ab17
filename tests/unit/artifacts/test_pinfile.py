"""versions.yml is read strictly: what is wrong is named by its key."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from forge.artifacts import pinfile
from forge.artifacts.errors import PinError
from forge.artifacts.pins import UNRESOLVED, Arch, fill

from .conftest import CHECKOUT, Document, built, document, released

SHA = "0" * 64
SUM = "h1:" + "A" * 43 + "="


def valid() -> Document:
    """Return a document with one artifact of each kind."""
    both = {
        **released("https://vendor.test/{version}/tool{suffix}", SHA),
        "module": built(sums={"example.test/hello": SUM})["module"],
    }
    local = {
        "licence": "MIT",
        "version": "v1.0.0+local1",
        "local": {"files": ["x"], "payload": ["tool"], "sources": "testbed/x"},
    }
    return document({"tool": both, "inside": local})


def edited(path: str, value: object) -> str:
    """Return the valid document as text, with one key set or, by ``...``, removed."""
    raw = copy.deepcopy(valid())
    *steps, last = path.split("/")
    node: Any = raw
    for step in steps:
        node = node[step]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return yaml.safe_dump(raw)


def test_the_valid_document_is_valid() -> None:
    pins = pinfile.decode(yaml.safe_dump(valid()))
    assert list(pins.artifacts) == ["inside", "tool"]


ASSET = "artifacts/tool/release/tool"
# path, value (... removes the key), what the message must say
BAD: list[tuple[str, object, str]] = [
    ("surprise", 1, "unknown field `surprise`"),
    ("go/minimum", ..., "go: .*missing required field `minimum`"),
    ("go/minimum", 1.26, "go.minimum: Expected `str`, got `float`"),
    ("go/minimum", "1.26", "go.minimum: Expected `str` matching"),
    ("go/minimum", "9.9.9", r"go.wheel.version: 1.\S+ is older than go.minimum 9.9.9"),
    ("go/wheel/sha256/arm64", UNRESOLVED, "go.wheel.sha256: unresolved"),
    ("go/wheel/sha256/amd64", SHA[1:], "go.wheel.sha256.amd64: Expected"),
    ("python/hosts", "three", "python.hosts: Expected"),
    ("python/controller", "3.12", "python.controller: Expected `array`, got `str`"),
    ("python/controller", ["3.12", "4"], "python.controller.1: Expected"),
    ("debian/suite", "Trixie", "debian.suite: Expected"),
    ("debian/suite", ..., "debian: .*missing required field `suite`"),
    ("artifacts", [], "artifacts: Expected `object`, got `array`"),
    ("artifacts/Tool-2", {}, "artifacts.Tool-2: Expected `str` matching regex"),
    ("artifacts/tool/version", ..., "artifacts.tool: .*required field `version`"),
    ("artifacts/tool/version", 1.2, "artifacts.tool.version: Expected `str`"),
    ("artifacts/tool/version", "1.2.3", "artifacts.tool.version: Expected"),
    ("artifacts/tool/version", "latest", "artifacts.tool.version: Expected"),
    ("artifacts/tool/licence", "", "artifacts.tool.licence: Expected"),
    ("artifacts/tool/checksum", "x", "artifacts.tool: .*unknown field `checksum`"),
    (f"{ASSET}/sha256/amd64", "abc", "artifacts.tool.release.tool.sha256.amd64: "),
    (f"{ASSET}/sha256/amd64", "A" * 64, "artifacts.tool.release.tool.sha256.amd64: "),
    (f"{ASSET}/sha256/arm64", ..., "artifacts.tool.release.tool.sha256: .*`arm64`"),
    (f"{ASSET}/sha256/riscv64", SHA, "release.tool.sha256: .*unknown field `riscv64`"),
    (f"{ASSET}/url", ..., "artifacts.tool.release.tool: .*field `url`"),
    (f"{ASSET}/url", "http://vendor.test/tool", "release.tool.url: .* is not https"),
    (f"{ASSET}/url", "ftp://vendor.test/tool", "release.tool.url: .* is not https"),
    (f"{ASSET}/url", "https://vendor.test/{release}", "unknown placeholder {release}"),
    (f"{ASSET}/checksums", "file:///etc/passwd", "tool.checksums: .* is not https"),
    (f"{ASSET}/members", {"../x": "x"}, r"tool.members.\.\./x: Expected `str` match"),
    (f"{ASSET}/members", {"tool": "{dir}/x"}, "members.tool: unknown placeholder"),
    (f"{ASSET}/members", {"other": "x"}, "release and module differ in other, tool"),
    (
        "artifacts/tool/release/more",
        valid()["artifacts"]["tool"]["release"]["tool"] | {"members": {"tool": "tool"}},
        "two assets give tool; keep one",
    ),
    ("artifacts/tool/module/programs", {"tool": "hello"}, "module.programs.tool: "),
    (
        "artifacts/tool/module/programs",
        {"tool": "other.test/x"},
        "module.programs.tool: other.test/x is in no module of sums",
    ),
    (
        "artifacts/tool/module/programs",
        {"a": "example.test/hello/x/v2", "b": "example.test/hello/y/x"},
        "Go would write two programs to x",
    ),
    ("artifacts/tool/module/sums", {"example.test/hello": "h1:x"}, "tool.module.sums."),
    ("artifacts/tool/module/staging", "v0.2.4", "staging: v0.2.4 does not belong to"),
    (
        "artifacts/tool/module/replaces",
        {"a.test/x": "../x"},
        "module.replaces.a.test/x",
    ),
    (
        "artifacts/tool/module",
        valid()["artifacts"]["tool"]["module"]
        | {"staging": "v0.2.3", "replaces": {"a.test/x": "a.test/y v1.0.0"}},
        "staging and replaces exclude each other",
    ),
    ("artifacts/tool/module/variables", {"a.b": "{date}"}, "placeholder {date}"),
    ("artifacts/inside/local/payload", ["none"], "no artifact is named none"),
    ("artifacts/inside/local/payload", ["inside"], "inside is itself local"),
    ("artifacts/inside/local/files", ["/x"], "artifacts.inside.local.files.0: "),
    ("artifacts/inside/local", ..., "artifacts.inside: has no source"),
    (
        "artifacts/inside/release",
        valid()["artifacts"]["tool"]["release"],
        "artifacts.inside: has both outside sources and local",
    ),
    (
        "artifacts/k3s",
        released("https://vendor.test/k3s", SHA) | {"version": "v1.9.9+k3s1"},
        "one Kubernetes",
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    BAD,
    ids=[f"{path}={str(value)[:24]}" for path, value, _ in BAD],
)
def test_a_bad_pin_is_refused_by_its_key(path: str, value: object, says: str) -> None:
    text = edited(path, value)
    if says == "one Kubernetes":
        raw = yaml.safe_load(text)
        raw["artifacts"]["kubernetes"] = valid()["artifacts"]["tool"]
        text, says = yaml.safe_dump(raw), "k3s v1.9.9, kubernetes v1.2.3: raise all"
    with pytest.raises(PinError, match=says):
        pinfile.decode(text)


def test_every_broken_rule_is_reported_at_once() -> None:
    raw = valid()
    raw["artifacts"]["inside"]["local"]["payload"] = ["none", "inside"]
    raw["artifacts"]["tool"]["module"]["staging"] = "v0.9.9"
    with pytest.raises(PinError, match=r"3 problem") as caught:
        pinfile.decode(yaml.safe_dump(raw))
    for part in ("named none", "itself local", "v0.9.9"):
        assert part in caught.value.what


def test_a_key_that_stands_twice_is_refused_with_its_line() -> None:
    text = yaml.safe_dump(valid()) + "go: {}\n"
    with pytest.raises(PinError, match=r"line \d+: key 'go' stands twice"):
        pinfile.decode(text)


@pytest.mark.parametrize("text", ["{", "a: [", "\tx: 1", "- 1", "", "x"])
def test_text_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(PinError):
        pinfile.decode(text)


def test_a_missing_file_names_its_path(tmp_path: Path) -> None:
    with pytest.raises(PinError, match=str(tmp_path / "versions.yml")):
        pinfile.load(tmp_path / "versions.yml")


def test_an_error_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "versions.yml"
    file.write_text(edited("go/minimum", "x"), encoding="utf-8")
    with pytest.raises(PinError, match=f"{file}: go.minimum"):
        pinfile.load(file)


def test_an_unknown_artifact_lists_the_names() -> None:
    versions = pinfile.load(CHECKOUT / pinfile.FILE)
    with pytest.raises(PinError, match=r"'k8s'[\s\S]*use one of: .*kubernetes"):
        versions.artifact("k8s")


def test_the_projects_file_has_its_fixed_form() -> None:
    text = (CHECKOUT / pinfile.FILE).read_text(encoding="utf-8")
    assert pinfile.encode(text, pinfile.decode(text)) == text


def test_writing_keeps_the_comment_at_the_top_and_sorts_the_keys(
    tmp_path: Path,
) -> None:
    file = tmp_path / "versions.yml"
    shuffled = yaml.safe_dump(valid(), sort_keys=False)
    file.write_text("---\n# why\n\n# more\n" + shuffled, encoding="utf-8")
    pins = pinfile.load(file).pins
    assert pinfile.write(file, pins)
    text = file.read_text(encoding="utf-8")
    assert text.startswith("---\n# why\n\n# more\nartifacts:\n  inside:\n")
    assert pinfile.decode(text) == pins
    assert not pinfile.write(file, pins)
    assert [path.name for path in tmp_path.iterdir()] == ["versions.yml"]


HEX = st.one_of(
    st.just(UNRESOLVED), st.text("0123456789abcdef", min_size=64, max_size=64)
)


@given(amd64=HEX, arm64=HEX, why=st.none() | st.from_regex(r"\S[^\x00\n]*\S"))
def test_what_is_written_is_what_is_read(
    amd64: str, arm64: str, why: str | None
) -> None:
    raw = valid()
    tool = raw["artifacts"]["tool"]
    tool["release"]["tool"]["sha256"] = {"amd64": amd64, "arm64": arm64}
    if why is not None:
        tool["why"] = why
    try:
        pins = pinfile.decode(yaml.safe_dump(raw, allow_unicode=True))
    except PinError:  # the pattern of text, or characters that YAML does not take
        return
    text = pinfile.encode("", pins)
    assert pinfile.decode(text) == pins
    assert pinfile.encode(text, pins) == text


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(PinError):
        pinfile.decode(text)


@pytest.mark.parametrize(
    ("template", "arch", "in_url", "filled"),
    [
        ("{version}/k3s{suffix}", "amd64", True, "v1.36.4%2Bk3s1/k3s"),
        ("{version}/k3s{suffix}", "arm64", True, "v1.36.4%2Bk3s1/k3s-arm64"),
        ("{number}-{arch}", "arm64", False, "1.36.4+k3s1-arm64"),
        ("{major}.{minor}", "amd64", False, "1.36"),
    ],
)
def test_placeholders(template: str, arch: Arch, in_url: bool, filled: str) -> None:  # noqa: FBT001 - a table's column
    assert fill(template, "v1.36.4+k3s1", arch, in_url=in_url) == filled
