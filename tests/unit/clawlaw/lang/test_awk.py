"""awk: what programs reach, and that nothing hides in them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.shell.lang.awk import read_program
from clawlaw.core.shell.lang.awk_tokens import AwkError

from .conftest import Judged

READ = "file.read /workspace/f"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("awk '{print $1}' f", [READ]),
        ("awk -F: '$3 > 100 {print $1, $3}' f", [READ]),
        ("awk 'NR>1 && /foo\\/bar/ {s+=$2} END {printf \"%d\\n\", s/NR}' f", [READ]),
        ("awk '{a[$1]++} END {for (k in a) print k, a[k]}' f", [READ]),
        ("awk '!seen[$0]++' f", [READ]),
        ("awk 'length > 80' f", [READ]),
        ("awk -v n=%% '$1==n {print (a > b)}' f", [READ]),
        ("awk -F'\\t' -v OFS=, '{$1=$1; print}' f", [READ]),
        ("gawk 'function f(x) { return x*2 } {print f($1)}' f", [READ]),
        ("awk '{print}' x=1 y=%% f", [READ]),
        ("awk '/a/,/b/' -", []),
        ("awk 'BEGIN { print substr(\"abc\", 2) }'", []),
        ('awk \'$0 ~ "x|y" { print > "/dev/stderr" }\'', []),
        (
            "awk '{print > \"out.txt\"}'",
            ["file.write /workspace/out.txt how=create source=program"],
        ),
        (
            "awk '{print $1, $2 >> \"/etc/x\"; y = a > b}'",
            ["file.write /etc/x how=append source=program"],
        ),
        (
            "awk 'BEGIN{while ((getline line < \"/etc/shadow\") > 0) print line}'",
            ["file.read /etc/shadow"],
        ),
        ("awk 'BEGIN{print ENVIRON[\"HOME\"]}'", ["environment.read ('HOME',)"]),
        ("awk 'BEGIN{for (k in ENVIRON) print k}'", ["environment.read ()"]),
        ("awk 'BEGIN{while ((getline l < \"-\") > 0) n++; print n/2}'", []),
        ('awk \'BEGIN{PROCINFO["sorted_in"]="@ind_str_asc"} 1\'', []),
        ("awk 'BEGIN{system(\"\"); fflush()}'", []),
        ("awk 'BEGIN{getline $1 < \"g\"}'", ["file.read /workspace/g"]),
        ("awk 'BEGIN{getline a[1] < \"g\"; b = a < 2}'", ["file.read /workspace/g"]),
        ("awk -e 1 -e 'NR>1 {\\\nprint}' f", [READ]),
        ("awk --version", []),
    ],
)
def test_what_a_program_reaches(judged: Judged, line: str, said: list[str]) -> None:
    found = judged(line)
    assert found.said == said
    assert found.clean


@pytest.mark.parametrize(
    ("line", "shells"),
    [
        ("awk '{print $1 | \"sort -u\"}' f", ["sort -u"]),
        ('awk \'BEGIN{"date +%s" | getline x; close("date +%s")}\'', ["date +%s"]),
        ("awk 'BEGIN{system(\"date\")}'", ["date"]),
        ("awk '{print | \"cat 1>&2\"}' f", ["cat 1>&2"]),
    ],
)
def test_harmless_filters_are_analysed(
    judged: Judged, line: str, shells: list[str]
) -> None:
    found = judged(line)
    assert found.shells == shells
    assert found.clean


@pytest.mark.parametrize(
    "line",
    [
        "awk 'BEGIN{system(\"rm -rf /\")}'",
        "awk 'BEGIN{system (\"touch x\")}'",
        "awk 'BEGIN{getline $(1) < \"g\"}'",
        "awk 'BEGIN{getline a[b[1]] < \"g\"}'",
        "awk 'BEGIN{x | \"sh\"}'",
        "awk 'BEGIN{x (1)}'",
        "awk 'BEGIN{PROCINFO[\"x\"]}'",
        "awk 'BEGIN{x & 1}'",
        "awk 'BEGIN{x = 0x10}'",
        "awk 'BEGIN{x = 1 \\ 2}'",
        "awk 'BEGIN{x = \"a}'",
        "awk 'BEGIN{x++ /1/ 2}'",
        "awk 'length /x/ 1'",
        "awk '/x'",
        "awk 'é'",
        "awk 'BEGIN{x=\"id\"; system(x)}'",
        'awk \'BEGIN{system("i" "d")}\'',
        "awk '{print | \"sh\"}' f",
        "awk '{print |& \"sh\"}' f",
        "awk '{print | \"sort; sh\"}' f",
        "awk '{print $0 | (\"sh\")}' f",
        "awk '{print | c}' f",
        "awk 'BEGIN{\"cat /etc/shadow\" | getline x}'",
        "awk 'BEGIN{\"sh\" | getline}'",
        "awk 'BEGIN{c | getline}'",
        'awk \'BEGIN{"a" "b" | getline}\'',
        "awk '{print > $1\".txt\"}' f",
        "awk '{print > \"a\" $1}' f",
        "awk '{print > (\"a\")}' f",
        "awk '{printf(\"x\") > f}' f",
        "awk 'BEGIN{for(;i++<1;print \"x\" > n);}'",
        "awk '{print a,\n b > c}' f",
        "awk 'BEGIN{getline x < f}'",
        'awk \'BEGIN{getline x < "a" "b"}\'',
        "awk 'BEGIN{getline a[i++] < f}'",
        "awk '@load \"filefuncs\"'",
        "awk '@include \"x\"'",
        'awk \'BEGIN{f="system"; @f("id")}\'',
        "awk -f prog.awk f",
        "awk -l readdir 1 f",
        "awk --load=x 1",
        "awk -i inplace 1 f",
        "awk -E x",
        "awk 'BEGIN{ARGV[1]=\"/etc/shadow\"; ARGC=2} 1' x",
        'awk \'BEGIN{printf "x" > "/inet/tcp/0/e.example/80"}\'',
        "awk 'BEGIN{getline < \"/inet/tcp/0/e.example/80\"}'",
        'awk \'BEGIN{PROCINFO["sh","pty"]=1}\'',
        'awk "/%%/ {print}" f',
        "awk 'BEGIN{print SYMTAB[\"x\"]}'",
        "awk 'BEGIN{ unknown_function(1) }'",
        'awk \'BEGIN{ print "\\x41" | "\\x73h" }\'',
        "awk 'a++ /x/ system(\"id\") /y/'",
        "awk '{ print /x/ | \"sh\" }'",
        "awk '1' %%",
        "awk",
        "awk %% f",
    ],
)
def test_what_is_not_harmless_is_not_clean(judged: Judged, line: str) -> None:
    assert not judged(line).clean


PIECES = st.sampled_from(
    [
        "print ",
        "printf ",
        "getline ",
        "system",
        "ENVIRON",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ";",
        "\n",
        ">",
        ">>",
        "<",
        "|",
        "|&",
        "@",
        "/",
        '"sh"',
        '"f"',
        "x",
        "$1",
        "1",
        "++",
        ",",
        "&&",
        "in",
        "#",
        "\\",
        '"',
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_no_program_breaks_the_reader(text: str) -> None:
    try:
        program = read_program(text)
    except AwkError:
        return
    assert "@" not in text or '"' in text or "#" in text or "/" in text
    assert all('"' + name in text for name, _ in program.writes)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["{print}", "$1>2{x=1}", "/a/{next}", 'BEGIN{FS=":"}', "NR==1"]),
    st.sampled_from(["\n", "\n#c\n", "\n\n"]),
    st.sampled_from(
        [
            'BEGIN{system("touch x")}',
            '{print|"sh"}',
            '{"touch x"|getline}',
            '{if(a>b)print "x"|"sh"}',
            "END{system(x)}",
            "{print>x}",
        ]
    ),
)
def test_a_program_run_after_anything_is_found(
    before: str, between: str, harmful: str
) -> None:
    try:
        program = read_program(before + between + harmful)
    except AwkError:
        return
    assert program.runs
