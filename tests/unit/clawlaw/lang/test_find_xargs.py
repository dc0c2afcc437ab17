"""find and xargs: what is looked at, deleted and handed on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.shell.lang.find_names import matches
from clawlaw.core.shell.words import UNKNOWN, Input, Word

from .conftest import Judged

ALL = "file.read /workspace recursive what=list"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("find", [ALL]),
        ("find . -name '*.py' -not -path '*/node_modules/*'", [ALL]),
        ("find . -type f -size +10M -printf '%p %s\\n'", [ALL]),
        ("find . -maxdepth 2 \\( -name a -o -name b \\) -print0", [ALL]),
        ("find . -name *.py", [ALL, "file.read /workspace/*.py glob what=list"]),
        (
            "find src /etc -newer x",
            [
                "file.read /workspace/src recursive what=list",
                "file.read /etc recursive what=list",
                "file.read /workspace/x what=attributes",
            ],
        ),
        (
            "find / -delete",
            ["file.read / recursive what=list", "file.delete / recursive"],
        ),
        ("find . -type f -delete", [ALL, "file.delete /workspace recursive"]),
        ("find . -name '*' -delete", [ALL, "file.delete /workspace recursive"]),
        (
            "find . -name a -o -name b -delete",
            [ALL, "file.delete /workspace recursive"],
        ),
        ("find . ! -name '*.py' -delete", [ALL, "file.delete /workspace recursive"]),
        (
            "find . -delete -o -name '*.pyc'",
            [ALL, "file.delete /workspace recursive"],
        ),
        (
            "find . -name '*.pyc' -delete",
            [ALL, "file.delete /workspace/**/*.pyc recursive"],
        ),
        (
            "find . \\( -name '*.o' -o -iname '*.a' \\) -delete",
            [
                ALL,
                "file.delete /workspace/**/*.o recursive",
                "file.delete /workspace/**/*.a recursive",
            ],
        ),
        (
            "find . -name '.e*' -delete",
            [
                ALL,
                "file.delete /workspace/**/.e* recursive",
                "file.delete /workspace/**/.env recursive",
            ],
        ),
        (
            "find . -path '*hooks*' -delete",
            [
                ALL,
                "file.delete /workspace/**/*hooks* recursive",
                "file.delete /workspace/**/.git/hooks/pre-commit recursive",
            ],
        ),
        (
            "find . -name config -delete",
            [
                ALL,
                "file.delete /workspace/**/config recursive",
                "file.delete /workspace/**/.git/config recursive",
            ],
        ),
        ("find . -mtime +7 -delete", [ALL, "file.delete /workspace/** recursive"]),
        (
            "find . -fprintf /etc/x '%p'",
            [ALL, "file.write /etc/x how=create source=program"],
        ),
    ],
)
def test_what_find_reaches(judged: Judged, line: str, said: list[str]) -> None:
    found = judged(line)
    assert found.said == said
    assert found.clean


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("find . -type f -exec grep -l foo {} +", [f"grep -l foo ./{UNKNOWN}"]),
        ("find a b -exec wc {} \\;", [f"wc a/{UNKNOWN}", f"wc b/{UNKNOWN}"]),
        ("find . -exec a {} \\; -exec b \\;", [f"a ./{UNKNOWN}", "b"]),
        ("find . -execdir mv {} {}.bak \\;", [f"mv ./{UNKNOWN} ./{UNKNOWN}.bak"]),
        ("find / -exec rm -rf {} +", [f"rm -rf /{UNKNOWN}"]),
    ],
)
def test_what_find_runs(judged: Judged, line: str, runs: list[str]) -> None:
    assert judged(line).runs == runs


def test_found_names_stay_below_their_directory(judged: Judged) -> None:
    found = judged("find src -name '*.py' -exec sed -i s/a/b/ {} +")
    assert "file.write /workspace/src/**/*.py recursive" in found.said


def test_found_names_are_confined_no_further_than_known(judged: Judged) -> None:
    found = judged("find . -exec sed -i s/a/b/ {}/../../x +")
    assert not found.clean


@pytest.mark.parametrize(
    "line",
    [
        "find . -frobnicate",
        "find . -exec rm {}",
        "find -L . -delete",
        "find . -follow -exec cat {} +",
        "find %% -name x",
        "find . -files0-from list",
        "find . %%",
        "find . -name",
        "find src* -exec cat {} +",
        "find . -exec sed '1e id' {} +",
        "find . -execdir sed -n p x \\;",
    ],
)
def test_what_is_not_plain_is_not_clean(judged: Judged, line: str) -> None:
    assert not judged(line).clean


@pytest.mark.parametrize(
    ("line", "listed"),
    [
        ("find src", ["/workspace/src"]),
        ("find . -name '*.py' -print0", ["/workspace/**/*.py"]),
        ("find . -name '*env*'", ["/workspace/**/.env"]),
        ("find -L . -name '*.py'", []),
        ("find . -printf '/etc/passwd\\n'", []),
        ("find . -exec echo /etc/passwd \\;", []),
        ("find . -ls", []),
    ],
)
def test_what_is_said_to_be_listed(
    judged: Judged, line: str, listed: list[str]
) -> None:
    assert judged(line).listed == listed


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*.py", "a.py", True),
        ("*.py", "a.pyc", False),
        (".e*", ".ENV", True),
        ("?env", ".env", True),
        ("[.]env", ".env", True),
        ("*env*", ".env", True),
        ("", "a", False),
        ("a*b*c", "axxbyyc", True),
        ("\\*", "*", True),
        ("a", "ab", False),
    ],
)
def test_matches(pattern: str, name: str, *, expected: bool) -> None:
    assert matches(pattern, name) is expected


@pytest.mark.parametrize(
    ("line", "text", "runs"),
    [
        ("xargs rm -rf", "/", ["rm -rf /"]),
        ("xargs -0 ls", "a b\0c\0", ["ls a b c"]),
        ("xargs -n1 wc", "a b", ["wc a", "wc b"]),
        ("xargs -I{} cp {} /tmp/{}", "a\nb\n", ["cp a /tmp/a", "cp b /tmp/b"]),
        ("xargs -d '\\n' cat", "a b\nc\n", ["cat a b c"]),
        ("xargs", "a", ["echo a"]),
        ("xargs -P4 -n2 -t a -x", "b c d", ["a -x b c", "a -x d"]),
        ("xargs cat", "'a b'", [f"cat {UNKNOWN}"]),
        ("xargs -L1 cat", "a b", [f"cat {UNKNOWN}"]),
        ("xargs -n x cat", "a b", [f"cat {UNKNOWN}"]),
        ("xargs -d xy cat", "a b", [f"cat {UNKNOWN}"]),
        ("xargs -i cp {} x", "a", ["cp a x"]),
        ("xargs -I{} echo", "a", ["echo"]),
        ("xargs -n1 echo", " ".join("abcdefghijklmnopqrstuvwxyz"), [f"echo {UNKNOWN}"]),
    ],
)
def test_known_input_makes_known_words(
    judged: Judged, line: str, text: str, runs: list[str]
) -> None:
    assert judged(line, Input("agent", text)).runs == runs


def test_a_file_of_names_is_read(judged: Judged) -> None:
    found = judged("xargs -a list sed -n p")
    assert "file.read /workspace/list" in found.said
    assert not found.clean


def test_no_input_means_no_words(judged: Judged) -> None:
    assert judged("xargs rm").runs == ["rm"]
    assert judged("xargs -r rm").runs == []


def test_names_of_a_directory_stay_in_it(judged: Judged) -> None:
    listing = Input("program", within="/workspace/src")
    found = judged("xargs sed -i s/a/b/", listing)
    assert found.clean
    assert "file.write /workspace/src recursive" in found.said


def test_names_mean_other_files_in_another_directory(judged: Judged) -> None:
    here = Input("program", within="/workspace/src", base="/workspace")
    elsewhere = Input("program", within="/workspace/src", base="/workspace/src")
    assert judged("xargs sed -n p", here).clean
    assert not judged("xargs sed -n p", elsewhere).clean


def test_a_placeholder_keeps_the_directory(judged: Judged) -> None:
    listing = Input("program", within="/workspace/src")
    assert judged("xargs -I% sed -i s/a/b/ %", listing).clean
    assert not judged("xargs -I% sed -i s/a/b/ /etc/%", listing).clean
    assert not judged("xargs -I% sed -i s/a/b/ %/../../x", listing).clean


@pytest.mark.parametrize("source", ["file", "network", "program", "unknown"])
def test_unknown_input_makes_unknown_words(judged: Judged, source: str) -> None:
    given_input = Input(source)  # type: ignore[arg-type]  # from the list above
    assert not judged("xargs sed -i s/a/b/", given_input).clean


@pytest.mark.parametrize(
    "line",
    [
        "xargs --process-slot-var=LD_PRELOAD x",
        "xargs %% a",
        "xargs -J % a %",
        "xargs -n",
    ],
)
def test_options_that_are_not_listed(judged: Judged, line: str) -> None:
    assert not judged(line, Input("agent", "a")).clean


WORD = st.sampled_from(
    [
        ".",
        "-name",
        "*.py",
        "(",
        ")",
        "!",
        "-o",
        "-exec",
        "rm",
        "{}",
        ";",
        "+",
        "-delete",
        "-print",
        "-path",
        "-prune",
        "-type",
        "f",
        UNKNOWN,
        "",
        "-fprint",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.builds(Word, WORD, glob=st.booleans()), max_size=10))
def test_nothing_breaks_find(judged: Judged, words: list[Word]) -> None:
    found = judged([Word("find"), *words])
    texts = [word.text for word in words]
    if "-delete" in texts and found.clean and "-exec" not in texts:
        values = {"-name", "-path", "-type", "-fprint"}
        before = texts[texts.index("-delete") - 1] if texts.index("-delete") else ""
        assert before in values or any("file.delete" in said for said in found.said)
