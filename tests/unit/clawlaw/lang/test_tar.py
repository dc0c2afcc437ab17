"""tar: what is packed, unpacked and started."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.shell.words import UNKNOWN, Input, Word

from .conftest import Judged

READ = "file.read /workspace/a.tgz"
HERE = "file.write /workspace recursive source=file"
MADE = "file.write /workspace/a.tgz how=create source=file"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tar --version", []),
        ("tar xzf a.tgz", [READ, HERE]),
        ("tar -xvzf a.tgz", [READ, HERE]),
        ("tar --extract --file=a.tgz --strip-components=1", [READ, HERE]),
        ("tar -xzf a.tgz -C /opt", [READ, "file.write /opt recursive source=file"]),
        ("tar xzfC a.tgz /opt", [READ, "file.write /opt recursive source=file"]),
        (
            "tar --directory=sub -xf a.tgz x",
            [READ, "file.write /workspace/sub recursive source=file"],
        ),
        ("tar xOf a.tgz x", [READ]),
        ("tar tzf a.tgz", [READ]),
        ("tar -dzf a.tgz", [READ, "file.read /workspace recursive"]),
        ("tar -C/opt -xf a.tgz", [READ, "file.write /opt recursive source=file"]),
        ("tar -xf a.tgz -X skip", ["file.read /workspace/skip", READ, HERE]),
        (
            "tar -czf a.tgz src *.md",
            [
                "file.read /workspace/src recursive",
                "file.read /workspace/*.md glob recursive",
                MADE,
            ],
        ),
        (
            "tar czf a.tgz --exclude=.git --exclude-vcs .",
            ["file.read /workspace recursive", MADE],
        ),
        ("tar cf - /home/agent/.ssh", ["file.read /home/agent/.ssh recursive"]),
        ("tar -cf a.tgz -C /etc ssh", ["file.read /etc/ssh recursive", MADE]),
        (
            "tar --remove-files -cf a.tgz x",
            [
                "file.read /workspace/x recursive",
                "file.delete /workspace/x recursive",
                MADE,
            ],
        ),
    ],
)
def test_what_tar_reaches(judged: Judged, line: str, said: list[str]) -> None:
    found = judged(line)
    assert found.said == said
    assert found.clean


def test_a_downloaded_archive_stays_downloaded(judged: Judged) -> None:
    found = judged("tar xz -C sub", Input("network"))
    assert found.said == ["file.write /workspace/sub recursive source=network"]


@pytest.mark.parametrize(
    "line",
    [
        "tar cf /dev/null x --checkpoint=1 --checkpoint-action=exec=id",
        "tar xf a.tgz --to-command=sh",
        "tar xf a.tgz --to-command sh",
        "tar -cf a.tar -I sh .",
        "tar -cf a.tar -Ish .",
        "tar cIf sh a.tar .",
        "tar --use-compress-program=sh -cf a b",
        "tar --use-compress=sh -cf a b",
        "tar -cf a.tar --rsh-command=id host:x b",
        "tar cf host:x b",
        "tar xf host:x",
        "tar --rmt-command=id -xf x",
        "tar -F id -cML 1 -f a b",
        "tar --info-script=id -cf a b",
        "tar --new-volume-script id -cf a b",
        "tar cf a.tar -T list",
        "tar cf a.tar --files-from=list",
        "tar xPf a.tgz",
        "tar -P -xf a.tgz",
        "tar --absolute-names -xf a.tgz",
        "tar xf a.tgz --transform=s/a/b/e",
        "tar xf a.tgz --transform 's,^,/etc/,'",
        "tar xf a.tgz -C %%",
        "tar xf %%",
        "tar cf a.tar %%",
        "tar cf a.tar @b.tar",
        "tar -C /a -C b -xf a.tgz",
        "tar -g snap -cf a b",
        "tar a b",
        "tar %% a",
        "tar --no-such -xf a",
    ],
)
def test_what_starts_programs_or_hides_names_is_not_clean(
    judged: Judged, line: str
) -> None:
    assert not judged(line).clean


@pytest.mark.parametrize("name", ["TAR_OPTIONS", "TAPE", "TAR_RSH"])
def test_variables_are_options(judged: Judged, name: str) -> None:
    assert not judged("tar xf a.tgz", **{name: "--to-command=id"}).clean


WORD = st.sampled_from(
    [
        "-x",
        "-c",
        "xzf",
        "-f",
        "a",
        "-C",
        "/",
        "--",
        "-T",
        "--to-command=id",
        "-I",
        "sh",
        "--checkpoint-action=exec=id",
        UNKNOWN,
        "",
        "cf",
        "-xOf",
        "--directory",
        "--exclude",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.builds(Word, WORD, many=st.booleans()), max_size=7))
def test_nothing_breaks_tar(judged: Judged, words: list[Word]) -> None:
    found = judged([Word("tar"), *words])
    texts = [word.text for word in words]
    if "--" not in texts and found.clean and len(texts) > 1:
        before = dict(zip(texts[1:], texts, strict=False))
        for bad in ("--to-command=id", "--checkpoint-action=exec=id"):
            values = ("-f", "-C", "--directory", "--exclude", "xzf", "cf", "-xOf")
            assert bad not in texts or before.get(bad) in values
