#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.mlx_model``: one folder that ``mlx_lm`` serves."""

DOCUMENTATION = r"""
module: mlx_model
short_description: Have a folder of an MLX model, by digest
version_added: "0.1.0"
author: The Forge contributors
description:
  - Makes sure that a folder holds exactly the files of a model with the declared
    digest, from another folder of the host or from an artifact of an OCI registry.
  - The files go to a folder of their own below C(.versions); the model's name is a link
    to it that is replaced at once, when all files are there and checked. The version
    before is kept until then, and its files are taken where they are the same.
  - Every run reads the files whole; a damaged one is found and brought again. Files
    belong to the user that runs the module and can only be read by the engine.
requirements:
  - Python package C(requests) for the interpreter that runs the module
options:
  state:
    description: Whether the model is there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the model, which is the name of the link.
    type: str
    required: true
  digest:
    description:
      - For O(source.folder) the digest of the sorted list of the files' digests, as
        C(sha256sum) prints it; else that of the artifact's manifest.
      - Required for V(present).
    type: str
  source:
    description: Where the model comes from; one of these. Required for V(present).
    type: dict
    suboptions:
      folder:
        description: A folder of the host. It is needed only to bring the model.
        type: path
      oci:
        description: C(host[:port]/repository[:tag]) of an artifact.
        type: str
  models_dir:
    description: The folder of all models, which exists.
    type: path
    required: true
  username:
    description: Of an account of the registry, if it wants one.
    type: str
  password:
    description: Its password or token.
    type: str
  plain_http:
    description:
      - A registry without TLS. Left out, that is done for this machine alone.
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
    description: Reads the model's folder; needs neither its source nor a registry.
    support: full
  diff_mode:
    description: Shows the version and its flaws, before and after.
    support: full
notes:
  - A running server goes on with the files that it has open; restart it on change.
  - C(check_mode=true) on the task tells whether O(source.folder) is needed.
"""

EXAMPLES = r"""
- name: Have a model of a folder
  forge.platform.mlx_model:
    name: small
    digest: sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9
    source: {folder: /var/lib/forge/models/small}
    models_dir: /var/lib/mlx/models
  notify: Restart mlx
"""

RETURN = r"""
path:
  description: The folder to serve.
  returned: success
  type: str
  sample: /var/lib/mlx/models/small
flaws:
  description: What kept the folder from holding the model, by path.
  returned: success
  type: dict
  sample: {model.safetensors: missing}
transfers:
  description: What was moved, its size, and the byte where it went on.
  returned: success
  type: list
  elements: dict
  sample: [{what: model.safetensors, size: 1842776, resumed_from: 0}]
"""

import os
import re
import shutil
import traceback
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import (
    model_files,
    model_module,
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

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,78}[a-z0-9])?")
VERSIONS = ".versions"
SEARCHABLE = 0o755
SHORT = 16  # digits of a digest in a folder's name


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
                "options": {"folder": {"type": "path"}, "oci": {"type": "str"}},
                "mutually_exclusive": [("folder", "oci")],
                "required_one_of": [("folder", "oci")],
            },
            "models_dir": {"type": "path", "required": True},
            "timeout": {"type": "int", "default": 60},
            **model_module.OPTIONS,
        },
        required_if=[("state", "present", ("digest", "source"))],
        required_by={"password": "username"},
        supports_check_mode=True,
    )
    act = present if module.params["state"] == "present" else absent
    model_module.run(module, act, REQUESTS_PROBLEM, "It talks to registries.")


def present(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Have the model.

    Raises:
        ModelError: It cannot be brought; what was served is untouched.
    """
    digest = model_files.require_digest(params["digest"])
    link = _link(params)
    before = _served(link)
    flaws = model_folder.flaws(link, digest) if before else {link.name: "missing"}
    progress = model_files.Progress.of(params["progress"])
    after = _version(link, digest)
    if flaws and not check:
        wanted = _wanted(params, digest, progress)
        if after == before:
            # Damage in the version that is served: its sound files make the next one.
            after = after.with_name(f"{after.name}.again")
        _make(after, wanted, before, digest)
        _point(link, after)
        _remove_others(link, after)
    return {
        "changed": bool(flaws),
        "path": str(link),
        "flaws": flaws,
        "transfers": progress.transfers,
        "diff": {
            "before": {"version": before.name if before else None, "flaws": flaws},
            "after": {
                "version": after.name if flaws or before is None else before.name,
                "flaws": {},
            },
        },
    }


def absent(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Have no model of that name."""
    link = _link(params)
    found = [path for path in (link, *_versions(link)) if os.path.lexists(path)]
    if not check:
        link.unlink(missing_ok=True)
        for version in _versions(link):
            shutil.rmtree(version)
    return {
        "changed": bool(found),
        "path": str(link),
        "flaws": {},
        "transfers": [],
        "diff": {"before": [path.name for path in found], "after": []},
    }


def _make(
    folder: Path, wanted: "model_folder.Wanted", sound: Path | None, digest: str
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model_folder.fill(folder, wanted, sound)
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(SEARCHABLE)
    left = model_folder.flaws(folder, digest)
    if left:
        raise model_files.ModelError(
            f"{folder}: still not the model: {left}; what was served is untouched; "
            "see what else writes there"
        )


def _point(link: Path, version: Path) -> None:
    """Make the name lead to a version, without a moment in which it leads nowhere."""
    beside = link.with_name(f".{link.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(version.relative_to(link.parent))
    beside.replace(link)
    model_files.sync_folder(link.parent)


def _remove_others(link: Path, kept: Path) -> None:
    for version in _versions(link):
        if version != kept:
            shutil.rmtree(version)


def _served(link: Path) -> Path | None:
    """Return the version that a name leads to, None if it leads nowhere."""
    if not link.is_symlink():
        if link.exists():
            raise model_files.ModelError(
                f"{link}: is there and was not made here; move it away"
            )
        return None
    target = link.parent / link.readlink()
    return target if target.is_dir() else None


def _version(link: Path, digest: str) -> Path:
    short = digest.removeprefix("sha256:")[:SHORT]
    return link.parent / VERSIONS / f"{link.name}@{short}"


def _versions(link: Path) -> list[Path]:
    return sorted((link.parent / VERSIONS).glob(f"{link.name}@*"))


def _link(params: dict[str, Any]) -> Path:
    if NAME.fullmatch(params["name"]) is None:
        raise model_files.ModelError(
            f"{params['name']!r} is no name of a model; use a-z, 0-9, '.', '_', '-', "
            "with a letter or digit at both ends"
        )
    return Path(params["models_dir"]) / params["name"]


def _wanted(
    params: dict[str, Any], digest: str, progress: model_files.Progress
) -> "model_folder.Wanted":
    if params["source"]["folder"]:
        folder = Path(params["source"]["folder"])
        return model_folder.from_folder(folder, digest, progress)
    registry = oci_registry.Registry(
        oci_reference.parse(params["source"]["oci"]),
        timeout=params["timeout"],
        **model_module.account(params),
    )
    return model_folder.from_registry(registry, digest, progress)


if __name__ == "__main__":
    main()
