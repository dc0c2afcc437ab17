"""``forge backup``: exit status 0 all copied or sound, 1 not all, 2 invalid input."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table

from forge import paths
from forge.artifacts.display import Display
from forge.backup.bucket import Bucket, Store
from forge.backup.copies import Copies
from forge.backup.model import Copy, Report, Source
from forge.backup.pull import pull, verify
from forge.backup.server import NEEDED, SNAPSHOTS, Server, ssh
from forge.errors import InputError
from forge.testbed.lifecycle import Testbed
from forge.topology.load import Inventory, load_inventory

if TYPE_CHECKING:
    from argparse import _SubParsersAction

BUCKETS = ("velero", "etcd-snapshots", "pg-backup")
SERVERS = "k3s_server"
STORAGE = "storage"


def add_parser(
    subparsers: "_SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Add ``backup`` to the command line."""
    part = subparsers.add_parser(
        "backup", help="copies off the cluster", description=__doc__
    )
    verbs = part.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("pull", help="copy what is not copied yet into a folder")
    verb.add_argument("folder", type=Path, help="made with mode 0700 if not there")
    _add_where(verb)
    verb.add_argument(
        "--credentials", type=Path, metavar="FILE",
        help="of the store's backup-reader, mode 0600; without it no bucket is copied",
    )  # fmt: skip
    verb.add_argument(
        "--store", metavar="URL", help="the object store (by default the inventory's)"
    )
    verb.add_argument(
        "--authority", type=Path, metavar="PEM", help="who signed its certificate"
    )
    verb.add_argument(
        "--bucket", action="append", metavar="NAME",
        help=f"several; by default {', '.join(BUCKETS)}",
    )  # fmt: skip
    verb.add_argument("--dry-run", action="store_true", help="only say what is missing")
    verb.add_argument("--json", action="store_true", help="print the report as JSON")
    verb.set_defaults(run=_pull)
    verb = verbs.add_parser("list", help="the copies, and where each lies")
    verb.add_argument("folder", type=Path)
    verb.add_argument("--source", help="only of this one, such as server/control-01")
    verb.add_argument("--json", action="store_true", help="print JSON, one array")
    verb.set_defaults(run=_list)
    verb = verbs.add_parser("verify", help="read every copy and compare its digest")
    verb.add_argument("folder", type=Path)
    verb.set_defaults(run=_verify)


def _add_where(verb: argparse.ArgumentParser) -> None:
    where = verb.add_mutually_exclusive_group()
    where.add_argument(
        "--inventory", action="append", type=Path, metavar="PATH",
        help="a source; several, the last wins (default: inventory/forge)",
    )  # fmt: skip
    where.add_argument(
        "--testbed", action="store_true", help="the running testbed of this checkout"
    )


def _pull(options: argparse.Namespace) -> int:
    progress = Console(file=sys.stderr)
    inventory = _inventory(options, progress)
    sources: list[Source] = _servers(inventory)
    sources += _buckets(options, inventory)
    with Display(progress) as display:
        if options.credentials is None:
            display.note("no --credentials: no bucket is copied")
        report = pull(sources, options.folder, display, dry_run=options.dry_run)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())  # noqa: T201 - a command's output
    else:
        _show(report, Console())
    return 1 if any(result.problem for result in report.results) else 0


def _inventory(options: argparse.Namespace, progress: Console) -> Inventory:
    checkout = paths.checkout()
    if options.testbed:
        return load_inventory(Testbed(checkout, paths.cache(), progress).sources())
    given = options.inventory or [checkout / "inventory" / "forge"]
    return load_inventory([source.absolute() for source in given])


def _servers(inventory: Inventory) -> list[Source]:
    """Return the servers; etcd's data are the same on all, snapshots are not."""
    names = inventory.groups.get(SERVERS) or []
    if not names:
        raise InputError(
            f"the inventory has no host in group {SERVERS}",
            remedy="name the inventory of the cluster with --inventory, or --testbed",
        )
    found: list[Source] = []
    for host in names:
        variables = inventory.hostvars[host]
        snapshots = str(variables.get("k3s_etcd_snapshot_dir") or SNAPSHOTS)
        found.append(Server(host, ssh(variables, host), [snapshots, *NEEDED]))
    return found


def _buckets(options: argparse.Namespace, inventory: Inventory) -> list[Source]:
    if options.credentials is None:
        return []
    endpoint, authority = _store(inventory)
    store = Store(
        endpoint=options.store or endpoint,
        credentials=options.credentials,
        authority=options.authority or authority,
    )
    if not store.endpoint:
        raise InputError(
            f"the inventory has no host in group {STORAGE} with an address and a port",
            remedy="name the store with --store https://HOST:PORT",
        )
    client = store.client()
    return [Bucket(store, name, client) for name in options.bucket or BUCKETS]


def _store(inventory: Inventory) -> tuple[str, Path | None]:
    """Return the store of an inventory and the authority that the role keeps."""
    names = inventory.groups.get(STORAGE) or []
    variables: dict[str, Any] = inventory.hostvars[names[0]] if names else {}
    address = (variables.get("forge_addresses") or {}).get("cluster")
    port = (variables.get("forge_ports") or {}).get("s3")
    endpoint = f"https://{address}:{port}" if address and port else ""
    kubeconfig = variables.get("k3s_kubeconfig_path")
    beside = Path(kubeconfig).expanduser().parent if kubeconfig else None
    authority = beside / "object-store.pem" if beside else None
    return endpoint, authority if authority and authority.exists() else None


def _show(report: Report, console: Console) -> None:
    verb = "to copy" if report.dry_run else "copied"
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("source", "there", verb, "MiB", "gone there, kept", "problem"):
        table.add_column(column)
    for each in report.results:
        table.add_row(
            each.source, str(each.items), str(each.pulled),
            f"{each.bytes / (1 << 20):.1f}", str(each.kept), each.problem or "-",
        )  # fmt: skip
    console.print(table)
    console.print(f"{report.folder}: {report.seconds} s", soft_wrap=True)


def _list(options: argparse.Namespace) -> int:
    with Copies.open(_existing(options.folder)) as kept:
        found = [copy for copy in kept.all() if options.source in (None, copy.source)]
        rows = [(copy, kept.path(copy.sha256)) for copy in found]
    if options.json:
        data = [{**msgspec.to_builtins(copy), "path": str(path)} for copy, path in rows]
        print(msgspec.json.format(msgspec.json.encode(data)).decode())  # noqa: T201 - a command's output
    else:
        _show_copies(rows)
    return 0


def _show_copies(rows: Sequence[tuple[Copy, Path]]) -> None:
    for copy, path in rows:
        head = f"{copy.modified}  {copy.size:>12}  {copy.source}"
        print(f"{head}  {copy.name}\n    {path}")  # noqa: T201 - a command's output


def _verify(options: argparse.Namespace) -> int:
    problems = verify(_existing(options.folder))
    for line in problems:
        print(line)  # noqa: T201 - a command's output
    if not problems:
        print(f"{options.folder}: every copy has its digest")  # noqa: T201 - a command's output
    return 1 if problems else 0


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder of copies")
    return folder
