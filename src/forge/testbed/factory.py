"""The one host factory: makes, restarts and removes the hosts of a room.

Used by the testbed and by Molecule. Everything it makes carries the label
``forge.room=<room>`` and ``forge.checkout=<path>``; it touches nothing without
its own label.
"""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from forge.errors import ForgeError
from forge.testbed.podman import Podman, PodmanError
from forge.testbed.room import Host, Room

LABEL = "forge.room"
# Kept outside the host's root, since overlay on overlay is refused by the kernel.
VOLUMES = ("/var/lib/rancher", "/var/lib/kubelet")
START_SECONDS = 60
REMOVALS = 3


class Factory:
    """Makes rooms on one podman."""

    def __init__(self, podman: Podman, checkout: Path) -> None:
        """Use one podman for one checkout's rooms."""
        self.podman = podman
        self.checkout = checkout

    def create(self, room: Room, image: str, public_key: str) -> list[str]:
        """Make what is missing of a room and start what is stopped.

        Args:
            room: Wires and hosts.
            image: Tag of the host image.
            public_key: SSH public key that may log in as root.

        Returns:
            Names of the hosts that were made or started; empty if all ran already.

        Raises:
            ForgeError: A host did not start; the message names it and its journal.
        """
        self._refuse_foreign(room)
        self._networks(room)
        present = {row["Names"][0]: row for row in self._rows(room)}
        changed: list[str] = []
        for host in room.hosts:
            name = container(room, host.name)
            row = present.get(name)
            if row and row["Labels"].get("forge.spec") != _spec(room, host, image):
                self.podman.run("rm", "--force", "--volumes", name)
                self._remove_volumes(room, host.name)
                row = None
            if row is None:
                self._start(room, host, image)
                changed.append(host.name)
            elif row["State"] != "running":
                self.podman.run("start", name)
                changed.append(host.name)
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(
                pool.map(
                    lambda host: self._ready(room, host.name, public_key), room.hosts
                )
            )
        return changed

    def destroy(self, room: str) -> list[str]:
        """Remove every container, volume and network of a room.

        Args:
            room: Its name.

        Returns:
            What was removed, by name.
        """
        gone: list[str] = []
        for row in self.podman.containers(f"label={LABEL}={room}"):
            name = row["Names"][0]
            self._remove(name)
            gone.append(name)
        for volume in self.podman.volumes(f"label={LABEL}={room}"):
            self.podman.run("volume", "rm", volume)
            gone.append(volume)
        for network in self.podman.networks(f"label={LABEL}={room}"):
            self.podman.run("network", "rm", network["name"])
            gone.append(network["name"])
        return gone

    def host_key(self, room: Room, host: str) -> str:
        """Return a host's public SSH key, read from inside the host."""
        text = self.podman.run(
            "exec", container(room, host), "cat", "/etc/ssh/ssh_host_ed25519_key.pub"
        )
        return " ".join(text.split()[:2])

    def states(self, room: str) -> dict[str, str]:
        """Return container name to podman's state for a room."""
        rows = self.podman.containers(f"label={LABEL}={room}")
        return {row["Names"][0]: row["State"] for row in rows}

    def others(self) -> dict[str, str]:
        """Return the rooms of other checkouts on this machine: name to checkout."""
        return {
            row["Labels"][LABEL]: row["Labels"].get("forge.checkout", "unknown")
            for row in self.podman.containers(f"label={LABEL}")
            if row["Labels"].get("forge.checkout") != str(self.checkout)
        }

    def _rows(self, room: Room) -> list[dict[str, Any]]:
        return self.podman.containers(f"label={LABEL}={room.name}")

    def _labels(self, room: Room) -> list[str]:
        return [
            "--label",
            f"{LABEL}={room.name}",
            "--label",
            f"forge.checkout={self.checkout}",
        ]

    def _refuse_foreign(self, room: Room) -> None:
        """Stop where a name of the room is taken by something not labelled so."""
        names = {container(room, host.name) for host in room.hosts}
        for row in self.podman.containers(f"name=^{room.name}-"):
            owner = (row.get("Labels") or {}).get(LABEL)
            if row["Names"][0] in names and owner != room.name:
                raise ForgeError(
                    f"container {row['Names'][0]} exists and is not this room's",
                    remedy="remove or rename it; it was left alone",
                )

    def _networks(self, room: Room) -> None:
        present = {
            row["name"] for row in self.podman.networks(f"label={LABEL}={room.name}")
        }
        for wire, cidr in room.wires.items():
            name = network(room, wire)
            if name not in present:
                # netavark gives this machine an address on an internal network only
                # if it serves DNS there; the hosts do not use it.
                self.podman.run(
                    "network", "create", "--internal",
                    "--subnet", cidr, *self._labels(room), name,
                )  # fmt: skip

    def _start(self, room: Room, host: Host, image: str) -> None:
        volumes: list[str] = []
        for path in VOLUMES:
            volume = f"{container(room, host.name)}{path.replace('/', '-')}"
            if volume not in self.podman.volumes(f"name={volume}"):
                self.podman.run("volume", "create", *self._labels(room), volume)
            volumes += ["--volume", f"{volume}:{path}"]
        wires: list[str] = []
        for index, (wire, address) in enumerate(host.addresses.items()):
            options = f"{network(room, wire)}:ip={address},interface_name=eth{index}"
            wires += ["--network", options]
        self.podman.run(
            "run", "--detach", "--name", container(room, host.name),
            "--hostname", host.name, *wires, *volumes, *self._labels(room),
            "--label", f"forge.spec={_spec(room, host, image)}",
            # systemd's own needs, without the machine-wide cgroup that podman's
            # systemd mode shares between containers.
            "--systemd=false", "--env", "container=podman", "--stop-signal", "37",
            "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp",  # noqa: S108 - the host's own
            "--privileged", "--cgroupns", "private", "--dns", "none", "--no-hosts",
            # A host that reboots itself comes back, as a machine does.
            "--restart", "always", image, "/sbin/init",
        )  # fmt: skip

    def _ready(self, room: Room, host: str, public_key: str) -> None:
        """Wait until systemd is up, then let the key in."""
        name = container(room, host)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                state = self.podman.run(
                    "exec", name, "systemctl", "is-system-running", "--wait"
                )
                break
            except PodmanError as error:
                # `degraded` is an exit status of its own: a unit failed, SSH may run.
                if time.monotonic() > deadline:
                    journal = self.podman.run("logs", "--tail", "20", name)
                    raise ForgeError(
                        f"{host} did not start in {START_SECONDS} s: {error.what}\n"
                        f"{journal}",
                        remedy=f"podman exec -it {name} systemctl --failed",
                    ) from error
                time.sleep(0.3)
        if state != "running":
            raise ForgeError(f"{host} is {state!r}, not running")
        script = (
            "umask 077; mkdir -p /root/.ssh; cat > /root/.ssh/authorized_keys.new; "
            "mv /root/.ssh/authorized_keys.new /root/.ssh/authorized_keys"
        )
        self.podman.run(
            "exec", "--interactive", name, "sh", "-c", script,
            stdin=(public_key + "\n").encode(),
        )  # fmt: skip

    def _remove(self, name: str) -> None:
        """Remove a container at once; what it holds goes with it."""
        for attempt in range(1, REMOVALS + 1):
            try:
                self.podman.run("rm", "--force", "--volumes", "--time", "0", name)
            except PodmanError:
                # podman refuses if the host ends by itself at this moment.
                if attempt == REMOVALS:
                    raise
                time.sleep(1)
            else:
                return

    def _remove_volumes(self, room: Room, host: str) -> None:
        prefix = container(room, host)
        for volume in self.podman.volumes(f"label={LABEL}={room.name}"):
            if volume.startswith(f"{prefix}-var-lib-"):
                self.podman.run("volume", "rm", volume)


def container(room: Room, host: str) -> str:
    """Return the container's name of a host."""
    return f"{room.name}-{host}"


def network(room: Room, wire: str) -> str:
    """Return the podman network's name of a wire."""
    return f"{room.name}-{wire}"


def _spec(room: Room, host: Host, image: str) -> str:
    """Return a digest of all that makes a host what it is."""
    wires = {wire: room.wires[wire] for wire in host.addresses}
    parts = msgspec.json.encode([host, wires, image, VOLUMES])
    return hashlib.sha256(parts).hexdigest()[:16]
