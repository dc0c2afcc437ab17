"""Resolve release digests from what the vendors publish beside their releases.

This is trust on first use: TLS names the vendor at the moment of resolving, the
commit that a person reviewed names the bytes from then on. A digest that is pinned
already is compared and never replaced.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from forge.artifacts.errors import DownloadError, PinError, UnreachableError
from forge.artifacts.pins import ARCHES, UNRESOLVED, Arch, Asset, Pins, Versions, fill
from forge.artifacts.progress import SILENT, Progress
from forge.artifacts.release import TIMEOUT, fetch_text, published_digest


@dataclass(frozen=True)
class _Wanted:
    """One digest, by where it stands and where the vendor publishes it."""

    artifact: str
    asset: str
    arch: Arch
    file: str  # as the vendor names it
    url: str  # of the vendor's checksum file
    pinned: str


def resolve(
    versions: Versions,
    names: Sequence[str] = (),
    *,
    progress: Progress = SILENT,
    timeout: float = TIMEOUT,
) -> Pins:
    """Return the pins with every ``unresolved`` release digest filled in.

    Args:
        versions: The pins as they are; nothing is written.
        names: The artifacts to resolve; empty for all that have a release.
        progress: Told each digest that was found.
        timeout: Seconds without a byte before a connection is given up.

    Raises:
        UnreachableError: The network refuses at least one vendor; every refused
            address is named.
        DownloadError: A vendor does not publish a digest where versions.yml says.
        PinError: A digest that is pinned differs from the published one.
    """
    for name in names:
        versions.artifact(name)
    texts = _texts(list(_wanted(versions, names)), timeout)
    pins = versions.pins
    problems = []
    for wanted in _wanted(versions, names):
        found = published_digest(texts[wanted.url], wanted.file)
        if found is None:
            raise DownloadError(
                f"{wanted.url}: has no sha256 of {wanted.file}",
                remedy=f"correct artifacts.{wanted.artifact}.release.{wanted.asset}",
            )
        if wanted.pinned == UNRESOLVED:
            progress.note(f"{wanted.artifact} {wanted.arch} {wanted.file}: {found}")
            pins = _with(pins, wanted, found)
        elif wanted.pinned != found:
            problems.append(
                f"artifacts.{wanted.artifact}.release.{wanted.asset}.sha256."
                f"{wanted.arch}: pinned {wanted.pinned}, published {found}"
            )
    if problems:
        raise PinError(
            "\n  ".join(["the vendor publishes other digests:", *problems]),
            remedy="if the version was raised, set these to `unresolved` and resolve "
            "again; else the release was replaced: find out why",
        )
    return pins


def _wanted(versions: Versions, names: Sequence[str]) -> Iterator[_Wanted]:
    for name, pin in versions.pins.artifacts.items():
        if names and name not in names:
            continue
        for asset, spec in (pin.release or {}).items():
            for arch in ARCHES:
                yield _digest(name, pin.version, asset, spec, arch)


def _digest(name: str, version: str, asset: str, spec: Asset, arch: Arch) -> _Wanted:
    url = fill(spec.url, version, arch, in_url=True)
    checksums = spec.checksums.replace("{url}", spec.url)
    return _Wanted(
        artifact=name,
        asset=asset,
        arch=arch,
        file=url.rpartition("/")[2],
        url=fill(checksums, version, arch, in_url=True),
        pinned=spec.sha256.of(arch),
    )


def _texts(wanted: Sequence[_Wanted], timeout: float) -> dict[str, str]:
    """Fetch each checksum file once; ask a host that refused only once."""
    texts: dict[str, str] = {}
    refused: dict[str, str] = {}
    for url in dict.fromkeys(item.url for item in wanted):
        host = url.split("/")[2]
        if host in refused:
            continue
        try:
            texts[url] = fetch_text(url, timeout=timeout)
        except UnreachableError as error:
            refused[host] = error.what
    if refused:
        raise UnreachableError(
            "\n  ".join(
                [f"the network refuses {len(refused)} vendor(s):", *refused.values()]
            ),
            remedy="nothing was changed; run it where these addresses can be reached, "
            "or name the artifacts that can be resolved here",
        )
    return texts


def _with(pins: Pins, wanted: _Wanted, found: str) -> Pins:
    """Return ``pins`` with one digest replaced."""
    replace = msgspec.structs.replace
    pin = pins.artifacts[wanted.artifact]
    assets = pin.release or {}
    asset = assets[wanted.asset]
    asset = replace(asset, sha256=replace(asset.sha256, **{wanted.arch: found}))
    pin = replace(pin, release={**assets, wanted.asset: asset})
    return replace(pins, artifacts={**pins.artifacts, wanted.artifact: pin})
