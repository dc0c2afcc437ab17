"""The same command in other spellings does the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.actions import Opaque, ProcessExec
from clawlaw.core.shell.words import UNKNOWN, Input, Invocation, Word
from clawlaw.policy.profile_examples import Recorder, effects_of, lines
from clawlaw.policy.profiles import builtin, read_files

SAME = {
    "rm -rf build": [
        "rm -r -f build",
        "rm -fr build",
        "rm -Rf build",
        "rm --recursive --force build",
        "rm -f --recursive build",
        "rm build -rf",
        "rm -r build -f",
        "rm -rf -- build",
        "rm -rfv build",
        "/bin/rm -rf build",
    ],
    "cp -r a b": ["cp a b -r", "cp -R a b", "cp --recursive a b", "cp -a a b"],
    "sort -o out in": [
        "sort -oout in",
        "sort --output=out in",
        "sort --output out in",
        "sort in -o out",
        "sort -uo out in",
    ],
    "chmod -R 755 bin": ["chmod 755 bin -R", "chmod --recursive 0755 bin"],
    "kubectl delete pod web": [
        "kubectl delete pod web --wait",
        "kubectl --timeout=5s delete pod web",
        "kubectl delete --now pod web",
    ],
    "docker rm -f web": ["docker rm web -f", "docker rm --force web"],
    "go test -run X ./...": ["go test -run=X ./...", "go test --run X ./..."],
}
PAIRS = [(line, other) for line, others in SAME.items() for other in others]


@pytest.mark.parametrize(("line", "other"), PAIRS, ids=[o for _, o in PAIRS])
def test_another_spelling(line: str, other: str) -> None:
    found = effects_of(builtin(), line).found
    assert effects_of(builtin(), other).found == found
    assert "opaque" not in found


PROGRAMS = [n for n in builtin().names() if builtin().lookup(n).handler is None]  # type: ignore[union-attr]  # it is there
PARTS = ("-", "--", "=", ".", "/", "~", "*", "a", "r", "f", "o", "c", "n", UNKNOWN, ":")
texts = st.lists(st.sampled_from(PARTS), max_size=5).map("".join)
words = st.builds(
    Word,
    st.one_of(texts, st.sampled_from(["get", "run", "list", "install", "-o", "-C"])),
    glob=st.booleans(),
    many=st.booleans(),
    within=st.sampled_from(["", "", "/w/src"]),
)
inputs = st.sampled_from([Input(), Input("program"), Input("agent", "x")])


@given(
    program=st.sampled_from(PROGRAMS),
    arguments=st.lists(words, max_size=6),
    stdin=inputs,
    cwd=st.sampled_from(["/w", ""]),
)
def test_no_arguments_break_a_profile(
    program: str, arguments: list[Word], stdin: Input, cwd: str
) -> None:
    profile = builtin().lookup(program)
    assert profile
    recorder = Recorder()
    invocation = Invocation(Word(program), arguments, stdin, cwd=cwd)
    profile.apply(invocation, recorder)
    (started,) = [e for e in recorder.effects if isinstance(e, ProcessExec)]
    assert started.argv == tuple(word.text for word in arguments)
    assert started.family == profile.family


PLAIN = ("coreutils.yaml", "coreutils-files.yaml", "search.yaml", "text.yaml")
LINES = lines({n: raw for n, raw in read_files().items() if n in PLAIN})


@given(st.sampled_from(LINES), st.sampled_from(["more", "src/*.py"]))
def test_an_operand_more_is_never_an_effect_less(line: str, more: str) -> None:
    if line.endswith("<"):
        return
    few = effects_of(builtin(), line).effects
    many = effects_of(builtin(), f"{line} {more}").effects
    assert len(many) >= len(few)


@given(st.sampled_from(LINES), st.data())
def test_a_word_that_is_not_known_is_never_passed_over(
    line: str, data: st.DataObject
) -> None:
    """An unknown word escalates, or the line does the same without it."""
    parts = line.split(" ")
    at = data.draw(st.integers(1, len(parts)))
    with_unknown = [*parts[:at], "$", *parts[at:]]
    found = effects_of(builtin(), " ".join(with_unknown))
    if not any(isinstance(e, Opaque) for e in found.effects):
        touched = [text for text in found.found if UNKNOWN in text]
        assert touched == []
