"""Custom resources: schemas and definitions, out of the Go modules that have them.

Go brings the module and its checksum is compared with the pinned one; what is taken
out of it is kept in the cache by module, version and folders.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from forge.artifacts import toolchain
from forge.artifacts.cache import Cache
from forge.artifacts.errors import BuildError, ChecksumError
from forge.artifacts.pins import CrdPin, Pins, Versions
from forge.artifacts.progress import Progress
from forge.gitops.documents import Loader
from forge.gitops.errors import TreeError

type Schemas = dict[str, Any]
_TIMEOUT = 600  # seconds for Go to bring one module


def load(pins: Pins, cache: Cache, progress: Progress) -> Schemas:
    """Return the strict schema of every pinned kind.

    Args:
        pins: versions.yml.
        cache: Where schemas are kept.
        progress: Told about each module that is brought.

    Returns:
        ``apiVersion/Kind`` → JSON schema that refuses unknown fields.

    Raises:
        BuildError: Go cannot bring a module.
        ChecksumError: A module is not the pinned one.
    """
    found: Schemas = {}
    for name, pin in sorted(pins.crds.items()):
        kept = _kept(name, pin, cache, "json")
        if not kept.is_file():
            progress.note(f"{name}: schemas of {pin.module} {pin.version}")
            made = schemas(_module(pin, pins, cache, progress), pin)
            _keep(kept, msgspec.json.encode(made))
        found |= msgspec.json.decode(kept.read_bytes())
    return found


def definitions(
    name: str, versions: Versions, cache: Cache, progress: Progress
) -> list[dict[str, Any]]:
    """Return the CRDs of an artifact, of the version that is built of it.

    They are those of its Go module, in the folders that ``crds`` names.

    Args:
        name: In ``artifacts`` and in ``crds`` of versions.yml.
        versions: The pins.
        cache: Where Go is looked for.
        progress: Told when the module is brought.

    Raises:
        TreeError: versions.yml has no such artifact, or its module no CRD.
        BuildError: Go cannot bring the module.
        ChecksumError: It is not the pinned one.
    """
    own = _built(name, versions)
    return list(_definitions(_module(own, versions.pins, cache, progress), own))


def manifest(name: str, versions: Versions, cache: Cache, progress: Progress) -> Path:
    """Return a file with the definitions of an artifact, as the API takes them.

    Descriptions are left out: three quarters of the text, which every run would read
    again. Arguments and errors are those of :func:`definitions`.
    """
    kept = _kept(name, _built(name, versions), cache, "yaml")
    if not kept.is_file():
        found = map(bare, definitions(name, versions, cache, progress))
        text = yaml.dump_all(found, Dumper=yaml.CSafeDumper, sort_keys=False)
        _keep(kept, text.encode())
    return kept


def bare(content: Any) -> Any:  # noqa: ANN401 - any part of a definition
    """Return a definition without the texts that describe its fields."""
    if isinstance(content, dict):
        return {
            key: bare(value)
            for key, value in content.items()
            # A field of that name is no text.
            if not (key == "description" and isinstance(value, str))
        }
    return [bare(item) for item in content] if isinstance(content, list) else content


def _built(name: str, versions: Versions) -> CrdPin:
    """Return the pin of an artifact's CRDs, of the version that is built."""
    pin = versions.pins.crds.get(name)
    artifact = versions.pins.artifacts.get(name)
    if pin is None or artifact is None or artifact.module is None:
        raise TreeError(
            f"{name}: versions.yml lacks crds.{name} or artifacts.{name}.module",
            remedy="name an artifact that has CRDs, such as argocd",
        )
    return msgspec.structs.replace(
        pin, version=artifact.version, sum=artifact.module.sums[pin.module]
    )


def schemas(folder: Path, pin: CrdPin) -> Schemas:
    """Read the CRDs of a module.

    Args:
        folder: The module's files.
        pin: Which folders of it hold CRDs.

    Raises:
        TreeError: No CRD is there.
    """
    found: Schemas = {}
    for content in _definitions(folder, pin):
        found |= _kinds(content["spec"])
    if not found:
        raise TreeError(
            f"crds: {pin.module} {pin.version} has no CRD in {', '.join(pin.folders)}",
            remedy="correct crds.*.folders in versions.yml",
        )
    return found


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema of OpenAPI as the API server applies it, unknown fields refused.

    Source: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions",
    structural schemas, field pruning, ``x-kubernetes-int-or-string``, ``nullable``.
    """
    made = {
        key: value
        for key, value in schema.items()
        if not key.startswith("x-") and key not in {"format", "nullable", "default"}
    }
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if schema.get("nullable") and "type" in made:
        made["type"] = [made["type"], "null"]
    if "properties" in schema:
        made["properties"] = {
            key: strict(value) for key, value in schema["properties"].items()
        }
        open_ended = schema.get("x-kubernetes-preserve-unknown-fields")
        if not open_ended and "additionalProperties" not in schema:
            made["additionalProperties"] = False
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            made[key] = strict(schema[key])
    return made


def _definitions(folder: Path, pin: CrdPin) -> Iterator[dict[str, Any]]:
    for part in pin.folders:
        for path in sorted((folder / part).glob("*.yaml")):
            for content in yaml.load_all(path.read_bytes(), Loader=Loader):
                if content and content.get("kind") == "CustomResourceDefinition":
                    yield content


def _kinds(spec: Mapping[str, Any]) -> Schemas:
    found: Schemas = {}
    for version in spec["versions"]:
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not schema or not version.get("served", True):
            continue
        made = strict(schema)
        # The server knows these of every object.
        made.setdefault("properties", {}).update(
            apiVersion={"type": "string"}, kind={"type": "string"}
        )
        made["properties"]["metadata"] = {"type": "object"}
        kind = spec["names"]["kind"]
        found[f"{spec['group']}/{version['name']}/{kind}"] = made
    return found


def _module(pin: CrdPin, pins: Pins, cache: Cache, progress: Progress) -> Path:
    """Bring one module and compare its checksum."""
    go = toolchain.find(pins.go, cache, progress=progress)
    done = subprocess.run(
        [str(go.go), "mod", "download", "-json", f"{pin.module}@{pin.version}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        cwd=cache.root,  # outside every module
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = {"Error": done.stderr.strip()}
    if answer.get("Error"):
        raise BuildError(
            f"{pin.module} {pin.version}: Go cannot bring it: {answer['Error']}",
            remedy="see that the module proxy can be reached (`go env GOPROXY`)",
        )
    if answer.get("Sum") != pin.sum:
        raise ChecksumError(
            f"{pin.module} {pin.version}: checksum is {answer.get('Sum')}, "
            f"versions.yml says {pin.sum}",
            remedy="find out who changed it before anything else",
        )
    return Path(answer["Dir"])


def _kept(name: str, pin: CrdPin, cache: Cache, suffix: str) -> Path:
    """Return where what was taken out of a module is kept."""
    what = "\n".join([pin.module, pin.version, pin.sum, *pin.folders])
    key = hashlib.sha256(what.encode()).hexdigest()[:12]
    return cache.root / "crds" / f"{name}-{pin.version}-{key}.{suffix}"


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.write_bytes(content)
    new.replace(path)
