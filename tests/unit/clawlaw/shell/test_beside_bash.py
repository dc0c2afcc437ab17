"""The same texts in a real bash: the words that it passes are those of the analysis."""

import subprocess
from pathlib import Path

import pytest

from clawlaw.core.actions import ProcessExec
from clawlaw.core.policy import Policy
from clawlaw.core.shell.walk import analyse_shell

# Every call of `show` writes its words; nothing else in these texts has an effect.
RECORDER = "show() { printf '%s\\0' show \"$@\"; printf '\\1\\0'; } >&9\n"
TEXTS = [
    "show 'a b' \"c d\" e\\ f a'b'\"c\"d",
    "show $'a\\x62\\143\\td\\'e' $'\\u41'",
    'show "a\\"b\\$c\\`d\\\\e\\f" "$ b" "a$" a$',
    'show "" \'\' a""b',
    "x=1; show $x ${x}y \"$x\" '$x' \\$x",
    "x='a  b'; show $x \"$x\" $x$x c$x",
    "x=' a '; show b${x}c",
    'x=; show $x "$x" a',
    'show ~ ~/a a~ "~" \\~ k=~/a k=~:~ --k=~/a',
    'x=~/a:~/b; show $x; y="~"; show $y',
    "show a{b,c}d {x,y}{1,2} {1..3} {a..c} {01..10..3} {3..1} {a,{b,c}}",
    'show {} {a} a{b "{a,b}" \\{a,b\\} {a,\'b c\',"$HOME"} a,b {,a}',
    "x=a.tar.gz; show ${x%.*} ${x%%.*} ${x#*.} ${x##*.} ${x/tar/zip} ${x//a/b}",
    'x=1; show ${x:-d} ${x:+e} ${x-f}; show ${1:-g} "${1-h}"',
    "x=aB; show ${x^^} ${x,,}",
    "show $((1+2)) $((2*3)); i=1; i=$((i+1)); show $i",
    'show $(pwd) "$(echo a  b)" $(echo a  b) `echo c`',
    "a=(x 'y z'); show \"${a[@]}\" ${a[1]} ${a[@]} $a",
    'set -- p \'q r\'; show "$@" $1 $2 "$*"',
    'f() { show "$1" "$@"; set -- z; show $1; }; f a \'b c\'; show $1',
    "x=o; f() { local x=i; show $x; }; f; show $x",
    "x=o; f() { x=i; }; f; show $x; (x=s; show $x); show $x",
    "x=a; x=b show $x; x=c eval 'show $x'; show $x",
    "x=a; x+=b; show $x; readonly r=1; show $r",
    "for f in a 'b c' {1..2}; do show $f \"$f\"; done; show $f",
    "for f in a b; do [ $f = a ] && continue; show $f; break; done",
    "case x in x) show 1;; *) show 2;; esac",
    "if false; then show 1; elif true; then show 2; else show 3; fi",
    "false && show 1 || show 2; true || show 3; ! false && show 4",
    "i=0; while [ $i -lt 2 ]; do show $i; i=$((i+1)); done",
    "eval 'show a b' \"c  d\"; eval show \"'e f'\"",
    "cat <<E >/dev/null && show a\nx $(show b) \\$y\nE",
    "x=1; read y <<E\n$x-2\nE\nshow $y",
    "show a#b # c\nshow d;show e#\n#show f",
    "show \\\n a b\\c d",
    "show a;{ show b; };(show c)",
    'x=$(x=i; echo $x; echo j); show $x "$x"',
    "set -e; false || show a; if false; then :; fi; show b; false; show c",
    "f() { return 1; show a; }; f || show b",
    "(exit 1) || show a; { show b; } | cat >/dev/null; show c",
    "trap 'show bye' EXIT; show hi",
    "printf -v x '%s-' a b; show $x; unset x; show \"$x\"",
    "x='*'; show \"$x\" '*'; y=\"a'b\"; show $y",
    "show $'a\nb' \"c\nd\"",
    "show <<< a; show 2>/dev/null b >/dev/null c",
    "x=a y=$x; show $y; a=1 b=2; show $a$b",
    'show ${x:=z}; show "${#HOME}"',
    "export x='a b'; bash -c 'printf %s \"$x\"' >/dev/null; show $x",
    'IFS=,; x=a,b; show "$x" a,b',
    'shift 0; set -- a b c; shift; show $1; shift 2; show "$1"',
    "[[ a == a ]] && show a; [[ -z $x && -n b ]] && show b; ((1+1)) && show c",
    "x=1; show $(echo s)\\$x \"a\"$'b'",
    "show ''\\x41$ \"x y\"",
    "show a\\\nb c",
    'show $"a b"c',
    'set -- *; show "$1" "$9"',
    "show é ✅ 'naïve' $'t\\tt'",
    "command show a; x=show; $x b; \"$x\" c; 's'how d; sh\\ow e",
    "f() { show $#; }; f a b; show $# $?",
]


def passed(text: str, folder: Path) -> list[list[str]]:
    """Words of each call that bash makes."""
    record = folder / "calls"
    result = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", f"exec 9>calls\n{RECORDER}{text}"],
        cwd=folder,
        env={"HOME": "/home/agent", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"syntax error" not in result.stderr
    calls = record.read_text(encoding="utf-8").split("\1\0")
    return [call.split("\0")[:-1] for call in calls if call]


def fits(words: list[str], argv: tuple[str, ...]) -> bool:
    """Whether bash's words are ones that the analysis allows for."""
    if len(words) != len(argv):
        return False
    for word, known in zip(words, argv, strict=True):
        begin, unknown, end = known.partition("\ufffd")
        if not unknown and word != known:
            return False
        if unknown and not (word.startswith(begin) and word.endswith(end[-1:])):
            return False
    return True


@pytest.mark.parametrize("text", TEXTS)
def test_bash_runs_nothing_that_the_analysis_does_not_see(
    policy: Policy, text: str, tmp_path: Path
) -> None:
    effects = analyse_shell(text, str(tmp_path), policy)
    seen = [
        (effect.program, *effect.argv)
        for effect in effects
        if isinstance(effect, ProcessExec)
    ]
    if any(type(effect).__name__ == "Opaque" for effect in effects):
        return  # escalates: nothing is claimed
    for words in passed(text, tmp_path):
        assert any(fits(words, argv) for argv in seen), (words, seen)


def test_most_of_these_texts_are_understood(policy: Policy) -> None:
    understood = [
        text
        for text in TEXTS
        if not any(
            type(effect).__name__ == "Opaque"
            for effect in analyse_shell(text, "/workspace", policy)
        )
    ]
    assert len(understood) >= len(TEXTS) - 8, set(TEXTS) - set(understood)
