"""Folding: one form for all spellings, the same on every Python."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.text import address4, fold, fold_host, fold_path, plain_path

TABLES = unicodedata.ucd_3_2_0
ANY = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)


@given(ANY)
def test_folding_again_changes_nothing(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once


@given(ANY)
def test_folding_a_path_again_changes_nothing(text: str) -> None:
    once = fold_path("/" + text).text
    assert fold_path(once).text == once


@given(st.text(alphabet=st.characters(max_codepoint=0x2FFF), max_size=20))
def test_composed_and_decomposed_text_fold_alike(text: str) -> None:
    one = fold(unicodedata.normalize("NFC", text))
    other = fold(unicodedata.normalize("NFD", text))
    if not (one.strange or other.strange):
        assert one.text == other.text


@given(st.characters(exclude_categories=["Cs"]))
def test_what_unicode_3_2_did_not_have_is_kept_and_marked(character: str) -> None:
    if TABLES.category(character) == "Cn":
        assert fold(f"a{character}B").text == f"a{character}b"
        assert fold(character).strange


@given(ANY)
def test_only_tables_of_unicode_3_2_have_a_say(text: str) -> None:
    # Nothing that a newer Python knows better may come out of the folding.
    known = [c for c in fold(text).text if c not in text]
    assert all(TABLES.category(c) != "Cn" for c in known)


@pytest.mark.parametrize(
    "spelling",
    [
        "/home/agent/.SSH/ID_RSA",
        "/home/agent/.s\u200csh/id_rsa",
        "/home/agent/.ss\u00adh/id_rsa",
        "/home/agent/.\ufeffssh/id_rsa",
        "/home/agent/.\u017fsh/id_rsa",
        "/home/agent/.\uff53\uff53\uff48/id_rsa",
        "/home//agent/./x/../.ssh/id_rsa",
        "/System/Volumes/Data/home/agent/.ssh/id_rsa",
        "/system/volumes/data/home/agent/.ssh/id_rsa/..namedfork/rsrc",
        "/proc/self/root/home/agent/.ssh/id_rsa",
        "/proc/1/task/1/root/home/agent/.ssh/id_rsa",
        "/home/agent/.ssh/id_rsa/",
    ],
)
def test_every_spelling_of_a_key_is_the_key(spelling: str) -> None:
    assert fold_path(spelling).text == "/home/agent/.ssh/id_rsa"


@pytest.mark.parametrize(
    "path",
    [
        "/a/x\u200by",
        "/a/x\uff0fy",
        "/a/x\uff0e\uff0ey",
        "/a/\u2025/y",
        "/a/x\ny",
        "/a/x\x7f",
        "/a/\U0001f9ff",
        "/.vol/16777220/2",
        "/dev/fd/3",
        "/proc/self/cwd/x",
        "/proc/self/root/etc/passwd",
        "/w/f/..namedfork/rsrc",
    ],
)
def test_a_path_that_can_be_taken_for_another_is_strange(path: str) -> None:
    assert fold_path(path).strange


@pytest.mark.parametrize(
    "path",
    [
        "/work/données.txt",
        "/work/straße/x",
        "/work/данные",
        "/work/データ",
        "/work/a b'c[1]",
        "/system/x",
        "/private/x",
        "/proc/cpuinfo",
    ],
)
def test_ordinary_names_are_not_strange(path: str) -> None:
    assert not fold_path(path).strange


@pytest.mark.parametrize(
    ("second", "first"),
    [
        ("/private/tmp", "/tmp"),  # noqa: S108  # a name
        ("/private/var/folders/x", "/var/folders/x"),
        ("/private/etc/hosts", "/etc/hosts"),
        ("/System/Volumes/Data/private/var/x", "/var/x"),
        ("/System/Volumes/Data", "/"),
    ],
)
def test_directories_with_two_names_have_one(second: str, first: str) -> None:
    assert fold_path(second).text == first
    assert plain_path(second) == first


def test_a_plain_path_keeps_its_case() -> None:
    assert plain_path("/Work//Space/./X") == "/Work/Space/X"
    assert plain_path("/PRIVATE/Tmp/X") == "/Tmp/X"
    assert plain_path("/") == "/"


def test_dots_do_not_lead_above_the_root() -> None:
    assert fold_path("/../../etc").text == "/etc"
    assert fold_path("//").text == "/"


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("GitHub.COM.", "github.com"),
        ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("[::ffff:127.0.0.1]", "127.0.0.1"),
        ("::FFFF:7f00:1", "127.0.0.1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("xn--e1afmkfd.example", "xn--e1afmkfd.example"),
        ("1e100.net", "1e100.net"),
        ("2852039166", "169.254.169.254"),
    ],
)
def test_hosts_have_one_form(written: str, host: str) -> None:
    folded = fold_host(written)
    assert (folded.text, folded.strange) == (host, False)


@pytest.mark.parametrize(
    "host",
    [
        "\u0456nstall.example",
        "\uff47ithub.com",
        "git\u200bhub.com",
        "a..b",
        ".example.com",
        "a b",
        "evil.example/x",
        "u@evil.example",
        "256.1.1.1",
        "1.2.3.4.5",
        "[::1",
        "[zz]",
        "",
    ],
)
def test_hosts_that_are_not_plain_are_strange(host: str) -> None:
    assert fold_host(host).strange


@given(st.integers(min_value=0, max_value=2**32 - 1))
def test_every_way_to_write_an_address_is_found(number: int) -> None:
    octets = [number >> shift & 255 for shift in (24, 16, 8, 0)]
    dotted = ".".join(map(str, octets))
    last16, last24 = number & 0xFFFF, number & 0xFFFFFF
    for written in (
        str(number),
        hex(number),
        f"0{number:o}",
        f"{octets[0]}.{last24}",
        f"{octets[0]}.0x{octets[1]:x}.{last16}",
        ".".join(f"0{o:o}" for o in octets),
    ):
        assert address4(written) == dotted


@given(st.text(alphabet="0123456789abcdefx.", max_size=20))
def test_an_address_is_four_bytes_or_none(text: str) -> None:
    found = address4(text)
    parts = found.split(".")
    assert not found or (len(parts) == 4 and all(0 <= int(p) <= 255 for p in parts))
