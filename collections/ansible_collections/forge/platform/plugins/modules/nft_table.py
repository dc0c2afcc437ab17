#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.nft_table``."""

DOCUMENTATION = r"""
module: nft_table
short_description: Own one table of nftables, and no other
version_added: "0.1.0"
author: The Forge contributors
description:
  - Writes one table to a file and loads it, after nft has checked it. The table is
    replaced within one transaction; other tables are never touched or flushed.
  - The loaded table carries a digest of its content as its comment. A table that is
    missing or has another digest is loaded again, also if the file is unchanged.
  - With O(confirm_seconds) a timer brings back the previous table and file unless it is
    stopped in time, so that rules which lock the controller out do not stay.
requirements:
  - nft 1.0 or newer and, for O(confirm_seconds), systemd on the host
options:
  family:
    description: Address family of the table.
    type: str
    choices: [inet, ip, ip6, arp, bridge, netdev]
    default: inet
  name:
    description: Name of the table.
    type: str
    required: true
  content:
    description: What stands between the table's braces.
    type: str
    required: true
  path:
    description: Absolute path of the file that holds the table.
    type: path
    required: true
  confirm_seconds:
    description:
      - Seconds until the previous state comes back, unless RV(confirm_unit) is stopped.
      - V(0) loads the table for good.
    type: int
    default: 0
attributes:
  check_mode:
    description:
      - The content is checked by nft without being loaded. Where nft is not installed
        yet, it is only compared.
    support: full
  diff_mode:
    description: Shows the file's difference.
    support: full
"""

EXAMPLES = r"""
- name: Let nothing but SSH in
  forge.platform.nft_table:
    name: example
    path: /etc/example.nft
    content: |
      chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif "lo" accept
        tcp dport 22 accept
      }
    confirm_seconds: 30
  register: __example_table

- name: Show that a new connection is let in
  ansible.builtin.wait_for:
    host: "{{ ansible_host }}"
    port: 22
  delegate_to: localhost
  when: __example_table is changed

- name: Keep the table
  ansible.builtin.systemd_service:
    name: "{{ __example_table.confirm_unit }}"
    state: stopped
  when: __example_table.confirm_unit | default('', true) | length > 0
"""

RETURN = r"""
digest:
  description: Digest of the content, as the loaded table's comment shows it.
  returned: success
  type: str
  sample: sha256:9f86d081884c7d659a2feaa0c55ad015
loaded:
  description: Whether this run loaded the table, or in check mode would.
  returned: success
  type: bool
  sample: true
confirm_unit:
  description: Name of the timer to stop; empty if none runs.
  returned: success
  type: str
  sample: nft-undo-forge.timer
"""

import os
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import nft_table

RUN = "/run/nft-table"


class Table:
    """One table on this host: its file and what the kernel holds."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read what is there; nothing is changed."""
        self.module = module
        self.family: str = module.params["family"]
        self.name: str = module.params["name"]
        self.path: str = module.params["path"]
        self.nft: str | None = module.get_bin_path("nft")
        self.file = self._file()
        self.live = self._live()

    def _file(self) -> str | None:
        try:
            with open(self.path, encoding="utf-8") as file:  # noqa: PTH123 - Ansible's style
                return file.read()
        except FileNotFoundError:
            return None

    def _live(self) -> str | None:
        if self.nft is None:
            return None
        code, out, _ = self._run("-j", "list", "table", self.family, self.name)
        return nft_table.loaded_digest(out) if code == 0 else None

    def _run(self, *words: str, data: str | None = None) -> tuple[int, str, str]:
        # LC_ALL: messages of nft are passed on to the reader as they are.
        answer: tuple[int, str, str] = self.module.run_command(
            [self.nft, *words], data=data, environ_update={"LC_ALL": "C"}
        )
        return answer

    def check(self, text: str) -> None:
        """Fail unless nft and the kernel accept a file."""
        code, _, problem = self._run("-c", "-f", "-", data=text)
        if code != 0:
            self.module.fail_json(
                msg=f"nft refuses the table {self.family} {self.name}; nothing was "
                f"changed: {problem.strip()}"
            )

    def prepare_undo(self, seconds: int) -> str:
        """Start the timer that brings back the present state; return its name."""
        unit = f"nft-undo-{self.name}"
        os.makedirs(RUN, mode=0o700, exist_ok=True)  # noqa: PTH103 - Ansible's style
        code, previous, _ = self._run("-s", "list", "table", self.family, self.name)
        rules = f"{RUN}/{self.name}.rules"
        kept = f"{RUN}/{self.name}.file" if self.file is not None else None
        before = previous if code == 0 else None
        _write(rules, nft_table.undo_rules(self.family, self.name, before))
        if kept is not None:
            _write(kept, self.file or "")
        script = nft_table.undo_script(rules, self.path, kept)
        # A timer of an earlier run that was not confirmed would undo this run's work.
        self.module.run_command(["systemctl", "stop", f"{unit}.timer"])
        self.module.run_command(
            ["systemd-run", "--quiet", "--collect", f"--unit={unit}",
             f"--on-active={seconds}", "--timer-property=AccuracySec=1s",
             "/bin/sh", "-c", script],
            check_rc=True,
        )  # fmt: skip
        return f"{unit}.timer"

    def load(self, text: str) -> None:
        """Write the file and load it; the file stays as it was if nft refuses."""
        folder = os.path.dirname(self.path)  # noqa: PTH120 - Ansible's style
        os.makedirs(folder, mode=0o755, exist_ok=True)  # noqa: PTH103
        descriptor, scratch = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(scratch, 0o644)  # noqa: PTH101
        code, _, problem = self._run("-f", scratch)
        if code != 0:
            os.unlink(scratch)  # noqa: PTH108
            self.module.fail_json(
                msg=f"nft could not load the table {self.family} {self.name}; the "
                f"previous one is still loaded: {problem.strip()}"
            )
        self.module.atomic_move(scratch, self.path)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)


def apply(module: AnsibleModule) -> dict[str, Any]:
    """Return the module's answer, after doing what it says unless in check mode."""
    table = Table(module)
    text = nft_table.framed(table.family, table.name, module.params["content"])
    digest = nft_table.digest(module.params["content"])
    answer: dict[str, Any] = {
        "changed": table.file != text or table.live != digest,
        "loaded": table.file != text or table.live != digest,
        "digest": digest,
        "confirm_unit": "",
        "diff": {
            "before_header": table.path,
            "after_header": table.path,
            "before": table.file or "",
            "after": text,
        },
    }
    if not answer["changed"]:
        return answer
    if table.nft is not None:
        table.check(text)
    elif not module.check_mode:
        module.fail_json(msg="nft is not installed on this host (package nftables)")
    if not module.check_mode:
        if module.params["confirm_seconds"]:
            answer["confirm_unit"] = table.prepare_undo(
                module.params["confirm_seconds"]
            )
        table.load(text)
    return answer


def main() -> None:
    """Own the table."""
    module = AnsibleModule(
        argument_spec={
            "family": {
                "type": "str",
                "choices": ["inet", "ip", "ip6", "arp", "bridge", "netdev"],
                "default": "inet",
            },
            "name": {"type": "str", "required": True},
            "content": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "confirm_seconds": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    module.exit_json(**apply(module))


if __name__ == "__main__":
    main()
