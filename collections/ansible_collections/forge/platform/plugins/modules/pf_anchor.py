#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.pf_anchor``."""

DOCUMENTATION = r"""
module: pf_anchor
short_description: Own one anchor of pf, and nothing else of it
version_added: "0.1.0"
author: The Forge contributors
description:
  - Writes the rules of one anchor to a file and loads them, after pfctl has checked
    them, and has pf filter. The main rules, which an update of macOS replaces, and
    other anchors are never touched.
  - An anchor below V(com.apple/) is evaluated by the main rules that macOS brings.
  - A rule that matches no packet carries a digest of the rules as its label. An anchor
    that is missing or has another digest is loaded again, though its file is the same.
  - With O(confirm_seconds) the previous rules come back unless RV(confirm_file) is
    removed in time, so that rules which lock the controller out do not stay.
  - Loading lasts until the next boot; a LaunchDaemon that runs C(pfctl) then is the
    caller's matter.
requirements:
  - macOS, and root
options:
  name:
    description: Name of the anchor.
    type: str
    default: com.apple/forge
  content:
    description: Its rules.
    type: str
    required: true
  path:
    description: Absolute path of the file that holds the rules.
    type: path
    default: /etc/pf.anchors/dev.forge
  confirm_seconds:
    description:
      - Seconds until the previous state comes back, unless RV(confirm_file) is removed.
      - V(0) loads the rules for good.
    type: int
    default: 0
attributes:
  check_mode:
    description: The rules are checked by pfctl without being loaded.
    support: full
  diff_mode:
    description: Shows the file's difference.
    support: full
"""

EXAMPLES = r"""
- name: Let nothing but SSH in
  forge.platform.pf_anchor:
    content: |
      pass quick on lo0 all no state
      pass out quick all keep state
      pass in quick proto tcp to port 22 flags any keep state
      block drop in quick all
    confirm_seconds: 30
  register: __example_anchor

- name: Show that a new connection is let in
  ansible.builtin.wait_for:
    host: "{{ ansible_host }}"
    port: 22
  delegate_to: localhost
  when: __example_anchor is changed

- name: Keep the rules
  ansible.builtin.file:
    path: "{{ __example_anchor.confirm_file }}"
    state: absent
  when: __example_anchor.confirm_file | default('', true) | length > 0
"""

RETURN = r"""
digest:
  description: Digest of the rules, as the loaded anchor shows it.
  returned: success
  type: str
  sample: sha256:9f86d081884c7d659a2feaa0c55ad015
enabled:
  description: Whether pf filtered before this run.
  returned: success
  type: bool
  sample: true
confirm_file:
  description: Path of the file to remove; empty if nothing comes back.
  returned: success
  type: str
  sample: /var/run/pf-anchor/undo
"""

import os
import subprocess
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import pf_anchor

RUN = "/var/run/pf-anchor"


class Anchor:
    """One anchor on this host: its file and what the kernel holds."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read what is there; nothing is changed."""
        self.module = module
        self.name: str = module.params["name"]
        self.path: str = module.params["path"]
        self.pfctl: str = module.get_bin_path("pfctl", required=True)
        self.file = self._file()
        self.live = pf_anchor.loaded_digest(self._run("-a", self.name, "-s", "rules"))
        self.enabled = pf_anchor.is_enabled(self._run("-s", "info"))

    def _file(self) -> str | None:
        try:
            with open(self.path, encoding="utf-8") as file:  # noqa: PTH123 - Ansible's style
                return file.read()
        except FileNotFoundError:
            return None

    def _run(self, *words: str) -> str:
        """Run pfctl; return its output, fail if it does."""
        code, out, problem = self.module.run_command([self.pfctl, *words])
        if code != 0:
            self.module.fail_json(
                msg=f"anchor {self.name}: pfctl {' '.join(words)} failed with {code}, "
                f"what was loaded still is: {problem.strip()}"
            )
        return str(out)

    def check(self, text: str) -> str:
        """Fail unless pfctl accepts the rules; return the file that holds them."""
        scratch = os.path.join(self.module.tmpdir, "anchor")  # noqa: PTH118 - Ansible's
        with open(scratch, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
        code, _, problem = self.module.run_command(
            [self.pfctl, "-n", "-a", self.name, "-f", scratch]
        )
        if code != 0:
            self.module.fail_json(
                msg=f"pfctl refuses the anchor {self.name}; nothing was changed: "
                f"{problem.strip()}"
            )
        return scratch

    def prepare_undo(self, seconds: int, run: str) -> str:
        """Start what brings back the present state; return the file that holds it."""
        os.makedirs(run, mode=0o700, exist_ok=True)  # noqa: PTH103 - Ansible's style
        # One mark for each run: what an earlier one started finds its own no more.
        for name in os.listdir(run):  # noqa: PTH208
            os.unlink(os.path.join(run, name))  # noqa: PTH108, PTH118
        descriptor, mark = tempfile.mkstemp(dir=run, prefix="undo-")
        os.close(descriptor)
        kept = None
        if self.file is not None:
            kept = os.path.join(run, "previous")  # noqa: PTH118
            with open(kept, "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(self.file)
        script = pf_anchor.undo_script(self.name, self.path, kept, mark, seconds)
        subprocess.Popen(
            ["/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it outlives this connection
        )
        return mark

    def load(self, scratch: str) -> None:
        """Load the rules, have pf filter, and keep the file."""
        self._run("-a", self.name, "-f", scratch)
        if not self.enabled:
            self._run("-E")
        os.makedirs(os.path.dirname(self.path), mode=0o755, exist_ok=True)  # noqa: PTH103, PTH120
        os.chmod(scratch, 0o644)  # noqa: PTH101
        self.module.atomic_move(scratch, self.path)


def apply(module: AnsibleModule) -> dict[str, Any]:
    """Return the module's answer, after doing what it says unless in check mode."""
    anchor = Anchor(module)
    text = pf_anchor.framed(module.params["content"])
    digest = pf_anchor.digest(module.params["content"])
    same = anchor.file == text and anchor.live == digest and anchor.enabled
    answer: dict[str, Any] = {
        "changed": not same,
        "digest": digest,
        "enabled": anchor.enabled,
        "confirm_file": "",
        "diff": {
            "before_header": anchor.path,
            "after_header": anchor.path,
            "before": anchor.file or "",
            "after": text,
        },
    }
    if same:
        return answer
    scratch = anchor.check(text)
    if not module.check_mode:
        seconds = module.params["confirm_seconds"]
        if seconds:
            answer["confirm_file"] = anchor.prepare_undo(seconds, RUN)
        anchor.load(scratch)
    return answer


def main() -> None:
    """Own the anchor."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "default": "com.apple/forge"},
            "content": {"type": "str", "required": True},
            "path": {"type": "path", "default": "/etc/pf.anchors/dev.forge"},
            "confirm_seconds": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    module.exit_json(**apply(module))


if __name__ == "__main__":
    main()
