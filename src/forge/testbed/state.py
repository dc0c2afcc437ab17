"""The identity and the subnets of this checkout's testbed, chosen once and kept."""

import ipaddress
import json
import os
import secrets
import subprocess
from collections.abc import Iterable
from pathlib import Path

import msgspec

from forge import paths
from forge.errors import ForgeError, InputError
from forge.testbed.podman import Podman

WIRES = ("cluster", "boundary", "inference")
# Where a free block for the wires is looked for, and what must stay free beside it:
# K3s's Pod and Service networks (docs.k3s.io/networking/basic-network-options).
POOL = "10.128.0.0/10"
RESERVED = (ipaddress.ip_network("10.42.0.0/16"), ipaddress.ip_network("10.43.0.0/16"))
BLOCK_BITS = 20  # sixteen /24 networks: three wires and Molecule's


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``.testbed/state.json`` keeps.

    Attributes:
        id: Six hex digits; part of every name that this checkout makes.
        block: CIDR of ``BLOCK_BITS`` bits, out of which every wire is cut.
    """

    id: str
    block: str

    def subnet(self, index: int) -> str:
        """Return the ``index``-th /24 of the block, 0 to 15."""
        subnets = list(ipaddress.ip_network(self.block).subnets(new_prefix=24))
        return str(subnets[index])

    def wires(self) -> dict[str, str]:
        """Return the testbed's wires with their CIDRs."""
        return {wire: self.subnet(index) for index, wire in enumerate(WIRES)}


class Folder:
    """``.testbed/`` of one checkout; everything in it is private to its owner."""

    def __init__(self, checkout: Path) -> None:
        """Name the folder and make it, mode 0700.

        ``FORGE_TESTBED`` names another one, for a second testbed of the checkout.
        """
        self.checkout = checkout
        self.path = paths.folder_of_testbed(checkout)
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def __truediv__(self, name: str) -> Path:
        """Return the path of a file in the folder."""
        return self.path / name

    def podman(self) -> Podman:
        """Return podman with this checkout's engine settings."""
        return Podman(self / "containers.conf")

    def load(self) -> State | None:
        """Return the kept state, or ``None`` before the first ``up``.

        Raises:
            InputError: The file is there and cannot be read as a state.
        """
        file = self / "state.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=State)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise InputError(
                f"{file}: {error}", remedy="run `make down`, then remove the file"
            ) from error

    def load_or_create(self) -> State:
        """Return the kept state; choose and keep one where there is none."""
        state = self.load()
        if state is None:
            taken = [*_routed(), *_podman_subnets(self.podman()), *RESERVED]
            state = State(id=secrets.token_hex(3), block=str(free_block(taken)))
            replace_file(self / "state.json", msgspec.json.encode(state))
        return state


def free_block(
    taken: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> ipaddress.IPv4Network:
    """Return the first block of the pool that overlaps nothing that is taken.

    Raises:
        ForgeError: Every block overlaps something.
    """
    used = [net for net in taken if isinstance(net, ipaddress.IPv4Network)]
    pool = ipaddress.IPv4Network(POOL)
    for block in pool.subnets(new_prefix=BLOCK_BITS):
        if not any(block.overlaps(net) for net in used):
            return block
    raise ForgeError(
        f"no free /{BLOCK_BITS} block in {POOL} for the testbed's networks",
        remedy="remove networks of other testbeds (`podman network ls`)",
    )


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file so that a reader sees the old or the new content, never a part."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _routed() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    done = subprocess.run(
        ["ip", "-json", "-4", "route", "show", "table", "all"],
        capture_output=True,
        check=True,
    )
    routes = [row["dst"] for row in json.loads(done.stdout or b"[]")]
    return [
        ipaddress.ip_network(dst, strict=False) for dst in routes if dst != "default"
    ]


def _podman_subnets(
    podman: Podman,
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [
        ipaddress.ip_network(subnet["subnet"])
        for network in podman.networks()
        for subnet in network.get("subnets") or []
    ]
