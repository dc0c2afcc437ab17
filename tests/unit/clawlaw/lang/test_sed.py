"""sed: what scripts reach, and that nothing hides in them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.shell.lang.sed_script import SedError, read_script

from .conftest import Judged

READ = "file.read /workspace/f"
WRITE = "file.write /workspace/f"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sed -n '1,20p' f", [READ]),
        ("sed 's/foo/bar/g' f", [READ]),
        ("sed -E 's#([0-9]+)/(a|b)#\\2#gI' f", [READ]),
        ("sed '/^#/d; /^$/d' f", [READ]),
        ("sed -n '/start/,/end/p;$!N;$=' f", [READ]),
        ("sed ':a;N;$!ba;s/\\n/,/g' f", [READ]),
        ("sed '/x/{s/a/b/;s/c/d/}' f", [READ]),
        ("sed '0~3d;2,+4!p;/a/I,$ {n;q5}' f", [READ]),
        ("sed 'y/abc/xyz/;s,a\\,b,c,' f", [READ]),
        ("sed '$a\\new line' f", [READ]),
        ("sed -e 'i\\' -e 'e id' f", [READ]),
        ("sed '2i hello; e id' f", [READ]),
        ("sed 's/a/[/;s/[^]x[:alpha:]]/y/' f", [READ]),
        ("sed 10q", []),
        ("sed --version", []),
        ("sed -n '\\,a,Ip;# done' -", []),
        ("sed -i 's/a/b/' f", [READ, WRITE]),
        ("sed -i '' 's/a/b/' f", [READ, WRITE]),
        (
            "sed -i.bak -e 's/a/b/' f",
            [READ, WRITE, "file.write /workspace/f.bak how=create source=file"],
        ),
        ("sed --in-place --expression=s/a/b/ f", [READ, WRITE]),
        (
            "sed -ne 's/a/b/w /etc/passwd'",
            ["file.write /etc/passwd how=create source=file"],
        ),
        ("sed 'w out.txt'", ["file.write /workspace/out.txt how=create source=file"]),
        ("sed '1r /etc/shadow' f", ["file.read /etc/shadow", READ]),
        ("sed -n '1w /dev/stdout' f", [READ]),
        (
            "sed -i 's/x/y/' *.txt",
            [
                "file.read /workspace/*.txt glob",
                "file.write /workspace/*.txt glob",
            ],
        ),
    ],
)
def test_what_a_script_reaches(judged: Judged, line: str, said: list[str]) -> None:
    found = judged(line)
    assert found.said == said
    assert found.clean


@pytest.mark.parametrize(
    "line",
    [
        "sed '1e rm -rf /' /etc/hosts",
        "sed 1e f",
        "sed 's/a/id/e' f",
        "sed 's/a/id/ge' f",
        "sed 's,a,id,2e;p' f",
        "sed 's|.*|id|e'",
        "sed --expression='1e id' f",
        "sed -n -e p -e '$!e' f",
        "sed '/x/{e id\n}' f",
        "sed -f script.sed f",
        "sed --file=script.sed f",
        "sed -s -ef f",
        'sed "s/%%/b/" f',
        "sed 's/[/]/x/e;s/]/x/' f",
        "sed 's/a/b/;\\,x,e id' f",
        "sed 'a\\\\\ne id' f",
        "sed '}e id' f",
        "sed '{p' f",
        "sed 's/a/b' f",
        "sed 'v' f",
        "sed ': ;e id' f",
        "sed --exec=x p f",
        "sed --expr=1e f",
        "sed -i'x/y' p f",
        "sed -i'*' p f",
        "sed p %%",
        "sed %% f",
        "sed",
        "sed 's/a/b/\re id' f",
        "sed '" + "p;" * 15000 + "' f",
        "sed '1,p' f",
        "sed '1~p' f",
        "sed '1,+p' f",
        "sed '1' f",
        "sed 'w' f",
        "sed 'sab' f",
        "sed 's\\a\\b\\' f",
        "sed a",
        "sed 'a\\' f",
        "sed 'i\\\\x' f",
        "sed 'p x' f",
        "sed '/[[.x.]]/p' f",
        "sed '/[[:alpha:/p' f",
        "sed '/[[:x:]/p' f",
        "sed '\\' f",
        "sed 's\u00e9a\u00e9b\u00e9e' f",
    ],
)
def test_what_is_not_harmless_is_not_clean(judged: Judged, line: str) -> None:
    assert not judged(line).clean


def test_commands_in_a_script_are_analysed(judged: Judged) -> None:
    assert judged("sed '1e rm -rf /' f").shells == ["rm -rf /"]


PIECES = st.sampled_from(
    [
        *"syaicdDgGhHnNpPqQrRwWe=lbtT{}:;!,/\\[]^$*0123456789~+ #\n|IMx-",
        "s/a/b/",
        "\\n",
        "1e id",
        "/e",
        "w /etc/x",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_no_script_breaks_the_reader(text: str) -> None:
    try:
        script = read_script(text)
    except SedError:
        return
    assert all(name in text for name in [*script.writes, *script.reads])


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        ["p", "s/a/b/g", "/x/,$d", "2!{h;G}", "y/a/b/", "$=", ":a", "1~2p"]
    ),
    st.sampled_from([";", "\n", " ; ", ";\n"]),
    st.sampled_from(["e id", "s/a/b/e", "1,$ e id", "/x/!s|a|b|pe", "{e id\n}"]),
)
def test_a_program_run_after_anything_is_found(
    before: str, between: str, harmful: str
) -> None:
    assert read_script(before + between + harmful).runs
