# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ollama has on its disk: names, manifests, blobs. Reads, and never writes.

Ollama's API tells a model's digest, but neither the digests of its parts nor whether
their files are still sound; its folder does. A manifest is a file at
``manifests/HOST/NAMESPACE/MODEL/TAG``, a blob one at ``blobs/sha256-DIGITS``.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils.model_files import (
    DIGEST,
    ModelError,
    digest_of,
    hash_file,
)

WEIGHTS = "application/vnd.ollama.image.model"
PARAMETERS = "application/vnd.ollama.image.params"
DEFAULT_HOST, DEFAULT_NAMESPACE, DEFAULT_TAG = "registry.ollama.ai", "library", "latest"
PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Name:
    """A model's whole name."""

    host: str
    namespace: str
    model: str
    tag: str

    @property
    def short(self) -> str:
        """What Ollama prints and takes: its defaults are left out."""
        host = "" if self.host == DEFAULT_HOST else f"{self.host}/"
        is_bare = not host and self.namespace == DEFAULT_NAMESPACE
        namespace = "" if is_bare else f"{self.namespace}/"
        return f"{host}{namespace}{self.model}:{self.tag}"

    @property
    def repository(self) -> str:
        """Its place in a registry."""
        return f"{self.namespace}/{self.model}"


def parse_name(text: str) -> Name:
    """Read a name, filling in what Ollama fills in.

    Raises:
        ModelError: It is none.
    """
    *places, last = text.split("/")
    model, _, tag = last.partition(":")
    host = places[0] if len(places) > 1 else DEFAULT_HOST
    namespace = places[-1] if places else DEFAULT_NAMESPACE
    parts = [namespace, model, tag or DEFAULT_TAG]
    valid = len(places) <= 2 and HOST.fullmatch(host)  # noqa: PLR2004 - host, namespace
    if not valid or not all(PART.fullmatch(part) for part in parts):
        raise ModelError(
            f"{text!r} is no name of a model; write [[host/]namespace/]model[:tag]"
        )
    return Name(host, *parts)


@dataclass(frozen=True)
class Installed:
    """A model that Ollama has.

    Attributes:
        digest: Of its manifest, which ``ollama list`` shows the beginning of.
        weights: Digests of its weights, one or more.
        blobs: Digest to size of everything that it is made of.
        parameters: What requests have unless they say otherwise.
    """

    digest: str
    weights: tuple[str, ...]
    blobs: Mapping[str, int]
    parameters: Mapping[str, Any]


class Store:
    """The folder of one Ollama, ``OLLAMA_MODELS``."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it need not exist yet."""
        self.folder = folder

    def blob(self, digest: str) -> Path:
        """Return where a blob is, or would be."""
        return self.folder / "blobs" / digest.replace(":", "-")

    def manifest(self, name: Name) -> Path:
        """Return where a model's manifest is, or would be."""
        place = self.folder / "manifests" / name.host / name.namespace
        return place / name.model / name.tag

    def read(self, name: Name) -> Installed | None:
        """Return a model that is there, None if it is not.

        A manifest that cannot be read counts as absent: making the model again
        replaces it.
        """
        try:
            data = self.manifest(name).read_bytes()
            document = json.loads(data)
            entries = [*document["layers"], document["config"]]
            blobs = {str(entry["digest"]): int(entry["size"]) for entry in entries}
            weights = [e["digest"] for e in entries if e["mediaType"] == WEIGHTS]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return None
        if not all(DIGEST.fullmatch(digest) for digest in blobs):
            return None
        layers = [e["digest"] for e in entries if e["mediaType"] == PARAMETERS]
        parameters = self._parameters(layers)
        return Installed(digest_of(data), tuple(weights), blobs, parameters)

    def damaged(self, blobs: Mapping[str, int]) -> dict[str, str]:
        """Return what is wrong with blobs, each read whole: digest to reason."""
        found = {}
        for digest, size in blobs.items():
            path = self.blob(digest)
            if not path.is_file():
                found[digest] = "missing"
            elif path.stat().st_size != size:
                found[digest] = f"has {path.stat().st_size} bytes, not {size}"
            elif (actual := hash_file(path)) != digest:
                found[digest] = f"has {actual}"
        return found

    def _parameters(self, layers: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for digest in layers:
            try:
                part = json.loads(self.blob(digest).read_bytes())
            except (OSError, ValueError):
                continue  # the damage itself is found by its digest
            if isinstance(part, dict):
                found.update(part)
        return found


def flaws(
    installed: Installed | None,
    damaged: dict[str, str],
    weights: str | None,
    parameters: dict[str, Any],
) -> list[str]:
    """Return what keeps an installed model from being the declared one.

    Args:
        installed: What is there.
        damaged: Digest to reason of those of its blobs that are not sound.
        weights: Digest that the weights must have, None if that is not known yet.
        parameters: Those declared; the engine may add others from the file.
    """
    if installed is None:
        return ["the model is not there"]
    found = [f"{digest} is damaged: {reason}" for digest, reason in damaged.items()]
    if weights is None:
        found.append("the manifest of its origin was not read yet")
    elif installed.weights != (weights,):
        found.append(f"its weights are {', '.join(installed.weights) or 'none'}")
    for key, value in sorted(parameters.items()):
        actual = installed.parameters.get(key)
        if not _same(actual, value):
            found.append(f"{key} is {actual!r}, not {value!r}")
    return found


def no_longer(
    record: Path,
    parameters: dict[str, Any],
    installed: Installed | None,
) -> list[str]:
    """Return the parameters that are there since they were declared once."""
    try:
        once = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return []
    if installed is None or not isinstance(once, dict):
        return []
    left = sorted((once.keys() - parameters.keys()) & installed.parameters.keys())
    return [f"{key} is no longer declared" for key in left]


def _same(actual: object, declared: object) -> bool:
    """Compare as JSON does: 8192 and 8192.0 are one number, true is none."""
    if isinstance(actual, bool) or isinstance(declared, bool):
        return actual is declared
    return actual == declared
