"""The plan of the checkout as it is, against what is applied or an older revision."""

import io
import secrets
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from forge.change import asking
from forge.change.applied import Applied, supposed
from forge.change.gather import list_inventory, surroundings
from forge.change.model import Plan, Scope
from forge.change.plan import plan_of
from forge.change.snapshot import Snapshot, Surroundings, read_listing
from forge.change.store import KEY_BYTES, Store, state_folder
from forge.errors import InputError
from forge.topology.load import load_inventory

NAME = "forge_name"
GIT_SECONDS = 120


class Asked(NamedTuple):
    """What a plan is made from.

    Attributes:
        revision: Of git, to compare with; "" compares with what is applied.
        inventories: Files or folders, later ones winning.
        extra_vars: As given with ``-e``.
        limit: As given with ``--limit``.
    """

    revision: str
    inventories: tuple[Path, ...]
    extra_vars: tuple[str, ...] = ()
    limit: str = ""


def make(root: Path, asked: Asked) -> Plan:
    """Return the plan; nothing is written, but for a controller's key on first use.

    Raises:
        ForgeError: The inventory, the revision or the applied state cannot be used.
    """
    scope = _scope(asked)
    if asked.revision:
        # Both sides are read here, so a key of this process tells secrets apart.
        key = secrets.token_bytes(KEY_BYTES)
        record: Applied | None = supposed(_before(root, asked, key))
    else:
        store = Store(state_folder(platform_of(asked.inventories)))
        key, record = store.key(), store.read()
    proposed, around = _read(root, asked.inventories, asked, key)
    if not asked.revision:
        record = asking.basis(record, proposed)
    return plan_of(proposed, record, around, scope)


def commit_of(root: Path) -> str:
    """Return the commit of a checkout, "-dirty" if it was changed; "" without git."""
    done = subprocess.run(
        ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40"],
        capture_output=True, text=True, check=False, timeout=GIT_SECONDS,
    )  # fmt: skip
    return done.stdout.strip() if done.returncode == 0 else ""


def _scope(asked: Asked) -> Scope | None:
    if not asked.limit:
        return None
    hosts = load_inventory(asked.inventories, limit=asked.limit).groups["all"]
    return Scope(limit=asked.limit, hosts=tuple(sorted(hosts)))


def _read(
    root: Path, inventories: Sequence[Path], asked: Asked, key: bytes
) -> tuple[Snapshot, Surroundings]:
    around = surroundings(root, key=key, extra_vars=asked.extra_vars)
    listed = list_inventory(inventories, root, asked.extra_vars)
    return read_listing(listed, around, key), around


def _before(root: Path, asked: Asked, key: bytes) -> Snapshot:
    with _checked_out(root, asked.revision) as old:
        inventories = [old / _inside(root, path) for path in asked.inventories]
        for path in inventories:
            if not path.exists():
                raise InputError(
                    f"{asked.revision} has no {path.relative_to(old)}",
                    remedy="name an inventory that both revisions have",
                )
        return _read(old, inventories, asked, key)[0]


def _inside(root: Path, path: Path) -> Path:
    try:
        return path.absolute().relative_to(root)
    except ValueError:
        raise InputError(
            f"{path} is not in the checkout, so no revision has it",
            remedy="leave --from out, or name an inventory of the checkout",
        ) from None


@contextmanager
def _checked_out(root: Path, revision: str) -> Iterator[Path]:
    """Have the files of a revision in a folder for a while."""
    words = ["archive", "--format=tar", "--end-of-options", revision]
    done = subprocess.run(
        ["git", "-C", str(root), *words],
        capture_output=True, check=False, timeout=GIT_SECONDS,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(
            f"--from {revision}: {said[-1] if said else 'git failed'}",
            remedy="name a commit, branch or tag of this checkout",
        )
    with tempfile.TemporaryDirectory(prefix="forge-plan-") as folder:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


def platform_of(inventories: Sequence[Path]) -> str:
    """Return `forge_name` of an inventory.

    Raises:
        InputError: Not all hosts have the same.
    """
    hostvars = load_inventory(inventories).hostvars
    names = {str(variables.get(NAME, "")) for variables in hostvars.values()}
    if len(names) != 1:
        raise InputError(
            f"{NAME} is not one for all hosts: {', '.join(sorted(names))}",
            remedy="set it in group_vars/all",
        )
    return names.pop()
