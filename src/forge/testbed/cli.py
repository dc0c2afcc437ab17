"""``forge testbed``: up, down, status, ssh, site, verify, models, hosts."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from forge import paths
from forge.artifacts.display import Display
from forge.testbed.lifecycle import Testbed
from forge.testbed.models import ensure as ensure_models
from forge.testbed.platform import PROFILES
from forge.testbed.playbooks import Progress

if TYPE_CHECKING:
    from argparse import _SubParsersAction

COLUMNS = ("host", "state", "systemd", "addresses")


def add_parser(
    subparsers: "_SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Add ``testbed`` and its verbs to the command line."""
    parser = subparsers.add_parser("testbed", help="run the Forge in small")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    up = verbs.add_parser("up", help="make, converge, verify")
    _add_profile(up)
    up.add_argument("--json", action="store_true", help="changes per host at the end")
    up.set_defaults(run=_up)
    components = verbs.add_parser("platform", help="servers in the running cluster")
    _add_profile(components)
    components.add_argument("--json", action="store_true", help="changes per host")
    components.set_defaults(run=_platform)
    verbs.add_parser("down", help="remove what this checkout made").set_defaults(
        run=_down
    )
    status = verbs.add_parser("status", help="hosts and cluster")
    status.add_argument("--json", action="store_true")
    status.set_defaults(run=_status)
    ssh = verbs.add_parser("ssh", help="a shell, or a command, on a host")
    ssh.add_argument("host")
    ssh.add_argument("command", nargs=argparse.REMAINDER)
    ssh.set_defaults(run=_ssh)
    for verb, text in (("site", "playbooks/site.yml"), ("verify", "with faults")):
        item = verbs.add_parser(verb, help=text)
        item.add_argument("--check", action="store_true", help="change nothing")
        item.add_argument("--limit", help="hosts or groups")
        item.add_argument("--tags", help="only tasks with one of these tags")
        item.add_argument(
            "--inventory", action="append", default=[], metavar="PATH",
            help="one more inventory source, read last",
        )  # fmt: skip
        item.add_argument("--json", action="store_true", help="changes per host")
        item.set_defaults(run=_site if verb == "site" else _verify)
    models = verbs.add_parser("models", help="bring the model files, print where")
    models.set_defaults(run=_models)
    _add_hosts(verbs)


def _add_profile(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--profile", choices=sorted(PROFILES),
        help="what runs in the cluster; the running testbed's, else core",
    )  # fmt: skip


def _add_hosts(verbs: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    hosts = verbs.add_parser("hosts", help="the host factory, for Molecule")
    actions = hosts.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="a room with some hosts")
    create.add_argument("room", help="name of the scenario")
    create.add_argument("--host", action="append", required=True, dest="hosts")
    create.add_argument("--wire", action="append", dest="wires")
    create.set_defaults(run=_hosts_create)
    destroy = actions.add_parser("destroy", help="remove a room")
    destroy.add_argument("room")
    destroy.set_defaults(run=_hosts_destroy)


def _testbed() -> Testbed:
    return Testbed(paths.checkout(), paths.cache(), Console(file=sys.stdout))


def _up(options: argparse.Namespace) -> int:
    progress = _testbed().up(options.profile)
    _show_changes(progress, as_json=options.json)
    return 0


def _platform(options: argparse.Namespace) -> int:
    progress = _testbed().platform(options.profile)
    _show_changes(progress, as_json=options.json)
    return 0


def _down(_: argparse.Namespace) -> int:
    _testbed().down()
    return 0


def _status(options: argparse.Namespace) -> int:
    testbed = _testbed()
    rows = testbed.status()
    if options.json:
        print(json.dumps(rows, indent=2))  # noqa: T201 - a command's output
        return 0
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*(str(row[key]) for key in COLUMNS))
    Console().print(table)
    if testbed.profile():
        Console().print(f"profile: {testbed.profile()}")
    for name, where in testbed.factory.others().items():
        Console().print(f"also on this machine: {name} of {where} (left alone)")
    return 0 if rows and all(row["systemd"] == "running" for row in rows) else 1


def _ssh(options: argparse.Namespace) -> int:
    testbed = _testbed()
    words = testbed.ssh_command(options.host, options.command)
    os.execvp(words[0], words)  # noqa: S606 - the shell's place is taken over


def _models(_: argparse.Namespace) -> int:
    with Display(Console(stderr=True)) as display:
        found = ensure_models(paths.checkout(), paths.cache(), display)
    rows = {
        name: {"path": str(model.path), "licence": model.licence}
        for name, model in found.items()
    }
    print(json.dumps(rows, indent=2, sort_keys=True))  # noqa: T201 - a command's output
    return 0


def _site(options: argparse.Namespace) -> int:
    return _played(options, "playbooks/site.yml", {})


def _verify(options: argparse.Namespace) -> int:
    return _played(options, "playbooks/verify.yml", {"verify_disruptive": True})


def _played(
    options: argparse.Namespace, playbook: str, variables: dict[str, bool]
) -> int:
    arguments = ["--check", "--diff"] if options.check else []
    for name in ("limit", "tags"):
        if getattr(options, name):
            arguments += [f"--{name}", getattr(options, name)]
    sources = [Path(source).absolute() for source in options.inventory]
    progress = _testbed().play(playbook, variables, arguments, sources)
    _show_changes(progress, as_json=options.json)
    return 0


def _show_changes(progress: Progress, *, as_json: bool) -> None:
    changed = progress.changed()
    if as_json:
        print(json.dumps({"changed": changed}))  # noqa: T201 - a command's output
        return
    total = sum(changed.values())
    Console().print(f"{total} changes on {sum(map(bool, changed.values()))} hosts")


def _hosts_create(options: argparse.Namespace) -> int:
    wires = options.wires or ["cluster"]
    changed, inventory = _testbed().create_small(options.room, options.hosts, wires)
    made = {"changed": changed, "inventory": str(inventory)}
    print(json.dumps(made))  # noqa: T201 - a command's output
    return 0


def _hosts_destroy(options: argparse.Namespace) -> int:
    gone = _testbed().destroy_small(options.room)
    print(json.dumps({"changed": gone}))  # noqa: T201 - a command's output
    return 0
