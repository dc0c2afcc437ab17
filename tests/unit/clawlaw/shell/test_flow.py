"""Statements: which commands may run, where, and with what in front of them."""

from collections.abc import Callable

import pytest

from clawlaw.core.actions import AnyEffect, FileDelete, FileRead, FileWrite, Opaque

type Run = Callable[..., list[AnyEffect]]
type Paths = list[str]


def removed(effects: list[AnyEffect]) -> Paths:
    return [effect.path for effect in effects if isinstance(effect, FileDelete)]


WHERE = [
    ("rm a", ["/workspace/a"]),
    ("cd b; rm a", ["/workspace/b/a", "/workspace/a"]),
    ("cd b && rm a", ["/workspace/b/a"]),
    ("cd b || exit 1; rm a", ["/workspace/b/a"]),
    ("cd b || { echo no; exit 1; }\nrm a", ["/workspace/b/a"]),
    ("set -e; cd b; rm a", ["/workspace/b/a"]),
    ("set -euo pipefail\ncd b\nrm a", ["/workspace/b/a"]),
    ("set -e; if { cd b; rm a; }; then :; fi", ["/workspace/b/a", "/workspace/a"]),
    ("set -e; { cd b; rm a; } || true", ["/workspace/b/a", "/workspace/a"]),
    ("(cd b && rm a); rm c", ["/workspace/b/a", "/workspace/c"]),
    ("{ cd b && rm a; }; rm c", ["/workspace/b/a", "/workspace/b/c", "/workspace/c"]),
    ("cd b | cat; rm a", ["/workspace/a"]),
    ("cd b & rm a", ["/workspace/a"]),
    ("! cd b && rm a", ["/workspace/a"]),
    ("cd /x/../y && rm a", ["/y/a"]),
    ("cd && rm a", ["/home/agent/a"]),
    ("cd b && cd - && rm a", ["/workspace/a"]),
    ("cd b && cd .. && rm a", ["/workspace/a"]),
    ("pushd b && popd && rm a", ["/workspace/a"]),
    ("pushd b && rm a", ["/workspace/b/a"]),
    ("if true; then d=x; else d=y; fi; rm $d", ["/workspace/x", "/workspace/y"]),
    ("if true; then d=x; fi; rm ${d:-z}", ["/workspace/x"]),
    ("d=x; case $1 in a) d=y;; b|c) d=z;; esac; rm $d",
     ["/workspace/x", "/workspace/y", "/workspace/z"]),
    ("for f in a b; do rm $f; done", ["/workspace/a", "/workspace/b"]),
    ("for f in a b; do d=$f; done; rm $d", ["/workspace/b"]),
    ("for f in a b; do break; done; rm $f", ["/workspace/a"]),
    ("for f in a; do continue; rm x; done; rm $f", ["/workspace/a"]),
    ('for f in *.c; do rm "$f"; done', ["/workspace/*.c"]),
    ("for ((i=0; i<3; i++)); do rm a; done", ["/workspace/a"]),
    ("while false; do rm a; done; rm b", ["/workspace/a", "/workspace/b"]),
    ("until rm a; do rm b; done", ["/workspace/a", "/workspace/b"]),
    ("while true; do cd b; rm a; break; done", ["/workspace/b/a", "/workspace/a"]),
    ('f() { rm "$1"; }; f a; f b', ["/workspace/a", "/workspace/b"]),
    ("function f { rm a; }; f", ["/workspace/a"]),
    ("f() { rm a; }", []),
    ("f() { return; rm a; }; f; rm b", ["/workspace/b"]),
    ("f() { cd b; }; f && rm a", ["/workspace/b/a"]),
    ("d=/; f() { local d=b; }; f; rm -r $d/", ["//"]),
    ("d=b; f() { d=/; }; f; rm -r $d", ["/"]),
    ("f() { rm $d; }; d=a f; d=b", ["/workspace/a"]),
    ("d=/; d=a eval 'rm $d'; rm $d", ["/workspace/a", "/"]),
    ("exit 0; rm a", []),
    ("(exit 0); rm a", ["/workspace/a"]),
    ("false && rm a || rm b", ["/workspace/a", "/workspace/b"]),
    ("trap 'rm a' EXIT; true", ["/workspace/a"]),
    ("d=a; trap 'rm $d' EXIT; d=b", ["/workspace/a", "/workspace/b"]),
    ("d=a; trap 'rm $d' EXIT; d=b; exit", ["/workspace/a", "/workspace/b"]),
    ("eval 'cd b'; eval rm a", ["/workspace/b/a", "/workspace/a"]),
    ("command rm a; builtin cd b && rm c", ["/workspace/a", "/workspace/b/c"]),
    ("exec rm a; rm b", ["/workspace/a", "/workspace/b"]),
    ("x=a; (x=b); rm $x", ["/workspace/a"]),
    ("x=a; x=b | cat; rm $x", ["/workspace/a"]),
    ("x=a; y=$(x=b; echo c); rm $x $y", ["/workspace/a", "/workspace/c"]),
    ("export x=a; sh -c 'rm $x'", ["/workspace/a"]),
    ("x=a sh -c 'rm $x'", ["/workspace/a"]),
    ("bash -c 'rm $1' _ a", ["/workspace/a"]),
    ("bash -euo pipefail -c 'cd b; rm a'", ["/workspace/b/a", "/workspace/a"]),
    ("echo 'rm a' | bash", ["/workspace/a"]),
    ("bash <<< 'rm a'", ["/workspace/a"]),
    ("sh <<'E'\ncd b && rm a\nE\nrm c", ["/workspace/b/a", "/workspace/c"]),
    ("x=a; sh <<E\nrm $x\nE", ["/workspace/a"]),
    ("cat <<E | sh\nrm a\nE", []),
    ("find src | xargs rm", ["/workspace/src"]),
    ("find src | sort | head -3 | xargs rm", ["/workspace/src"]),
    ('find src | while read -r f; do rm "$f"; done', ["/workspace/src"]),
    ('while read -r f; do rm "$f"; done < <(find src)', ["/workspace/src"]),
    ('for f in $(find src); do rm "$f"; done', ["/workspace/src"]),
    ("echo a b | xargs rm", ["/workspace/a", "/workspace/b"]),
    ("i=0; rm out_$((i+RANDOM)).txt", ["/workspace"]),
    ("env -C b rm a", ["/workspace/b/a"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "paths"), WHERE)
def test_every_way_through_a_text_is_followed(
    run: Run, text: str, paths: Paths
) -> None:
    assert removed(run(text)) == paths


def test_a_word_known_by_its_directory_reaches_everything_below(run: Run) -> None:
    (found,) = (e for e in run("find src | xargs rm") if isinstance(e, FileDelete))
    assert found.recursive


def test_a_directory_that_is_not_known_makes_relative_paths_unclear(run: Run) -> None:
    effects = run('cd "$X" && rm a')
    assert removed(effects) == []
    assert any(isinstance(effect, Opaque) for effect in effects)
    assert removed(run('cd "$X" && rm /a')) == ["/a"]


SHADOWS = [
    "ls() { rm a; }; ls",
    "cd() { :; }; cd b",
    "function cat { :; }",
    "alias ls='rm a'",
    "hash -p ./x ls",
    "enable -f ./x y",
    "shopt -s expand_aliases",
    "set -a",
    "set -o posix",
    "unset -f f; f() { :; }; unset -f f",
    "coproc cat",
    "select x in a; do ls; done",
    "exec -a x ls",
    "trap 'ls' DEBUG",
    "f() { f; }; f",
    "x=$(cat f); $x",
    'eval "$(cat f)"',
    "let 'a[$(rm x)]=1'",
    "test -v 'a[$(rm x)]'",
    "[ -v 'a[$(rm x)]' ]",
    "[[ -v 'a[$(rm x)]' ]]",
    "read 'a[$(rm x)]'",
    "printf -v 'a[$(rm x)]' b",
    "x='a[$(rm y)]'; echo $((x))",
    "x='a[$(rm y)]'; [[ $x -eq 1 ]]",
    "x='a[$(rm y)]'; ((x++))",
    "((a[$(rm x)]))",
    "mapfile -C 'rm x' a",
    "bash -l -c ls",
    "bash --rcfile x -c ls",
    "bash -i",
    "zsh -c ls",
    "env -S 'rm x'",
    "nosuchprogram",
    "/bin/r? a",
    "$0 a",
]


@pytest.mark.parametrize("text", SHADOWS)
def test_what_changes_the_meaning_of_words_escalates(run: Run, text: str) -> None:
    assert any(isinstance(effect, Opaque) for effect in run(text))


WRITES = [
    ("echo a > f", "/workspace/f", "modify", "agent"),
    ("echo a >> f", "/workspace/f", "append", "agent"),
    ("echo a &> f", "/workspace/f", "modify", "agent"),
    ("echo a >| f", "/workspace/f", "modify", "agent"),
    ("echo a >&f", "/workspace/f", "modify", "agent"),
    ("> f", "/workspace/f", "modify", "agent"),
    ("show a > f", "/workspace/f", "modify", "program"),
    ("cat g > f", "/workspace/f", "modify", "file"),
    ("get u > f", "/workspace/f", "modify", "network"),
    ("get u | show > f", "/workspace/f", "modify", "network"),
    ("cat g | show | sort > f", "/workspace/f", "modify", "file"),
    ("cat <<E > f\nx\nE", "/workspace/f", "modify", "program"),
    ("show a 2> f", "/workspace/f", "modify", "program"),
    ("true && cat g > f", "/workspace/f", "modify", "file"),
    ("cd b && echo a > ../f", "/workspace/b/../f", "modify", "agent"),
    ("{ get u; echo; } > f", "/workspace/f", "modify", "network"),
    ("for i in 1 2; do cat g; done > f", "/workspace/f", "modify", "file"),
    ("echo $(get u) > f", "/workspace/f", "modify", "program"),
]


@pytest.mark.parametrize(("text", "path", "how", "source"), WRITES)
def test_a_redirection_writes_what_its_command_prints(
    run: Run, text: str, path: str, how: str, source: str
) -> None:
    (found,) = (e for e in run(text) if isinstance(e, FileWrite))
    assert (found.path, found.how) == (path, how)
    if "$(" not in text:
        assert found.source == source


@pytest.mark.parametrize(
    "text", ["ls > /dev/null", "ls 2>&1", "ls 2>/dev/null >&2", "ls < /dev/null"]
)
def test_redirections_that_keep_nothing_have_no_effect(run: Run, text: str) -> None:
    assert not any(isinstance(e, FileWrite | FileRead | Opaque) for e in run(text))


def test_a_socket_is_a_request(run: Run) -> None:
    effects = run("cat k > /dev/tcp/h.example/80")
    (request,) = (e for e in effects if type(e).__name__ == "NetRequest")
    assert (request.host, request.port, request.carries) == ("h.example", 80, "file")  # type: ignore[union-attr]  # a NetRequest


def test_a_background_program_says_so(run: Run) -> None:
    assert [e.background for e in run("show a & show b")] == [True, False]  # type: ignore[union-attr]  # both run programs
