#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.oci_artifact``: models to and from OCI registries."""

DOCUMENTATION = r"""
module: oci_artifact
short_description: Bring a model to or from an OCI registry, by digest
version_added: "0.1.0"
author: The Forge contributors
description:
  - Pulls the files of a ModelPack artifact into a folder, or pushes files as one.
  - A pull is by digest. Every file is checked while it is brought and again in each
    later run, which needs no registry as long as all are sound; what is damaged is
    brought again, alone. What an interrupted run brought is gone on with.
  - A push makes the manifest itself, the same bytes for the same files on every
    machine, with uncompressed layers. An interrupted upload is gone on with.
requirements:
  - Python package C(requests) for the interpreter that runs the module
options:
  state:
    description: Whether the files come from the registry or go to it.
    type: str
    choices: [pulled, pushed]
    default: pulled
  reference:
    description:
      - C(host[:port]/repository[:tag]), without a protocol. A push needs the tag.
    type: str
    required: true
  digest:
    description:
      - Digest of the artifact's manifest. Required to pull.
      - For a push, the digest that must come out of the files.
    type: str
  path:
    description:
      - For a pull the folder of the files, which then holds nothing else.
      - For a push a file, or a folder whose files are taken without hidden ones.
    type: path
    required: true
  about:
    description: What the artifact says of the model.
    type: dict
    default: {}
    suboptions:
      name:
        description: Its name.
        type: str
      version:
        description: Its version.
        type: str
      family:
        description: Its family, such as V(llama3).
        type: str
      licences:
        description: SPDX expressions.
        type: list
        elements: str
      architecture:
        description: Such as V(transformer).
        type: str
      format:
        description: Such as V(gguf) or V(safetensors).
        type: str
      param_size:
        description: Number of parameters, such as V(8b).
        type: str
      precision:
        description: Such as V(bf16).
        type: str
      quantization:
        description: Such as V(q4_k_m).
        type: str
  media_types:
    description:
      - Names of the media types of a push, V(cncf) as ModelPack has them now, V(cnai)
        as before, which is what Harbor's view of models knows.
    type: str
    choices: [cncf, cnai]
    default: cncf
  username:
    description: Of an account, if the registry wants one.
    type: str
  password:
    description: Its password or token.
    type: str
  plain_http:
    description:
      - Without TLS. Left out, that is done for a registry on this machine alone.
    type: bool
  ca_path:
    description: File of certificates that sign the registry's, instead of the system's.
    type: path
  timeout:
    description: Seconds without a byte before a connection counts as lost.
    type: int
    default: 60
  progress:
    description:
      - A file that says how far a transfer is, as one JSON object, once a second.
    type: path
attributes:
  check_mode:
    description: Reads files and the registry, writes neither.
    support: full
  diff_mode:
    description: Shows what is wrong with the folder, or the digest of the tag.
    support: full
notes:
  - A layer that is a tar archive is refused, since its files have no digests.
"""

EXAMPLES = r"""
- name: Bring a model to the controller
  forge.platform.oci_artifact:
    reference: registry.forge.internal/models/small
    digest: sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9
    path: /var/lib/forge/models/small

- name: Publish it
  forge.platform.oci_artifact:
    state: pushed
    reference: registry.forge.internal/models/small:1.0.0
    path: /srv/models/small
    about: {name: small, version: 1.0.0, format: safetensors, licences: [Apache-2.0]}
"""

RETURN = r"""
digest:
  description: Digest of the artifact's manifest.
  returned: success
  type: str
  sample: sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9
files:
  description: Digest of each file, by its path.
  returned: success
  type: dict
  sample: {model.gguf: "sha256:9f86..."}
flaws:
  description: What was wrong with the folder, by path, before it was made right.
  returned: state is pulled
  type: dict
  sample: {model.gguf: missing}
transfers:
  description: What was moved, its size, and the byte where it went on.
  returned: success
  type: list
  elements: dict
  sample: [{what: "models/small sha256:9f86", size: 253113024, resumed_from: 67108864}]
"""

import traceback
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import (
    model_files,
    model_module,
    modelpack,
    oci_reference,
)

try:
    from ansible_collections.forge.platform.plugins.module_utils import (
        model_folder,
        oci_registry,
    )
except ImportError:
    REQUESTS_PROBLEM = traceback.format_exc()
else:
    REQUESTS_PROBLEM = None

ABOUT = (
    *("name", "version", "family", "architecture", "format"),
    *("param_size", "precision", "quantization"),
)


def main() -> None:
    """Pull or push one artifact."""
    about = {name: {"type": "str"} for name in ABOUT}
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["pulled", "pushed"],
                "default": "pulled",
            },
            "reference": {"type": "str", "required": True},
            "digest": {"type": "str"},
            "path": {"type": "path", "required": True},
            "about": {
                "type": "dict",
                "default": {},
                "options": {**about, "licences": {"type": "list", "elements": "str"}},
            },
            "media_types": {
                "type": "str",
                "choices": list(modelpack.VOCABULARIES),
                "default": "cncf",
            },
            "timeout": {"type": "int", "default": 60},
            **model_module.OPTIONS,
        },
        required_if=[("state", "pulled", ("digest",))],
        required_by={"password": "username"},
        supports_check_mode=True,
    )
    act = pull if module.params["state"] == "pulled" else push
    model_module.run(module, act, REQUESTS_PROBLEM, "It talks to the registry.")


def pull(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Make the folder hold the artifact's files.

    Raises:
        ModelError: The files cannot be brought.
    """
    digest = model_files.require_digest(params["digest"])
    named = oci_reference.parse(params["reference"]).digest
    if named and named != digest:
        raise model_files.ModelError(
            f"{params['reference']}: names another digest than {digest}; keep one"
        )
    folder = Path(params["path"])
    progress = model_files.Progress.of(params["progress"])
    flaws = model_folder.flaws(folder, digest)
    if flaws and not check:
        registry = connect(params)
        wanted = model_folder.from_registry(registry, digest, progress)
        model_folder.fill(folder, wanted)
    files = model_folder.installed(folder, digest) or {}
    return {
        "changed": bool(flaws),
        "digest": digest,
        "files": files,
        "flaws": flaws,
        "transfers": progress.transfers,
        "diff": {"before": {"flaws": flaws}, "after": {"flaws": {}}},
    }


def push(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Make the tag name an artifact of the files.

    Raises:
        ModelError: The files are not those of the digest, or cannot be brought.
    """
    reference = oci_reference.parse(params["reference"])
    if not reference.tag:
        raise model_files.ModelError(
            f"{params['reference']}: a push needs a tag; write host/repository:tag"
        )
    paths = _sources(Path(params["path"]))
    files = {
        name: model_files.File(model_files.hash_file(path), path.stat().st_size)
        for name, path in paths.items()
    }
    pack = modelpack.build(files, params["about"], params["media_types"])
    if params["digest"] and params["digest"] != pack.digest:
        raise model_files.ModelError(
            f"{params['path']}: its files make {pack.digest}, declared is "
            f"{params['digest']}; nothing was pushed"
        )
    progress = model_files.Progress.of(params["progress"])
    registry = connect(params)
    before = registry.tagged(reference.tag)
    if before != pack.digest and not check:
        _upload(registry, reference, pack, paths, progress)
    return {
        "changed": before != pack.digest,
        "digest": pack.digest,
        "files": {name: file.digest for name, file in files.items()},
        "transfers": progress.transfers,
        "diff": {"before": {"digest": before}, "after": {"digest": pack.digest}},
    }


def connect(params: dict[str, Any]) -> "oci_registry.Registry":
    """Return the registry that a module's parameters name."""
    return oci_registry.Registry(
        oci_reference.parse(params["reference"]),
        timeout=params["timeout"],
        **model_module.account(params),
    )


def _upload(
    registry: "oci_registry.Registry",
    reference: oci_reference.Reference,
    pack: modelpack.Pack,
    paths: dict[str, Path],
    progress: model_files.Progress,
) -> None:
    # By host and repository: an upload's address is of no use anywhere else.
    place = f"{reference.host}/{reference.repository}"
    notes = Path.home() / ".cache/forge/uploads"
    notes /= model_files.digest_of(place.encode()).removeprefix("sha256:")[:16]
    for layer in pack.layers:
        note = notes / layer.digest.removeprefix("sha256:")
        source = paths[layer.path]
        registry.upload(source, layer.digest, layer.size, note, progress)
    digest = model_files.digest_of(pack.config)
    note = notes / digest.removeprefix("sha256:")
    registry.upload(pack.config, digest, len(pack.config), note, progress)
    registry.put_manifest(reference.tag, pack.manifest, modelpack.IMAGE_MANIFEST)


def _sources(path: Path) -> dict[str, Path]:
    if path.is_dir():
        return {name: path / name for name in model_files.folder_files(path)}
    if not path.is_file():
        raise model_files.ModelError(f"{path}: no such file or folder")
    return {path.name: path}


if __name__ == "__main__":
    main()
