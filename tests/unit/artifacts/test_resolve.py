"""Digests come from the vendor, all or none, and are never replaced."""

from collections.abc import Callable

import pytest

from forge.artifacts.errors import DownloadError, PinError, UnreachableError
from forge.artifacts.pins import UNRESOLVED, Versions
from forge.artifacts.progress import Notes
from forge.artifacts.resolve import resolve

from .conftest import Document, Vendor, released

type Write = Callable[[Document], Versions]

AMD, ARM = "a" * 64, "b" * 64


def digests(versions: Versions, name: str = "tool") -> tuple[str, str]:
    release = versions.artifact(name).release
    assert release is not None
    return release["tool"].sha256.amd64, release["tool"].sha256.arm64


@pytest.fixture
def versions(checkout: Write, vendor: Vendor) -> Versions:
    vendor.publishes("v1.2.3/tool.sha256", f"{AMD}  tool\n".encode())
    vendor.publishes("v1.2.3/tool-arm64.sha256", f"{ARM}\n".encode())
    return checkout({"tool": released(vendor.url("{version}/tool{suffix}"), AMD)})


def test_an_unresolved_digest_is_filled_in_and_the_others_compared(
    versions: Versions,
) -> None:
    notes = Notes()
    pins = resolve(versions, progress=notes)
    assert digests(versions) == (AMD, UNRESOLVED)
    assert digests(Versions(versions.path, pins)) == (AMD, ARM)
    assert notes.lines == [f"tool arm64 tool-arm64: {ARM}"]


def test_one_list_of_many_files_is_fetched_once(
    checkout: Write, vendor: Vendor
) -> None:
    sums = f"{AMD}  tool\n{ARM} *tool-arm64\n".encode()
    pin = released(
        vendor.url("{version}/tool{suffix}"),
        UNRESOLVED,
        checksums=vendor.publishes("sums.txt", sums),
    )
    versions = checkout({"tool": pin})
    assert digests(Versions(versions.path, resolve(versions))) == (AMD, ARM)
    assert [path for _, path, _ in vendor.asked] == ["sums.txt"]


def test_a_pinned_digest_that_differs_is_an_error_that_shows_both(
    versions: Versions, vendor: Vendor
) -> None:
    vendor.publishes("v1.2.3/tool.sha256", f"{'c' * 64}  tool\n".encode())
    with pytest.raises(PinError, match=f"pinned {AMD}, published {'c' * 64}"):
        resolve(versions)


def test_a_refused_vendor_is_named_once_and_nothing_is_resolved(
    checkout: Write, vendor: Vendor
) -> None:
    refused = released("http://127.0.0.1:9/{version}/tool{suffix}", UNRESOLVED)
    vendor.publishes("tool.sha256", f"{AMD}\n".encode())
    reached = released(vendor.url("tool"), UNRESOLVED)
    versions = checkout({"reached": reached, "refused": refused})
    before = versions.path.read_bytes()
    with pytest.raises(UnreachableError, match=r"refuses 1 vendor") as caught:
        resolve(versions)
    assert "http://127.0.0.1:9/v1.2.3/tool.sha256" in caught.value.what
    assert "nothing was changed" in str(caught.value)
    assert versions.path.read_bytes() == before
    pins = resolve(versions, ["reached"])
    assert digests(Versions(versions.path, pins), "reached") == (AMD, AMD)
    assert digests(Versions(versions.path, pins), "refused") == (UNRESOLVED, UNRESOLVED)


def test_a_list_that_does_not_name_the_file_is_an_error(
    versions: Versions, vendor: Vendor
) -> None:
    vendor.publishes("v1.2.3/tool-arm64.sha256", f"{ARM}  other\n{ARM}  x\n".encode())
    with pytest.raises(DownloadError, match=r"has no sha256 of tool-arm64"):
        resolve(versions)


def test_an_unknown_name_is_refused(versions: Versions) -> None:
    with pytest.raises(PinError, match="no artifact is named 'tol'"):
        resolve(versions, ["tol"])
