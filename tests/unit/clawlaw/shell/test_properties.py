"""What must hold for every text: nothing is hidden, nothing else is raised."""

import contextlib
import shlex
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clawlaw.core.actions import AnyEffect, FileDelete, FileRead, Opaque, ProcessExec
from clawlaw.core.errors import ProposalError

type Run = Callable[..., list[AnyEffect]]

HARM = ["rm -rf /", "cat ~/.ssh/id_rsa"]


def shows(effects: list[AnyEffect]) -> bool:
    """Whether a harmful command, or something that escalates, is among the effects."""
    return any(
        isinstance(effect, Opaque)
        or (isinstance(effect, ProcessExec) and effect.code != "none")
        or (isinstance(effect, FileDelete) and effect.path == "/")
        or (isinstance(effect, FileRead) and effect.path == "/home/agent/.ssh/id_rsa")
        for effect in effects
    )


def quoted(template: str) -> Callable[[str], str]:
    return lambda text: template.replace("{}", shlex.quote(text))


def plain(template: str) -> Callable[[str], str]:
    return lambda text: template.replace("{}", text)


def document(head: str) -> Callable[[str], str]:
    return lambda text: f"{head} <<'END'\n{text}\nEND\n"


# Each runs the text that is put in; lines, so that documents fit into all of them.
AROUND = [
    *map(
        plain,
        [
            "ls; {}", "ls\n{}\nls", "ls && {}", "false || {}", "ls & {}", "{} &\nwait",
            "({}\n)", "{ {}\n}", "! {}", "if ls; then\n{}\nfi", "if {}\nthen ls; fi",
            "if ls; then ls; else\n{}\nfi", "if ls; then ls; elif {}\nthen ls; fi",
            "for i in a; do\n{}\ndone", "for i in *; do\n{}\ndone",
            "for ((i=0; i<2; i++)); do\n{}\ndone", "while {}\ndo ls; done",
            "while ls; do\n{}\ndone", "until ls; do\n{}\ndone",
            "case a in a)\n{}\n;; esac", "case b in a) ls;; *)\n{}\n;; esac",
            "f() {\n{}\n}; f", "f() (\n{}\n); f a", "function f {\n{}\n}\nls | f",
            "echo $({}\n)", "x=$({}\n)", 'export x="$({}\n)"', "[[ -n $({}\n) ]]",
            '[ "$({}\n)" = x ]', "cat <({}\n)", "ls > >({}\n)", "ls < <({}\n)",
            "echo ${x:-$({}\n)}", 'echo "a ${y:-b$({}\n)}"', "a=($({}\n))",
            "cat <<E\n$({}\n)\nE", 'cat <<< "$({}\n)"', "# comment\n{}", "set -e\n{}",
            "x=1\n{}", "cd / && ls\n{}", ": " + "; : " * 20 + "\n{}",
            "trap ls EXIT\n{}", "local_=1; {}", "{}\nexit 0", "ls \\\n -l; {}",
        ],
    ),
    *map(
        quoted,
        [
            "sh -c {}", "bash -c {}", "/bin/bash -c {}", "bash -euo pipefail -c {}",
            "bash -lc {}", "eval {}", "env sh -c {}", "env A=1 bash -c {}",
            "command sh -c {}", "exec sh -c {}", "nohup sh -c {} &",
            "timeout 5 sh -c {}", "setsid -w sh -c {}", "stdbuf -oL sh -c {}",
            "nice -n 5 sh -c {}", "flock /tmp/l sh -c {}", "flock /tmp/l -c {}",
            "busybox sh -c {}", "sudo sh -c {}", "doas sh -c {}", "time sh -c {}",
            "watch -n 1 {}", "xargs -I{} sh -c {}", "trap {} EXIT",
            "printf '%s' {} | sh", "echo {} | bash", "bash <<< {}", "bash <(echo {})",
            ". /dev/stdin <<< {}", "ls | sh -c {}", "sh -c {} < /dev/null",
            'x={}; eval "$x"', 'x={}; sh -c "$x"', 'f() { eval "$1"; }; f {}',
            "parallel ::: {}", "chronic sh -c {}", "zsh -c {}", "alias ls={}; ls",
            "ssh h {}",
        ],
    ),
    *map(document, ["sh", "bash -s", "cat | sh", "source /dev/stdin", "sudo bash"]),
]  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(
    st.sampled_from(HARM),
    st.lists(st.sampled_from(range(len(AROUND))), min_size=1, max_size=3),
)
@example(HARM[0], [0])
def test_harm_shows_through_everything_that_is_put_around_it(
    run: Run, harm: str, around: list[int]
) -> None:
    text = harm
    for index in around:
        text = AROUND[index](text)
    with contextlib.suppress(ProposalError):  # a denial
        assert shows(run(text)), text


@pytest.mark.parametrize("index", range(len(AROUND)))
@pytest.mark.parametrize("harm", HARM)
def test_harm_shows_through_each_of_them(run: Run, harm: str, index: int) -> None:
    assert shows(run(AROUND[index](harm)))


def test_harmless_text_shows_nothing() -> None:
    assert not shows([ProcessExec("ls"), FileRead("/workspace/a")])


# Pieces that mean something to a shell, so that random text is more than an error.
PIECES = [
    "ls", "cat a", "rm -rf b", " ", "  ", "\t", "\n", ";", "&", "&&", "||", "|", "|&",
    "!", "(", ")", "{", "}", "((", "))", "[[", "]]", "[ ", " ]", "'", '"', "`", "$",
    "$(", "${", "$((", "$'", "<(", ">(", ">", ">>", "<", "<<E\n", "\nE\n", "<<<",
    "2>&1", "&>", "\\", "\\\n", "#", "=", "x=", "x+=", "a=(", "$x", "${x:-", "${x%",
    "${x[", "]", "*", "?", "~", "{a,b}", "{1..3}", "if ", "then ", "else ", "fi",
    "for i in ", "do ", "done", "while ", "case ", "in ", "esac", ";;", "f() ",
    "function ", "eval ", "cd ", "set -e", "export ", "local ", "declare ", "unset ",
    "read ", "trap ", "printf ", "let ", "test ", "exec ", "command ", "env ",
    "xargs ", "sh -c ", "bash ", "sudo ", "timeout 5 ", "-x ", "0", "1", "$1", "$@",
    "é", "\u200b", "\0", "\ufffd", "\x1b", "99999999999999999999",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join),
)


@settings(deadline=None, max_examples=1500)
@given(TEXTS)
def test_any_text_has_effects_or_is_refused(run: Run, text: str) -> None:
    try:
        first = run(text)
    except ProposalError:
        return
    assert run(text) == first


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000,
        "(" * 60 + "ls" + ")" * 60,
        "$(" * 60 + "ls" + ")" * 60,
        "echo " + "$((" + "(" * 400 + "1" + ")" * 400 + "))",
        "echo $((" + "1+" * 3000 + "1))",
        " && ".join(["ls"] * 3000),
        "ls" + " | ls" * 500,
        "x=" + "${x:-" * 100 + "}" * 100,
        "f() { f; }; f",
        "eval " * 50 + "ls",
        "sh -c '" * 2 + "ls" + "'" * 2,
        "a=" + "b" * 70_000,
        "echo {1..300}{1..300}",
        "cat <<E\n" + "x\n" * 30_000 + "E\n",
        "for i in 1 2 3 4 5 6 7 8 9; do " * 12 + "ls" + "; done" * 12,
        "if a; then b=1; else b=2; fi; " * 40,
    ],
)
def test_too_much_of_anything_is_refused_or_escalates(run: Run, text: str) -> None:
    try:
        effects = run(text)
    except ProposalError:
        return
    assert any(isinstance(e, Opaque) for e in effects) or len(effects) <= 64
