#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.launchd``."""

DOCUMENTATION = r"""
module: launchd
short_description: Manage a LaunchDaemon of macOS
version_added: "0.1.0"
author: The Forge contributors
description:
  - Writes the plist of a daemon from data and has launchd hold exactly that, by
    C(bootstrap), C(bootout), C(enable), C(disable) and C(kickstart). The legacy
    subcommands that guess a domain, or lose what they set at reboot, are never used.
  - launchd reads a plist when it bootstraps it and never again. A changed one is booted
    out, waited for until its label is free, written and bootstrapped; so is one that
    launchd holds in another form than the file has.
  - A daemon that does not come up is reported with its state, its last exit, how often
    it was started, whether launchd holds it back, and the end of its log without
    anything that looks like a secret.
requirements:
  - macOS 10.11 or newer, and root
options:
  label:
    description: Label of the daemon.
    type: str
    required: true
  plist:
    description:
      - Keys of launchd.plist(5) without C(Label). Required unless O(state=absent).
      - Unknown keys, wrong types and keys that launchd ignores are refused. Any account
        can read the file; no secrets.
    type: dict
  state:
    description:
      - V(present) has it loaded, so that it runs when its own keys say so.
      - V(started) has it running, V(restarted) newly so.
      - V(stopped) takes it out of launchd; unless O(enabled=false), the next boot loads
        it again.
      - V(absent) takes it out and removes the file.
    type: str
    choices: [present, absent, started, stopped, restarted]
    default: started
  enabled:
    description:
      - Whether it may be loaded, also at boot. launchd keeps this apart from the plist
        and beyond its removal. Must be true for a daemon that is to be loaded.
    type: bool
    default: true
  path:
    description:
      - Absolute path of the plist; F(/Library/LaunchDaemons/LABEL.plist) unless set.
        What lies elsewhere is not loaded at boot.
    type: path
  inputs:
    description:
      - Files that it reads when it starts. It is restarted if one of them is newer than
        its process; a missing one does not count.
    type: list
    elements: path
    default: []
  health:
    description: What must answer before the task is done, where it is to run.
    type: dict
    suboptions:
      url:
        description: Address of http or https; a status from 200 to 399 is an answer.
        type: str
      host:
        description: Where to connect to O(health.port).
        type: str
        default: 127.0.0.1
      port:
        description: Port that must accept a connection.
        type: int
      seconds:
        description: How long to wait.
        type: int
        default: 60
  seconds:
    description:
      - How long a process may take to appear, or to leave. launchd starts a daemon at
        most once in its C(ThrottleInterval), 10 s unless set.
    type: int
    default: 60
  call_seconds:
    description:
      - How long one call of launchctl may take; one for a wedged job never ends.
    type: int
    default: 30
attributes:
  check_mode:
    description: Says what would be done; launchctl is only asked, never told.
    support: full
  diff_mode:
    description: Shows the plist's difference and the steps.
    support: full
"""

EXAMPLES = r"""
- name: Run the example
  forge.platform.launchd:
    label: org.example.server
    plist:
      ProgramArguments: [/usr/local/bin/exampled, --port, "8080"]
      UserName: _example
      RunAtLoad: true
      KeepAlive: true
      StandardErrorPath: /var/log/exampled.log
    health:
      url: http://127.0.0.1:8080/health

- name: Take it out of service until somebody says otherwise
  forge.platform.launchd:
    label: org.example.server
    plist: "{{ example_plist }}"
    state: stopped
    enabled: false
"""

RETURN = r"""
steps:
  description: What was or, in check mode, would be done, in words.
  returned: success
  type: list
  elements: str
  sample: [write the plist, bootstrap it, start it]
service:
  description: The daemon as launchd has it afterwards; in check mode as it is.
  returned: success
  type: dict
  contains:
    loaded:
      description: Whether launchd knows it.
      type: bool
    running:
      description: Whether it has a process.
      type: bool
    state:
      description: launchd's word for it.
      type: str
    pid:
      description: Of its process.
      type: int
    runs:
      description: How often it was started since it was loaded.
      type: int
    last_exit:
      description: Its last exit code or signal, as launchd words it.
      type: str
    throttled:
      description: Whether launchd holds its next start back after a failure.
      type: bool
    enabled:
      description: Whether it may be loaded.
      type: bool
"""

import os
import pwd
import stat
from datetime import datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import (
    health,
    launchd,
    launchd_host,
    launchd_plist,
    redaction,
)

LINES = 15  # of a log


def present(path: str) -> tuple[str | None, bool]:
    """Return a file's text, and whether its owner and mode please launchd."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            content = file.read()
            status = os.fstat(file.fileno())
    except FileNotFoundError:
        return None, False
    mode = stat.S_IMODE(status.st_mode)
    return content, (status.st_uid, status.st_gid, mode) == (
        launchd_host.ROOT,
        launchd_host.ROOT,
        0o644,
    )


def validate(module: AnsibleModule, plist: dict[str, Any]) -> None:
    """Fail on a plist that launchd would refuse or, in part, ignore."""
    label = module.params["label"]
    if module.params["plist"] is not None:
        wrong = launchd_plist.problems(label, plist)
    else:
        wrong = launchd_plist.label_problems(label)
        if module.params["state"] != "absent":
            wrong.append("plist: it is missing")
    if not module.params["enabled"] and module.params["state"] not in (
        "stopped",
        "absent",
    ):
        wrong.append(f"enabled: a daemon that is {module.params['state']} needs it")
    user = plist.get("UserName")
    if not wrong and user and not module.check_mode:
        try:
            pwd.getpwnam(user)
        except KeyError:
            wrong.append(f"UserName: this host has no account {user!r}")
    if wrong:
        module.fail_json(msg="\n".join(f"{label}: {line}" for line in wrong))


def lint(module: AnsibleModule, content: str) -> None:
    """Have Apple's own reader look at the text, where there is one."""
    plutil = module.get_bin_path("plutil")
    if plutil is None:
        return
    code, out, error = module.run_command([plutil, "-lint", "-"], data=content)
    if code != 0:
        module.fail_json(
            msg=f"{module.params['label']}: plutil refuses the plist; nothing was "
            f"changed: {(error or out).strip()}"
        )


def since(module: AnsibleModule, pid: int) -> float | None:
    """Return when a process was started, in seconds since 1970."""
    code, out, _ = module.run_command(
        ["ps", "-o", "lstart=", "-p", str(pid)], environ_update={"LC_ALL": "C"}
    )
    try:
        begin = datetime.strptime(out.strip(), "%a %b %d %H:%M:%S %Y")  # noqa: DTZ007
    except ValueError:  # it has ended meanwhile
        return None
    # ps writes local time, which a time without zone is taken for; whole seconds.
    return begin.timestamp() + 1 if code == 0 else None


def outdated(module: AnsibleModule, now: launchd.Observed) -> bool:
    """Return whether the daemon runs since before the newest of its inputs."""
    paths = [p for p in module.params["inputs"] if os.path.exists(p)]  # noqa: PTH110
    if now.pid is None or not paths:
        return False
    begin = since(module, now.pid)
    # A link that was switched to an older release is itself younger.
    times = [max(os.stat(p).st_mtime, os.lstat(p).st_mtime) for p in paths]  # noqa: PTH116
    return begin is not None and max(times) > begin


def explain(daemon: launchd_host.Daemon, problem: str) -> str:
    """Return a message for a daemon that did not come up."""
    now = daemon.look()
    held = "; launchd holds its next start back" if now.throttled else ""
    code = now.last_exit.partition(":")[0]
    meaning = launchd.CODES.get(int(code), ("", ""))[1] if code == "78" else ""
    log = daemon.plist.get("StandardErrorPath") or daemon.plist.get("StandardOutPath")
    lines: list[str] = []
    if log and os.path.isfile(log):  # noqa: PTH113
        with open(log, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            lines = file.readlines()[-LINES:]
    end = redaction.redact("".join(lines).strip())
    return (
        f"{daemon.label}: {problem}. Its state is {now.state or 'unknown'}, it was "
        f"started {now.runs} times, its last exit was {now.last_exit or 'none'}{held}. "
        f"Remedy: {meaning or f'launchctl print {daemon.target}'}"
        + (f"; the end of {log}:\n{end}" if lines else "")
    )


def await_result(module: AnsibleModule, daemon: launchd_host.Daemon) -> None:
    """Wait until the daemon runs and answers, or fail with the reason."""
    if daemon.until(lambda now: now.running) is None:
        problem = f"it has no process after {module.params['seconds']} s"
        module.fail_json(msg=explain(daemon, problem))
    asked = module.params["health"]
    if health.is_asked(asked):
        try:
            _, problem = health.wait(asked)
        except ValueError as error:
            module.fail_json(msg=f"{daemon.label}: health: {error}")
        if problem:
            module.fail_json(msg=explain(daemon, problem))


def apply(module: AnsibleModule) -> dict[str, Any]:
    """Return the module's answer, after doing what it says unless in check mode."""
    label, state = module.params["label"], module.params["state"]
    plist = launchd_plist.complete(label, module.params["plist"] or {})
    validate(module, plist)
    daemon = launchd_host.Daemon(
        module.get_bin_path("launchctl", required=True),
        label,
        plist,
        path=module.params["path"],
        seconds=module.params["seconds"],
        call_seconds=module.params["call_seconds"],
    )
    before, is_owned = present(daemon.path)
    after = "" if state == "absent" else launchd_plist.text(plist)
    if state != "absent" and before != after:
        lint(module, after)
    now = daemon.look()
    steps = launchd.plan(
        launchd.Wanted(
            state=state,
            enabled=module.params["enabled"],
            differs=before != after or not is_owned,
            exists=before is not None,
            stale=state != "absent" and launchd.is_stale(plist, daemon.path, now),
            outdated=outdated(module, now),
        ),
        now,
    )
    if not module.check_mode:
        for step in steps:
            daemon.perform(step)
        if state in ("started", "restarted"):
            await_result(module, daemon)
        now = daemon.look()
    words = [step.value for step in steps]
    return {
        "changed": bool(steps),
        "steps": words,
        "service": now.facts(),
        "diff": {
            "before_header": daemon.path,
            "after_header": daemon.path,
            "before": before or "",
            "after": after,
            "prepared": "".join(f"launchd: {word}\n" for word in words),
        },
    }


def main() -> None:
    """Manage the daemon."""
    module = AnsibleModule(
        argument_spec={
            "label": {"type": "str", "required": True},
            "plist": {"type": "dict"},
            "state": {
                "type": "str",
                "choices": ["present", "absent", "started", "stopped", "restarted"],
                "default": "started",
            },
            "enabled": {"type": "bool", "default": True},
            "path": {"type": "path"},
            "inputs": {"type": "list", "elements": "path", "default": []},
            "health": {
                "type": "dict",
                "options": health.OPTIONS,
                "mutually_exclusive": [("url", "port")],
            },
            "seconds": {"type": "int", "default": 60},
            "call_seconds": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**apply(module))
    except launchd.LaunchctlError as error:
        module.fail_json(msg=str(error))
    except (OSError, launchd_host.StuckError) as error:
        module.fail_json(msg=f"{module.params['label']}: {error}")


if __name__ == "__main__":
    main()
