"""Words: what the text says is what a program would be given."""

from collections.abc import Callable

import pytest

type Argv = Callable[[str], list[tuple[str, ...]]]
U = "\ufffd"
WORDS = [
    ("show 'a b' \"c d\" e\\ f", ("a b", "c d", "e f")),
    ("show a'b'\"c\"d", ("abcd",)),
    ("show $'a\\x62\\143\\td'", ("abc\td",)),
    ('show "a\\"b\\$c\\`d\\\\e\\f"', ('a"b$c`d\\e\\f',)),
    ('show "" \'\'', ("", "")),
    ("x=1; show $x ${x} \"$x\" '$x'", ("1", "1", "1", "$x")),
    ("x='a b'; show $x \"$x\"", ("a", "b", "a b")),
    ('x=; show $x "$x" a', ("", "a")),
    ("x=' a'; show b$x", ("b", "a")),
    ("x='a '; show ${x}b", ("a", "b")),
    ('show ~ ~/a a~ "~" \\~', ("/home/agent", "/home/agent/a", "a~", "~", "~")),
    ("show k=~/a --k=~/a", ("k=/home/agent/a", "--k=~/a")),
    ("x=~/a:~/b; show $x", ("/home/agent/a:/home/agent/b",)),
    ('show $HOME "$PWD" ${HOME}/x', ("/home/agent", "/workspace", "/home/agent/x")),
    ("show a{b,c}d {x,y}{1,2}", ("abd", "acd", "x1", "x2", "y1", "y2")),
    ("show {1..3} {a..c}", ("1", "2", "3", "a", "b", "c")),
    ("show {01..03} {3..1}", ("01", "02", "03", "3", "2", "1")),
    ('show {} {a} a{b "{a,b}" \\{a,b\\}', ("{}", "{a}", "a{b", "{a,b}", "{a,b}")),
    ("show {a,'b c',$HOME}", ("a", "b c", "/home/agent")),
    ("show ${x:-d}${1:-e}", (f"{U}e",)),
    ("x=1; show ${x:-d} ${x:+e} ${x-f}", ("1", "e", "1")),
    ("x=a.tar.gz; show ${x%.*} ${x%%.*}", ("a.tar", "a")),
    ("x=a.tar.gz; show ${x#*.} ${x##*.}", ("tar.gz", "gz")),
    ("x=a/b; show ${x/b/z}", ("a/z",)),
    ("x=aB; show ${x^^} ${x,,}", ("AB", "ab")),
    ("show $((1+2)) $((2*3)) $((5-9))", ("3", "6", U)),
    ("i=1; i=$((i+1)); show $i", ("2",)),
    ('show $(pwd) "$(echo a  b)" $(echo a  b)', ("/workspace", "a b", "a", "b")),
    ("show `echo a`", ("a",)),
    ("a=(x 'y z'); show \"${a[@]}\" ${a[1]} ${#a[@]}", ("x", "y z", "y", "z", U)),
    ('set -- p q; show "$@" $1 $#', ("p", "q", "p", U)),
    ('show "$@" $*', ()),
    ("show *.c a? [ab] [a a]", ("*.c", "a?", "[ab]", "[a", "a]")),
    ("show a#b c", ("a#b", "c")),
    ("show a # b", ("a",)),
    ("show a;show b", ("a",)),
    ("show é ✅ 'naïve'", ("é", "✅", "naïve")),
    ("show a=b +x -x= @ % , : ^ !", ("a=b", "+x", "-x=", "@", "%", ",", ":", "^", "!")),
    ("show $", ("$",)),
    ('show "a$" "$ b"', ("a$", "$ b")),
    ("IFS=,; show 'a,b'", ("a,b",)),
    ("x=1 y=2; show $x$y", ("12",)),
    ("x=a; x+=b; show $x", ("ab",)),
    ("readonly x=1; show $x", ("1",)),
    ("printf -v x a; show $x", (U,)),
    ('read x; show "$x"', (U,)),
    ('unset HOME2; show "$HOME2"', ("",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_a_word_is_what_the_program_gets(
    argv: Argv, text: str, words: tuple[str, ...]
) -> None:
    assert argv(text)[0] == ("show", *words)


UNCLEAR = [
    "show ${!x}",
    "show ${x@P}",
    "show ${x@Q}",
    "show ${a[$(rm -rf /)]}",
    "show ${a[b]}",
    "show ~root/x",
    'show $"a"x$(',
    "x=; show ${x:=2}",
    "show $'\\xff'",
    "show $'\\cA'",
    "IFS=,; x=a,b; show $x",
    "show {1..9999}",
    "a=([$(rm -rf /)]=1)",
    "a[b]=1",
    "declare -n r=x",
    "declare -i x=a",
    "readonly x=/; x=/tmp",
    "local x=1",
    "PATH=.:$PATH",
    "export LD_PRELOAD=./x.so",
    "BASH_ENV=./x bash -c true",
    "export GIT_SSH_COMMAND=./x",
    "PROMPT_COMMAND=x",
]


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_the_text_does_not_tell_escalates(
    opaque: Callable[[str], list[str]], text: str
) -> None:
    assert opaque(text)


HIDDEN = [
    "\r", "\0", "\x1b", "\u200b", "\u202e", "\u00a0", "\u2028", "\ufeff",
    "\ufffd", "\ue000", "\U000e0041", "\u3164",
]  # fmt: skip


@pytest.mark.parametrize("char", HIDDEN)
@pytest.mark.parametrize("text", ["ls{}x", "show 'a{}b'", "# {}\nls", "show a{} b"])
def test_a_character_that_hides_escalates_wherever_it_stands(
    opaque: Callable[[str], list[str]], char: str, text: str
) -> None:
    assert opaque(text.replace("{}", char))


@pytest.mark.parametrize("name", ["l\u0455", "\uff4c\uff53", "r\u217f", "ls\u0301"])
def test_a_program_that_only_looks_like_one_escalates(
    opaque: Callable[[str], list[str]], name: str
) -> None:
    assert opaque(name)
