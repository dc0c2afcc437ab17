"""Downloads: resumed, refused, and never believed unchecked."""

import hashlib
import io
import socket
import tarfile
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from forge.artifacts.errors import ChecksumError, DownloadError, UnreachableError
from forge.artifacts.progress import Notes, Unit
from forge.artifacts.release import (
    ATTEMPTS,
    download,
    fetch_text,
    is_reachable,
    published_digest,
    unpack,
)

from .conftest import Answer, Vendor, send

BODY = bytes(range(256)) * 4000  # about a megabyte: several reads
SHA = hashlib.sha256(BODY).hexdigest()


class Counter(Notes):
    """Keeps the last count as well."""

    def update(self, label: str, done: int, total: int | None, unit: Unit) -> None:
        self.last = (label, done, total, unit)


def cutting(times: int) -> Answer:
    """Drop the connection half-way, the given number of times."""
    answers = iter([True] * times)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if next(answers, False):
            send(handler, BODY, cut=400_000)
            handler.close_connection = True
        else:
            send(handler, BODY)

    return answer


def test_a_file_is_fetched_with_progress(vendor: Vendor, tmp_path: Path) -> None:
    part, told = tmp_path / "deep" / "x.part", Counter()
    url = vendor.publishes("tool", BODY)
    download(url, part, sha256=SHA, progress=told)
    assert part.read_bytes() == BODY
    assert told.last == ("downloading tool", len(BODY), len(BODY), "bytes")
    assert told.lines == []


def test_a_wrong_checksum_names_both_digests_and_leaves_nothing(
    vendor: Vendor, tmp_path: Path
) -> None:
    part = tmp_path / "x.part"
    url = vendor.publishes("tool", b"other")
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ChecksumError) as caught:
        download(url, part, sha256=SHA)
    assert f"pinned   sha256 {SHA}" in caught.value.what
    assert f"received sha256 {found}" in caught.value.what
    assert url in caught.value.what
    assert list(tmp_path.iterdir()) == []


def test_a_cut_transfer_goes_on_where_it_ended(vendor: Vendor, tmp_path: Path) -> None:
    part, told = tmp_path / "x.part", Counter()
    vendor.answers["tool"] = cutting(1)
    download(vendor.url("tool"), part, sha256=SHA, progress=told)
    kept = len(BODY) - 400_000
    assert part.read_bytes() == BODY
    assert [ranged for _, _, ranged in vendor.asked] == [None, f"bytes={kept}-"]
    assert f"going on at byte {kept}" in told.lines[0]


def test_a_connection_that_is_always_cut_keeps_what_arrived(
    vendor: Vendor, tmp_path: Path
) -> None:
    def one_byte_more(handler: BaseHTTPRequestHandler) -> None:
        length = len(BODY) - int((handler.headers["Range"] or "bytes=0-")[6:-1])
        send(handler, BODY, cut=length - 1)

    part = tmp_path / "x.part"
    vendor.answers["tool"] = one_byte_more
    with pytest.raises(DownloadError, match=f"lost {ATTEMPTS} times") as caught:
        download(vendor.url("tool"), part, sha256=SHA)
    assert f"{ATTEMPTS} bytes are kept" in caught.value.what
    assert part.read_bytes() == BODY[:ATTEMPTS]
    vendor.publishes("tool", BODY)
    download(vendor.url("tool"), part, sha256=SHA)
    assert vendor.asked[-1][2] == f"bytes={ATTEMPTS}-"
    assert part.read_bytes() == BODY


def test_a_server_that_cannot_resume_sends_the_whole_file(
    vendor: Vendor, tmp_path: Path
) -> None:
    def whole(handler: BaseHTTPRequestHandler) -> None:
        del handler.headers["Range"]
        send(handler, BODY)

    part = tmp_path / "x.part"
    part.write_bytes(BODY[:1000])
    vendor.answers["tool"] = whole
    download(vendor.url("tool"), part, sha256=SHA)
    assert part.read_bytes() == BODY
    assert len(vendor.asked) == 1


def test_a_download_that_was_already_whole_is_not_repeated(
    vendor: Vendor, tmp_path: Path
) -> None:
    part = tmp_path / "x.part"
    part.write_bytes(BODY)
    download(vendor.publishes("tool", BODY), part, sha256=SHA)
    assert [ranged for _, _, ranged in vendor.asked] == [f"bytes={len(BODY)}-"]


def test_a_damaged_partial_download_is_fetched_again(
    vendor: Vendor, tmp_path: Path
) -> None:
    part, told = tmp_path / "x.part", Counter()
    part.write_bytes(b"\xff" * 1000)
    download(vendor.publishes("tool", BODY), part, sha256=SHA, progress=told)
    assert part.read_bytes() == BODY
    assert "the resumed download is damaged" in told.lines[0]
    assert [ranged for _, _, ranged in vendor.asked] == ["bytes=1000-", None]


@pytest.mark.parametrize("status", [403, 407, 429, 502, 503])
def test_a_refusal_is_not_reachable(
    vendor: Vendor, tmp_path: Path, status: int
) -> None:
    vendor.answers["tool"] = lambda handler: handler.send_error(status)
    with pytest.raises(UnreachableError, match=f"HTTP {status}"):
        download(vendor.url("tool"), tmp_path / "x", sha256=SHA)
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_release_is_an_error_of_the_pin(
    vendor: Vendor, tmp_path: Path, status: int
) -> None:
    vendor.answers["tool"] = lambda handler: handler.send_error(status)
    with pytest.raises(DownloadError, match=rf"HTTP {status}[\s\S]*versions\.yml"):
        download(vendor.url("tool"), tmp_path / "x", sha256=SHA)


def test_a_port_where_nothing_listens_is_not_reachable(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/tool"
        with pytest.raises(UnreachableError, match="refused"):
            download(url, tmp_path / "x", sha256=SHA)
        assert not is_reachable(url)


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/tool"
        with pytest.raises(DownloadError, match="timed out"):
            download(url, tmp_path / "x", sha256=SHA, timeout=0.1)


def test_reachable_is_asked_without_fetching(vendor: Vendor) -> None:
    assert is_reachable(vendor.publishes("tool", BODY))
    assert not is_reachable(vendor.url("other"))
    assert [method for method, _, _ in vendor.asked] == ["HEAD", "HEAD"]


def test_a_checksum_file_must_be_short_text(vendor: Vendor) -> None:
    assert fetch_text(vendor.publishes("sums", b"abc  x\n")) == "abc  x\n"
    with pytest.raises(DownloadError, match=r"sums: .*ascii"):
        fetch_text(vendor.publishes("sums", b"\xff"))
    with pytest.raises(DownloadError, match="longer than"):
        fetch_text(vendor.publishes("sums", b"x" * (1 << 21)))


ONE, TWO = "1" * 64, "2" * 64


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{ONE}\n", ONE),
        (f"{ONE}", ONE),
        (f"{TWO}  other\n{ONE}  tool\n", ONE),
        (f"{ONE} *tool\n", ONE),
        (f"{ONE}  ./out/tool\n", ONE),
        (f"{'A' * 64}  tool\n", "a" * 64),
        (f"{TWO}  other\n", None),
        (f"{TWO}  tool.sig\n", None),
        ("<html>\n", None),
        ("not-a-digest  tool\n", None),
        ("", None),
        (f"{ONE}  tool  extra\n", None),
        (f"{ONE[1:]}\n", None),
    ],
)
def test_the_vendors_digest_is_found_by_name(text: str, found: str | None) -> None:
    assert published_digest(text, "tool") == found


def archive(path: Path, *, link: bool = False) -> None:
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("./bin/tool")
        if link:
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(member)
        else:
            member.size = len(BODY)
            tar.addfile(member, io.BytesIO(BODY))
        tar.addfile(tarfile.TarInfo("../escape"))


def test_only_named_members_are_unpacked(tmp_path: Path) -> None:
    archive(tmp_path / "x.tgz")
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "x.tgz", {"renamed": "./bin/tool"}, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["renamed"]
    assert (tmp_path / "out" / "renamed").read_bytes() == BODY
    assert not (tmp_path / "escape").exists()


def test_a_member_that_is_missing_or_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    archive(tmp_path / "x.tgz", link=True)
    with pytest.raises(DownloadError, match="bin/tool is no regular file"):
        unpack(tmp_path / "x.tgz", {"tool": "./bin/tool"}, tmp_path / "out")
    with pytest.raises(DownloadError, match="none"):
        unpack(tmp_path / "x.tgz", {"tool": "none"}, tmp_path / "out")
    (tmp_path / "x.tgz").write_bytes(b"no archive")
    with pytest.raises(DownloadError, match=r"x\.tgz: "):
        unpack(tmp_path / "x.tgz", {"tool": "./bin/tool"}, tmp_path / "out")
