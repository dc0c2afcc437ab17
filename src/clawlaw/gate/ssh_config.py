"""The part of the gate's configuration about SSH certificates of runs."""

import ipaddress
from typing import Annotated, Final

from msgspec import Meta, Struct

HOST: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$"
HostName = Annotated[str, Meta(pattern=HOST)]


class SshPart(Struct, frozen=True, forbid_unknown_fields=True):
    """Certificates for runs that change hosts.

    Attributes:
        key: File of the authority's private key, 0600: `clawlaw ssh keygen`.
        principal: The agent that may ask for one; known by its uid alone.
        hosts: For which hosts; each believes certificates with its own name in them.
        minutes: That a certificate counts.
        sources: Networks that a login with one may come from; none: any.
    """

    key: Annotated[str, Meta(pattern="^/", max_length=4096)]
    principal: Annotated[str, Meta(min_length=1, max_length=200)]
    hosts: Annotated[tuple[HostName, ...], Meta(min_length=1, max_length=256)]
    minutes: Annotated[int, Meta(ge=1, le=480)] = 60
    sources: tuple[str, ...] = ()


def problem_of(part: SshPart) -> tuple[str, str] | None:
    """Return what is wrong with it beyond its shape, as (field, problem)."""
    if len(set(part.hosts)) != len(part.hosts):
        return "hosts", "a host stands twice"
    for source in part.sources:
        try:
            ipaddress.ip_network(source)
        except ValueError as error:
            return "sources", f"{source!r} is no network ({error})"
    return None
