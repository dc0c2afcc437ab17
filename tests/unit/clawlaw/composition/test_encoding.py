import base64
import hashlib
from collections.abc import Callable

import pytest

from clawlaw.core.composition.encoding import digests, encoded, long_host

ENCODINGS: dict[str, Callable[[bytes], str]] = {
    "base64": lambda data: base64.b64encode(data).decode(),
    "url": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "base32": lambda data: base64.b32encode(data).decode(),
    "small": lambda data: base64.b32encode(data).decode().lower().rstrip("="),
    "hex": lambda data: data.hex(),
    "base85": lambda data: base64.b85encode(data).decode(),
}
TEXT = b"The quick brown fox reads the key of the vault and tells no one. " * 40
LIMIT = 24
ORDINARY = [
    "/en/latest/how-to-write-a-very-long-page-name-about-nothing.html",
    "/o/r/commit/0123456789abcdef0123456789abcdef01234567",
    "/search?q=tree+sitter+bash+grammar&sort=stars&page=12",
    "/packages/3f/2a/numpy-2.1.3-cp312-cp312-manylinux_2_17_x86_64.whl",
    "/api/v1/namespaces/default/pods/web-7c5ddbdf54-x8f2q/log",
    "/v2/library/debian/blobs/sha256:" + "0a" * 32,
    "/users/1f0c5f2e-2f6b-4f2e-9d7a-0b6f4f2e9d7a/settings",
    "/2026/11/23/23112026123456/report",
    "/watch?v=dQw4w9WgXcQ",
    "/wiki/%E3%83%97%E3%83%AD%E3%82%B0%E3%83%A9%E3%83%9F%E3%83%B3%E3%82%B0",
    "/k8s/PodSecurityConfiguration",
]


def share(form: Callable[[bytes], str], size: int) -> int:
    """Of 1,000 random chunks and 200 of a text, how many in a hundred are seen."""
    chunks = [hashlib.shake_256(b"%d" % i).digest(size) for i in range(1000)]
    chunks += [TEXT[i : i + size] for i in range(200)]
    seen = sum(encoded(form(chunk)) >= LIMIT for chunk in chunks)
    return seen * 100 // len(chunks)


@pytest.mark.parametrize("form", ENCODINGS.values(), ids=ENCODINGS)
def test_chunks_of_every_encoding_are_seen(form: Callable[[bytes], str]) -> None:
    assert share(form, 60) >= 99
    assert share(form, 120) == 100


@pytest.mark.parametrize("path", ORDINARY)
def test_ordinary_addresses_are_not(path: str) -> None:
    assert encoded(path) < LIMIT


def test_a_digest_is_told_apart() -> None:
    assert digests("/blobs/" + "0a" * 20 + "/" + "0a" * 21) == 1
    assert encoded("/blobs/" + "0a" * 20) == 0
    assert encoded("/blobs/" + "0a" * 21) == 42


def test_digits_alone_need_to_be_many() -> None:
    assert encoded("1" * 29) == 0
    assert encoded("1" * 30) == 30


def test_signs_that_addresses_do_not_use() -> None:
    assert encoded("/a!b#c$d(e)f*") == 13
    assert encoded("/a!b#c$d(e)f/") == 0


@pytest.mark.parametrize(
    ("host", "long"),
    [
        ("docs.example.org", False),
        ("a-long-but-readable-name.of-a-bucket.s3.eu-west-1.example.org", False),
        ("krugs4tjo4qgs4zamfxgqzlsn52a.example.org", True),
        ("x" * 31 + ".example.org", True),
        (".".join(["abc"] * 26), True),
        ("", False),
    ],
)
def test_names_of_hosts(host: str, *, long: bool) -> None:
    assert long_host(host) is long
