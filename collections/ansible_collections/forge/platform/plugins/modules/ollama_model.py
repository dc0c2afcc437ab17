#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.ollama_model``: one model in one engine, by digest."""

DOCUMENTATION = r"""
module: ollama_model
short_description: Have a model in Ollama, by digest
version_added: "0.1.0"
author: The Forge contributors
description:
  - Makes sure that Ollama serves a model whose bytes have the declared digest, from a
    GGUF file, a model artifact of an OCI registry, or Ollama's own kind of registry.
  - Every run reads the model's files whole. A damaged one is found and brought again.
  - The model's name is set last, when everything is there and checked. A wrong digest,
    a full disk or a lost connection leaves what was served as it was, and the next run
    goes on with what arrived.
requirements:
  - Python package C(requests) for the interpreter that runs the module
  - runs on the engine's host, as a user that may read and change its models folder
options:
  state:
    description: Whether the model is there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name that requests use, C(model[:tag]).
    type: str
    required: true
  digest:
    description:
      - For O(source.file) the digest of the file, else that of the manifest.
      - Required for V(present).
    type: str
  source:
    description: Where the model comes from; one of these. Required for V(present).
    type: dict
    suboptions:
      file:
        description: A GGUF file on the host. It is needed only to bring the model.
        type: path
      oci:
        description: C(host[:port]/repository[:tag]) of an artifact with one GGUF file.
        type: str
      registry:
        description:
          - Name in a registry that speaks Ollama's protocol, such as V(llama3.1:8b) or
            C(host/namespace/model:tag). It differs from O(name), since a pull sets the
            registry's name before anything can be checked; that name is removed again.
        type: str
  parameters:
    description:
      - Parameters of the model as Ollama names them, such as V(num_ctx).
    type: dict
    default: {}
  url:
    description: The engine.
    type: str
    default: http://127.0.0.1:11434
  models_dir:
    description: The engine's folder of models, its C(OLLAMA_MODELS).
    type: path
    required: true
  work_dir:
    description:
      - Folder for downloads and manifests, made for the module's user alone. Not below
        a folder that the engine's user may change.
    type: path
    default: /var/lib/forge/models
  username:
    description: Of an account of the OCI registry, if it wants one.
    type: str
  password:
    description: Its password or token.
    type: str
  plain_http:
    description:
      - Registries without TLS. Left out, that is done for this machine alone.
    type: bool
  ca_path:
    description: File of certificates that sign the registry's, instead of the system's.
    type: path
  timeout:
    description: Seconds without a byte before a connection counts as lost.
    type: int
    default: 600
  progress:
    description:
      - A file that says how far a transfer is, as one JSON object, once a second.
    type: path
attributes:
  check_mode:
    description:
      - Reads the engine's folder and list, asks no registry and needs no source file.
        An engine that does not answer counts as one without models.
    support: full
  diff_mode:
    description: Shows digest, weights, parameters and damage, before and after.
    support: full
notes:
  - Parameters that the file itself brings stay; one that was declared here and is no
    longer is taken away.
  - C(check_mode=true) on the task tells whether the file of O(source.file) is needed.
"""

EXAMPLES = r"""
- name: Have a model of a file
  forge.platform.ollama_model:
    name: small
    digest: sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9
    source: {file: /var/lib/forge/models/small.gguf}
    parameters: {num_ctx: 8192}
    models_dir: /var/lib/ollama/models
"""

RETURN = r"""
digest:
  description: Digest of the model's manifest in the engine.
  returned: success, except in check mode if it would change
  type: str
  sample: sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9
flaws:
  description: What kept the model from being what is declared.
  returned: success
  type: list
  elements: str
  sample: ["sha256:0a1b... is damaged: has sha256:9f86..."]
transfers:
  description: What was moved, its size, and the byte where it went on.
  returned: success
  type: list
  elements: dict
  sample: [{what: "small.gguf sha256:0a1b...", size: 253113024, resumed_from: 0}]
"""

import json
import traceback
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import (
    model_files,
    model_module,
    oci_reference,
    ollama_store,
)

try:
    from ansible_collections.forge.platform.plugins.module_utils import (
        oci_registry,
        ollama_api,
        ollama_origin,
    )
except ImportError:
    REQUESTS_PROBLEM = traceback.format_exc()
else:
    REQUESTS_PROBLEM = None

KINDS = ("file", "oci", "registry")


def main() -> None:
    """Bring or remove one model."""
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["present", "absent"],
                "default": "present",
            },
            "name": {"type": "str", "required": True},
            "digest": {"type": "str"},
            "source": {
                "type": "dict",
                "options": {
                    "file": {"type": "path"},
                    "oci": {"type": "str"},
                    "registry": {"type": "str"},
                },
                "mutually_exclusive": [KINDS],
                "required_one_of": [KINDS],
            },
            "parameters": {"type": "dict", "default": {}},
            "url": {"type": "str", "default": "http://127.0.0.1:11434"},
            "models_dir": {"type": "path", "required": True},
            "work_dir": {"type": "path", "default": "/var/lib/forge/models"},
            "timeout": {"type": "int", "default": 600},
            **model_module.OPTIONS,
        },
        required_if=[("state", "present", ("digest", "source"))],
        required_by={"password": "username"},
        supports_check_mode=True,
    )
    act = present if module.params["state"] == "present" else absent
    model_module.run(module, act, REQUESTS_PROBLEM, "It talks to the engine.")


def present(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Have the model.

    Raises:
        ModelError: It cannot be brought; what was served is untouched.
    """
    digest = model_files.require_digest(params["digest"])
    name = ollama_store.parse_name(params["name"])
    place = _place(params)
    _require_one_engine(place, name, check=check)
    origin = _origin(params, place, digest)
    before = place.store.read(name)
    damaged = place.store.damaged(before.blobs) if before else {}
    found = ollama_store.flaws(before, damaged, origin.weights(), params["parameters"])
    found += ollama_store.no_longer(
        _declared(place, name), params["parameters"], before
    )
    after = before
    if found and not check:
        origin.bring(name, dict(params["parameters"]), [*damaged])
        after = place.store.read(name)
        damaged = place.store.damaged(after.blobs) if after else {}
        left = ollama_store.flaws(
            after, damaged, origin.weights(), params["parameters"]
        )
        if left:
            raise model_files.ModelError(
                f"{name.short}: still not what is declared: {'; '.join(left)}; see the "
                "engine's log, and that models_dir is its OLLAMA_MODELS"
            )
        content = json.dumps(params["parameters"], sort_keys=True).encode()
        model_files.write_whole(_declared(place, name), content)
    wanted = {"weights": [origin.weights()], "parameters": params["parameters"]}
    return {
        "changed": bool(found),
        "digest": None if after is None or (found and check) else after.digest,
        "flaws": found,
        "transfers": place.progress.transfers,
        "diff": {
            "before": {**_shown(before), "flaws": found},
            "after": wanted if found and check else {**_shown(after), "flaws": []},
        },
    }


def absent(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Have no model of that name.

    Raises:
        ModelError: The engine does not remove it.
    """
    name = ollama_store.parse_name(params["name"])
    place = _place(params)
    before = place.store.read(name)
    is_there = place.store.manifest(name).exists()
    if is_there and not check:
        _require_one_engine(place, name, check=check)
        place.engine.delete(name.short)
        _declared(place, name).unlink(missing_ok=True)
    return {
        "changed": is_there,
        "flaws": [],
        "transfers": [],
        "diff": {"before": _shown(before), "after": {}},
    }


def _declared(place: "ollama_origin.Place", name: ollama_store.Name) -> Path:
    """Return the file with the parameters that the last run declared."""
    digest = model_files.digest_of(name.short.encode())
    return place.work / "parameters" / digest.replace(":", "-")


def _place(params: dict[str, Any]) -> "ollama_origin.Place":
    return ollama_origin.Place(
        ollama_api.Ollama(params["url"], params["timeout"]),
        ollama_store.Store(Path(params["models_dir"])),
        Path(params["work_dir"]),
        model_files.Progress.of(params["progress"]),
    )


def _require_one_engine(
    place: "ollama_origin.Place", name: ollama_store.Name, *, check: bool
) -> None:
    """Refuse an address and a folder that are not of the same engine.

    Else a model would be checked in one and served by the other.
    """
    try:
        served = place.engine.digests().get(name.short)
    except model_files.ModelError:
        if check:
            return  # it may be installed by an earlier task of the same run
        raise
    if not check and not place.store.folder.is_dir():
        raise model_files.ModelError(
            f"{place.store.folder}: no such folder; give the engine's OLLAMA_MODELS"
        )
    installed = place.store.read(name)
    there = installed.digest if installed else None
    if served != there:
        raise model_files.ModelError(
            f"{name.short}: the engine says {served or 'no such model'}, its folder "
            f"{place.store.folder} {there or 'no such model'}; give url and models_dir "
            "(OLLAMA_MODELS) of one engine"
        )


def _origin(
    params: dict[str, Any], place: "ollama_origin.Place", digest: str
) -> "ollama_origin.Origin":
    source = params["source"]
    if source["file"]:
        return ollama_origin.FileOrigin(place, digest, Path(source["file"]))
    given = model_module.account(params)
    if source["oci"]:
        reference = oci_reference.parse(source["oci"])
        registry = oci_registry.Registry(reference, **given)
        return ollama_origin.ArtifactOrigin(place, digest, registry)
    name = ollama_store.parse_name(source["registry"])
    reference = oci_reference.parse(f"{name.host}/{name.repository}:{name.tag}")
    plain = params["plain_http"]
    return ollama_origin.RegistryOrigin(
        place,
        digest,
        name,
        oci_registry.Registry(reference, **given),
        plain=reference.is_loopback if plain is None else plain,
    )


def _shown(installed: ollama_store.Installed | None) -> dict[str, Any]:
    if installed is None:
        return {}
    return {
        "digest": installed.digest,
        "weights": list(installed.weights),
        "parameters": dict(installed.parameters),
    }


if __name__ == "__main__":
    main()
