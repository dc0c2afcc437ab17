"""What the words of a command line mean by a profile written for the test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.actions import Opaque, ProcessExec
from clawlaw.core.shell.profile import Profiles
from clawlaw.core.shell.words import Invocation, Word
from clawlaw.policy.profile_examples import Recorder, effects_of
from clawlaw.policy.profiles import build

TOOL = b"""
family: trial
groups:
  loud: {flags: v --verbose}
profiles:
  tool:
    use: [loud]
    numeric: true
    flags: ab --all --alike
    options:
      -r --recursive: {set: recursive}
      -o --output: write
      -c --color: text?
      -C: cwd
      -k: {kind: text, only: [safe.*, plain]}
      -x: {refuse: runs a program}
      -W*: flag
    positionals: [text, read*]
    variants:
      - {when: recursive, positionals: ['read*=.']}
  mild:
    flags: -n
    safe_options: true
    positionals: [text*]
  mover: {shape: move, options: {-t: "text:into"}}
  starter: {flags: q, positionals: [text, command]}
  multi:
    options: {-C: cwd, --host: "text:host"}
    inherit: true
    commands:
      get list:
        flags: w
        positionals: ['text:kind', 'text:name?']
        effects: [{kube.read: {resource: $kind, name: $name}}]
      send:
        effects: [{net.request: {host: $host, method: POST}}, {file.read: notes}]
      more: {commands: {deep: {positionals: [delete]}}}
      check:
        code: project
        runner: true
        options: {--file: project}
        positionals: [project*]
"""


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return build({"trial.yaml": TOOL}, {})


CASES = [
    ("tool x a.txt", ["read a.txt"]),
    ("tool -ab x a.txt", ["read a.txt"]),
    ("tool x a.txt -ba", ["read a.txt"]),
    ("tool x -- -o", ["read -o"]),
    ("tool -r", ["read -r ."]),
    ("tool -r a b", ["read -r a", "read -r b"]),
    ("tool -o out x", ["write out"]),
    ("tool -oout x", ["write out"]),
    ("tool -aoout x", ["write out"]),
    ("tool --output=out x", ["write out"]),
    ("tool --output out x", ["write out"]),
    # What is cut short may be another option of the program, whole.
    ("tool --outp=out x", ["opaque", "write out"]),
    ("tool --al x", ["opaque"]),
    ("tool --ver x", ["opaque"]),  # --verbose or --version
    ("tool --rec a", ["opaque", "read -r a"]),
    ("tool -20 x", []),
    ("tool -2x x", ["opaque"]),
    ("tool -v --verbose x", []),
    ("tool -Wanything x", []),
    ("tool -c x a", ["read a"]),
    ("tool -cred x a", ["read a"]),
    ("tool --color=red x a", ["read a"]),
    ("tool --all=1 x", ["opaque"]),
    ("tool -C sub x a", ["read sub/a"]),
    ("tool -k safe.thing x", []),
    ("tool -k plain x", []),
    ("tool -k plainer x", ["opaque"]),
    ('tool -k "safe.$" x', ["opaque"]),
    ("tool -x y", ["opaque"]),
    ("tool -z y", ["opaque"]),
    ("tool -az y", ["opaque"]),
    ("tool x -o", ["opaque"]),
    ('tool "$" a', ["opaque", "read a"]),
    ('tool -- "$" a', ["read a"]),
    ("tool x *.txt", ["read *.txt"]),
    ("tool *.txt a", ["opaque", "opaque", "read a"]),
    ("mild $", []),
    ("mild * -n", []),
    ("mild -x", ["opaque"]),
    ("mover a b c/", ["move a -> c/a", "move b -> c/b"]),
    ("mover a b", ["move a -> b", "move a -> b/a"]),
    ("mover -t c a", ["move a -> c/a"]),
    ("mover a ./*", ["opaque", "move a -> *", "move a -> */a"]),
    ("starter 5 rm -rf x", ["run rm -rf x"]),
    ("starter -q 5 tool -z", ["run tool -z"]),
    ("starter -z 5 tool", ["opaque", "run tool"]),
    ("multi", []),
    ("multi get pod web -w", ["kube.read pod web"]),
    ("multi list pod", ["kube.read pod"]),
    ("multi --host=h.example send", ["net POST https://h.example", "read notes"]),
    ("multi send --host h.example", ["net POST https://h.example", "read notes"]),
    ("multi -C sub send", ["net POST https://?", "read sub/notes"]),
    ("multi erase", ["opaque", "opaque"]),
    ("multi more deep a", ["delete a"]),
    ("multi more a", ["opaque", "opaque"]),
    ("multi check -x", ["opaque", "exec project runner"]),
    ("multi check --help", []),
]


@pytest.mark.parametrize(("line", "expected"), CASES, ids=[line for line, _ in CASES])
def test_effects(profiles: Profiles, line: str, expected: list[str]) -> None:
    assert effects_of(profiles, line).found == expected


def test_the_program_itself_is_the_first_effect(profiles: Profiles) -> None:
    first = effects_of(profiles, "tool -r a").effects[0]
    assert first == ProcessExec("tool", ("-r", "a"), family="trial")


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("multi check", "/w"),
        ("multi -C sub check a", "/w/sub"),
        ("multi check /w/tests", "/w"),
        ("multi check --file=/srv/x", "/srv/x"),
        ("multi check /srv/tests::one", "/srv/tests"),
        ("multi check /w/../srv", "/w/../srv"),
    ],
)
def test_a_runner_says_where_its_project_is(
    profiles: Profiles, line: str, place: str
) -> None:
    first = effects_of(profiles, line).effects[0]
    assert isinstance(first, ProcessExec)
    assert (first.code, first.runner, first.script) == ("project", True, place)


@pytest.mark.parametrize(
    "word", ["-e", "-eputs", "--eval=x", "exec", "\\write18{id}", "runner", "-E"]
)
def test_a_runner_that_is_given_code_is_opaque(profiles: Profiles, word: str) -> None:
    recorder = Recorder()
    profile = profiles.lookup("multi")
    assert profile
    words = [Word("check"), Word("--"), Word(word)]
    profile.apply(Invocation(Word("multi"), words, cwd="/w"), recorder)
    assert any(isinstance(e, Opaque) for e in recorder.effects)


def test_reasons_name_program_and_word(profiles: Profiles) -> None:
    (opaque,) = [
        e
        for e in effects_of(profiles, "multi more deep -z a").effects
        if isinstance(e, Opaque)
    ]
    assert opaque == Opaque("multi more deep: option is not known", "-z")


@pytest.mark.parametrize(
    ("program", "name", "known"),
    [
        ("tool", "LANG", True),
        ("tool", "PAGER", False),
        ("tool", "SOME_SETTING", False),
        ("multi", "LD_PRELOAD", False),
    ],
)
def test_variables(profiles: Profiles, program: str, name: str, known: bool) -> None:  # noqa: FBT001  # a table's column
    profile = profiles.lookup(program)
    assert profile
    recorder = Recorder()
    words = [Word("check")] if program == "multi" else [Word("x")]
    given = ((name, Word("x")),)
    invocation = Invocation(Word(program), words, environment=given, cwd="/w")
    profile.apply(invocation, recorder)
    assert (not any(isinstance(e, Opaque) for e in recorder.effects)) is known


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tool", True),
        ("/usr/bin/tool", True),
        ("./tool", False),
        ("/srv/tool", False),
        ("/usr/bin/../../srv/tool", False),
        ("none", False),
    ],
)
def test_a_path_is_a_program_only_in_system_directories(
    profiles: Profiles,
    name: str,
    found: bool,  # noqa: FBT001  # a table's column
) -> None:
    assert (profiles.lookup(name) is not None) is found


words = st.builds(
    Word,
    st.text(alphabet="-+=orkCcWx/*.~\ufffd ", max_size=8),
    glob=st.booleans(),
    many=st.booleans(),
    within=st.sampled_from(["", "/w/src"]),
)


@given(
    st.sampled_from(["tool", "mild", "mover", "starter", "multi"]),
    st.lists(words, max_size=8),
)
def test_nothing_raises_and_the_program_is_always_named(
    program: str, arguments: list[Word]
) -> None:
    profile = build({"trial.yaml": TOOL}, {}).lookup(program)
    assert profile
    recorder = Recorder()
    profile.apply(Invocation(Word(program), arguments, cwd="/w"), recorder)
    assert sum(isinstance(e, ProcessExec) for e in recorder.effects) == 1


@given(st.sampled_from(["a", "b/c", "*.txt"]), st.integers(0, 3))
def test_an_operand_more_is_never_an_effect_less(word: str, at: int) -> None:
    profiles = build({"trial.yaml": TOOL}, {})
    before = ["x", "one", "two"]
    after = [*before]
    after.insert(max(at, 1), word)
    few = effects_of(profiles, " ".join(["tool", *before])).found
    many = effects_of(profiles, " ".join(["tool", *after])).found
    assert set(few) <= set(many)
