# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of artifacts in registries."""

import ipaddress
import re
from dataclasses import dataclass

from ansible_collections.forge.platform.plugins.module_utils.model_files import (
    DIGEST,
    ModelError,
)

# Source: OCI Distribution Specification, "Pulling manifests".
REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9a-fA-F:]+\](?::[0-9]{1,5})?")


@dataclass(frozen=True)
class Reference:
    """``host[:port]/repository[:tag][@digest]``; tag and digest may be empty."""

    host: str
    repository: str
    tag: str
    digest: str

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine."""
        name = self.host.rsplit(":", 1)[0] if not self.host.endswith("]") else self.host
        name = name.strip("[]")
        if name == "localhost":
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def parse(text: str) -> Reference:
    """Read a reference.

    Raises:
        ModelError: It is none, or names no registry.
    """
    rest, at, digest = text.partition("@")
    host, slash, path = rest.partition("/")
    repository, _, tag = path.partition(":")
    valid = (
        slash
        and HOST.fullmatch(host)
        and ("." in host or ":" in host or host == "localhost")
        and REPOSITORY.fullmatch(repository)
        and (":" not in path or TAG.fullmatch(tag))
        and (not at or DIGEST.fullmatch(digest))
    )
    if not valid:
        raise ModelError(
            f"{text!r} is not a reference; write host[:port]/repository[:tag], "
            "without https://"
        )
    return Reference(host, repository, tag, digest)
