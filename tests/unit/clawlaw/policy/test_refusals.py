"""Every mistake in a policy is refused, with its line and what was meant."""

from pathlib import Path

import pytest

from clawlaw.policy.compile import compile_policy, load, read_folder
from clawlaw.policy.document import Loaded, decode_document
from clawlaw.policy.errors import PolicyError
from clawlaw.policy.paths import Bindings
from clawlaw.policy.source import MAX_BYTES, MAX_DEPTH, read_source

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "policy"
BASE = FIXTURES / "base"
INVALID = sorted((FIXTURES / "invalid").glob("*.yaml"))


def put_in_the_base(path: Path) -> None:
    add = decode_document(path.name, path.read_bytes())
    base = read_folder(BASE)
    if add.source.data["document"] == "policy":
        base = [one for one in base if one.source.file != "policy.yaml"]
    compile_policy([*base, add], Bindings())


@pytest.mark.parametrize("path", INVALID, ids=[p.stem for p in INVALID])
def test_a_mistake_is_named_with_its_line(path: Path) -> None:
    expected = path.read_text("utf-8").splitlines()[0].removeprefix("# expect: ")
    line, _, text = expected.partition(": ")
    with pytest.raises(PolicyError) as caught:
        put_in_the_base(path)
    assert (caught.value.file, caught.value.line) == (path.name, int(line))
    assert text in str(caught.value)


def test_the_base_that_the_mistakes_are_put_in_is_right() -> None:
    assert load(BASE).name == "base"


def test_a_folder_without_documents_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="holds no document"):
        load(tmp_path)
    with pytest.raises(PolicyError, match="no such folder"):
        load(tmp_path / "gone")


def test_a_policy_has_one_head(tmp_path: Path) -> None:
    (tmp_path / "sets.yaml").write_bytes((BASE / "sets.yaml").read_bytes())
    with pytest.raises(PolicyError, match="found none"):
        load(tmp_path)
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_bytes((BASE / "policy.yaml").read_bytes())
    with pytest.raises(PolicyError, match=r"found a\.yaml, b\.yaml"):
        load(tmp_path)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(PolicyError, match="not UTF-8: byte 3"):
        read_source("x.yaml", b"a: \xff")
    with pytest.raises(PolicyError, match="not YAML"):
        read_source("x.yaml", b"a: \x00")


def test_size_depth_and_count_are_capped() -> None:
    with pytest.raises(PolicyError, match="bytes, at most"):
        read_source("x.yaml", b"#" * (MAX_BYTES + 1))
    deep = b"a: " + b"[" * (MAX_DEPTH + 1)
    with pytest.raises(PolicyError, match="nested deeper"):
        read_source("x.yaml", deep)
    many = b"a: [" + b"x," * 60_000 + b"]"
    with pytest.raises(PolicyError, match="more than 50000 values"):
        read_source("x.yaml", many)


def test_the_words_of_yaml_are_read_one_way() -> None:
    text = b"on: [true, false, null, ~, 1_000, -5, '1.5', \"yes\", 0, a: b]\n"
    with pytest.raises(PolicyError, match="not YAML"):
        read_source("x.yaml", text.replace(b"a: b", b"a: b: c"))
    data = read_source("x.yaml", text).data
    assert data == {
        "on": [True, False, None, None, 1000, -5, "1.5", "yes", 0, {"a": "b"}]
    }


def tools(text: bytes) -> list[Loaded]:
    return [*read_folder(BASE), decode_document("t.yaml", b"document: tools\n" + text)]


def test_a_tool_has_further_names() -> None:
    text = b"tools: {a: {also: [b, c], effects: [{kind: system.read, what: x}]}}"
    known = compile_policy(tools(text), Bindings()).tools
    assert known["a"] is known["b"] is known["c"]


@pytest.mark.parametrize("also", [b"[a]", b"[c, c]", b"[b]"])
def test_a_name_of_a_tool_stands_once(also: bytes) -> None:
    one = b"effects: [{kind: system.read, what: x}]"
    text = b"tools:\n  b: {%s}\n  a: {also: %s, %s}" % (one, also, one)
    with pytest.raises(PolicyError, match="stands twice"):
        compile_policy(tools(text), Bindings())
