#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.macos_settings``."""

DOCUMENTATION = r"""
module: macos_settings
short_description: Set power, application firewall and kernel of macOS
version_added: "0.1.0"
author: The Forge contributors
description:
  - Reads settings through the commands that set them, C(pmset), C(socketfilterfw) and
    C(sysctl), and sets those that differ.
  - A setting that this Mac does not have is left alone and reported in RV(unsupported).
requirements:
  - macOS, and root
options:
  power:
    description: Settings of pmset(1) for every source of power, such as C(sleep).
    type: dict
    default: {}
  firewall:
    description: Switches of the application firewall.
    type: dict
    default: {}
    suboptions:
      enabled:
        description: Whether it works.
        type: bool
      stealth:
        description: Whether what nobody listens to stays silent.
        type: bool
      block_all:
        description: Whether it lets nothing in but what macOS itself needs.
        type: bool
  firewall_allow:
    description: Programs, by absolute path, that may accept connections.
    type: list
    elements: path
    default: []
  firewall_forget:
    description: Programs that the application firewall is to forget.
    type: list
    elements: path
    default: []
  sysctl:
    description: Kernel settings, until the next boot.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Reads and compares.
    support: full
  diff_mode:
    description: Shows the settings that differ.
    support: full
"""

EXAMPLES = r"""
- name: Never sleep, and start again after a power failure
  forge.platform.macos_settings:
    power: {sleep: 0, autorestart: 1}
    firewall: {enabled: true, stealth: true}
"""

RETURN = r"""
unsupported:
  description: Settings that this Mac does not have.
  returned: success
  type: list
  elements: str
  sample: [power.autorestart]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import (
    macos_settings as rules,
)

SWITCHES = {
    "enabled": "globalstate",
    "stealth": "stealthmode",
    "block_all": "blockall",
}
FIREWALL = "/usr/libexec/ApplicationFirewall"

type Values = dict[str, str | None]


class Mac:
    """The commands of this host."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take what is wanted; nothing is asked yet."""
        self.module = module

    def run(self, program: str, *words: str, may_fail: bool = False) -> str:
        """Run a command; return its output, fail if it does."""
        path = self.module.get_bin_path(program, required=True, opt_dirs=[FIREWALL])
        code, out, problem = self.module.run_command(
            [path, *words], environ_update={"LC_ALL": "C"}
        )
        if code != 0 and not may_fail:
            self.module.fail_json(
                msg=f"{program} {' '.join(words)} failed with {code}: "
                f"{(problem or out).strip()}. Remedy: become root; see {program}(8)"
            )
        return str(out) if code == 0 else ""

    def read(self) -> Values:
        """Return the present values of what is wanted; None for what there is not."""
        params = self.module.params
        found: Values = {}
        power = (
            rules.read_power(self.run("pmset", "-g", "custom"))
            if params["power"]
            else {}
        )
        for key in params["power"]:
            values = power.get(key)
            found[f"power.{key}"] = None if values is None else "/".join(sorted(values))
        for key in self.switches():
            text = self.run("socketfilterfw", f"--get{SWITCHES[key]}")
            state = rules.read_switch(text)
            found[f"firewall.{key}"] = None if state is None else _word(on=state)
        for path in params["firewall_allow"] + params["firewall_forget"]:
            text = self.run("socketfilterfw", "--getappblocked", path)
            found[f"firewall.program {path}"] = rules.read_application(text)
        for key in params["sysctl"]:
            text = self.run("sysctl", "-n", key, may_fail=True).strip()
            found[f"sysctl.{key}"] = text or None
        return found

    def wanted(self) -> dict[str, str]:
        """Return the values that are wanted, under the same names."""
        params = self.module.params
        return {
            **{f"power.{k}": str(int(v)) for k, v in params["power"].items()},
            **{f"firewall.{k}": _word(on=v) for k, v in self.switches().items()},
            **{f"firewall.program {p}": "on" for p in params["firewall_allow"]},
            **{f"firewall.program {p}": "absent" for p in params["firewall_forget"]},
            **{f"sysctl.{k}": str(v) for k, v in params["sysctl"].items()},
        }

    def switches(self) -> dict[str, bool]:
        """Return the switches of the firewall that a task names."""
        named = self.module.params["firewall"].items()
        return {key: value for key, value in named if value is not None}

    def write(self, name: str, value: str) -> None:
        """Set one setting."""
        kind, _, key = name.partition(".")
        if kind == "power":
            self.run("pmset", "-a", key, value)
        elif kind == "sysctl":
            self.run("sysctl", f"{key}={value}")
        elif key.startswith("program "):
            path = key.removeprefix("program ")
            words = ["--remove"] if value == "absent" else ["--add", "--unblockapp"]
            for word in words:
                self.run("socketfilterfw", word, path)
        else:
            self.run("socketfilterfw", f"--set{SWITCHES[key]}", value)


def _word(*, on: bool) -> str:
    return "on" if on else "off"


def apply(module: AnsibleModule) -> dict[str, Any]:
    """Return the module's answer, after doing what it says unless in check mode."""
    mac = Mac(module)
    now, wanted = mac.read(), mac.wanted()
    todo = {
        name: value
        for name, value in sorted(wanted.items())
        if now[name] is not None and now[name] != value
    }
    if not module.check_mode:
        for name, value in todo.items():
            mac.write(name, value)
    return {
        "changed": bool(todo),
        "unsupported": sorted(name for name in wanted if now[name] is None),
        "diff": {
            "before": "".join(f"{name} = {now[name]}\n" for name in todo),
            "after": "".join(f"{name} = {value}\n" for name, value in todo.items()),
        },
    }


def main() -> None:
    """Set the settings."""
    module = AnsibleModule(
        argument_spec={
            "power": {"type": "dict", "default": {}},
            "firewall": {
                "type": "dict",
                "default": {},
                "options": {key: {"type": "bool"} for key in SWITCHES},
            },
            "firewall_allow": {"type": "list", "elements": "path", "default": []},
            "firewall_forget": {"type": "list", "elements": "path", "default": []},
            "sysctl": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    module.exit_json(**apply(module))


if __name__ == "__main__":
    main()
