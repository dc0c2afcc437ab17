"""One testbed from nothing to verified, and back to nothing."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from forge import artifacts
from forge.artifacts.display import Display
from forge.change.store import Store
from forge.errors import InputError
from forge.testbed import (
    image,
    models,
    overlay,
    packages,
    platform,
    playbooks,
    preflight,
    rooms,
)
from forge.testbed.factory import Factory, container
from forge.testbed.podman import PodmanError
from forge.testbed.room import Room
from forge.testbed.ssh import Identity
from forge.testbed.state import Folder, State, replace_file

OVERLAY = "inventory.yml"
PLATFORM = "platform.yml"  # one more inventory source, of what runs in the cluster
VERSIONS = "versions.yml"
STANDIN = "k3s_standin"
# K3s's airgap images hold a busybox, the stand-in's another one.
STANDIN_PROBE_IMAGE = "forge.test/busybox:1"


class Testbed:
    """The testbed of one checkout."""

    def __init__(self, checkout: Path, cache: Path, console: Console) -> None:
        """Use a checkout and the user's cache; nothing is made yet."""
        self.checkout = checkout
        self.cache = cache
        self.console = console
        self.folder = Folder(checkout)
        self.factory = Factory(self.folder.podman(), checkout)

    def up(self, profile: str | None = None) -> playbooks.Progress:
        """Make, converge and verify the testbed; go on where an earlier run stopped.

        Args:
            profile: A name of ``platform.PROFILES``; the testbed's own unless given.

        Returns:
            What the run of site.yml showed.

        Raises:
            ForgeError: What, where, and what to do.
        """
        chosen = self._profile(profile)
        self.prepare_machine()
        state = self.folder.load_or_create()
        for name, where in self.factory.others().items():
            self._say(f"another testbed is here: {name} of {where}; it is left alone")
        tag, variables = self.supplies()
        room = self._room(state)
        self._say(f"hosts: {len(room.hosts)} on {', '.join(room.wires)}")
        self._make(room, tag, "testbed", OVERLAY, variables)
        self._supply_platform(chosen)
        progress = self.play("playbooks/site.yml")
        self._say(f"up: KUBECONFIG={self.folder / 'kubeconfig'} · make status")
        return progress

    def platform(self, profile: str | None = None) -> playbooks.Progress:
        """Have a profile's components in the running testbed's cluster.

        Args:
            profile: A name of ``platform.PROFILES``; the testbed's own unless given.

        Returns:
            What the run of tier1_platform.yml showed.

        Raises:
            ForgeError: The testbed is not up, an image cannot be made, or a component
                does not get ready; what, where, and what to do.
        """
        self._require_up()
        self._supply_platform(self._profile(profile))
        return self.play("playbooks/tier1_platform.yml")

    def profile(self) -> str | None:
        """Return the profile of the running testbed; None if it is not up."""
        return platform.kept_profile(self.folder / PLATFORM)

    def _profile(self, asked: str | None) -> str:
        return platform.choose(asked, self.profile())

    def _supply_platform(self, profile: str) -> None:
        """Build a profile's images and name its components in an inventory source."""
        with Display(self.console) as display:
            found = platform.supply(self.checkout, self.cache, profile, display)
        content = yaml.safe_dump({"all": {"vars": found.variables()}}, sort_keys=False)
        replace_file(self.folder / PLATFORM, content.encode())
        self._say(f"profile {profile}: {', '.join(found.components)}")

    def down(self) -> None:
        """Remove everything that this checkout's testbeds made on the machine.

        Its identity, subnets, key and cache stay: the next ``up`` is the same testbed.
        What was applied to the hosts is forgotten with them; records of runs stay.
        """
        state = self.folder.load()
        if state is None:
            self._say("nothing to do: this checkout never had a testbed")
            return
        prefix = f"forge-{state.id}"
        names = {
            row["Labels"]["forge.room"]
            for row in self.folder.podman().containers("label=forge.room")
        }
        mine = sorted({prefix, *(name for name in names if name.startswith(prefix))})
        gone = [item for name in mine for item in self.factory.destroy(name)]
        for name in (OVERLAY, PLATFORM):
            (self.folder / name).unlink(missing_ok=True)
        # The gate went with its host: the next run is a first installation again.
        for folder in (self.folder / "state").glob("*/"):
            Store(folder).forget()
        self._say(f"down: {len(gone)} containers, volumes and networks removed")

    def play(
        self,
        playbook: str,
        variables: Mapping[str, Any] | None = None,
        arguments: Sequence[str] = (),
        sources: Sequence[Path] = (),
    ) -> playbooks.Progress:
        """Run a playbook on the running testbed.

        Args:
            playbook: Path below the checkout.
            variables: Extra variables.
            arguments: More words for ``ansible-playbook``.
            sources: More inventory sources, read last.

        Raises:
            InputError: The testbed is not up.
            RunFailedError: The playbook failed.
        """
        return playbooks.run(
            playbook,
            checkout=self.checkout,
            private=self.folder / "run",
            inventory=[*self.sources(), *sources],
            variables=variables,
            arguments=arguments,
            console=self.console,
        )

    def sources(self) -> list[Path]:
        """Return the inventory sources of the running testbed, the last one winning.

        Raises:
            InputError: The testbed is not up.
        """
        self._require_up()
        own = [self.folder / OVERLAY, self.folder / PLATFORM]
        return [
            self.checkout / "inventory" / "testbed",
            *(p for p in own if p.exists()),
        ]

    def status(self) -> list[dict[str, str]]:
        """Return one row for each host: podman's state, systemd's, the node's."""
        state = self.folder.load()
        if state is None:
            return []
        room = self._room(state)
        found = self.factory.states(room.name)
        return [
            {
                "host": host.name,
                "state": found.get(container(room, host.name), "absent"),
                "systemd": self._systemd(room, host.name),
                "addresses": " ".join(host.addresses.values()),
            }
            for host in room.hosts
        ]

    def ssh_command(self, host: str, words: Sequence[str]) -> list[str]:
        """Return the ssh command line for a host of the running testbed.

        Raises:
            InputError: The testbed is not up, or has no such host.
        """
        self._require_up()
        state = self.folder.load_or_create()
        hosts = {item.name: item for item in self._room(state).hosts}
        if host not in hosts:
            raise InputError(f"no host {host!r}", remedy=f"one of {', '.join(hosts)}")
        address = next(iter(hosts[host].addresses.values()))
        options = Identity(self.folder).options()
        return ["ssh", *options, f"root@{address}", *words]

    def create_small(
        self, name: str, hosts: Sequence[str], wires: Sequence[str]
    ) -> tuple[list[str], Path]:
        """Make a small room for Molecule.

        Returns:
            The hosts that were made or started, and the room's inventory source.
        """
        self.prepare_machine(small=True)
        state = self.folder.load_or_create()
        room = rooms.small(state, self.folder.podman(), name, hosts, wires)
        tag, variables = self.supplies()
        source = f"rooms/{name}/{OVERLAY}"
        changed = self._make(room, tag, name, source, variables)
        return changed, self.folder / source

    def destroy_small(self, name: str) -> list[str]:
        """Remove a small room; returns the names of what was removed."""
        state = self.folder.load()
        return self.factory.destroy(f"forge-{state.id}-{name}") if state else []

    def prepare_machine(self, *, small: bool = False) -> None:
        """Do what can be done about the machine, then refuse what is left."""
        disks = [self.cache, Path("/var/lib/containers")]
        for line in preflight.prepare(preflight.look(disks)):
            self._say(line)
        running = small or any(row["state"] == "running" for row in self.status())
        preflight.require(preflight.look(disks), running=running)

    def supplies(self) -> tuple[str, dict[str, object]]:
        """Make what hosts are made of and get from the controller.

        Returns:
            Tag of the host image, and the variables that name the rest.
        """
        versions = artifacts.load(self.checkout / VERSIONS)
        recipe = image.Recipe(self.checkout, versions.pins.debian.suite)
        podman = self.folder.podman()
        self._say(f"host image: {recipe.tag()}")
        tag = image.ensure(podman, recipe, self.cache / "hosts")
        names = packages.named_by_roles(self.checkout / "roles")
        archive = packages.ensure(podman, tag, names, self.cache / "packages")
        kept = artifacts.Cache(self.cache)
        arch = artifacts.host_arch()
        kubernetes = artifacts.resolve_k3s(versions, kept, arch)
        with Display(self.console) as display:
            for name in (kubernetes, "etcd", "ollama"):
                made = artifacts.ensure(
                    name, arch, versions=versions, cache=kept, progress=display
                )
                self._say(f"{name} {made.version}: {made.source}")
            for model in models.ensure(self.checkout, self.cache, display).values():
                self._say(f"model {model.name}: licence {model.licence}")
        variables: dict[str, object] = {
            "node_base_package_source": "controller",
            "node_base_package_archive": str(archive),
            "k3s_artifact": kubernetes,
            "k3s_token_controller_file": str(self._token()),
            "k3s_kubeconfig_path": str(self.folder / "kubeconfig"),
            "verify_report": str(self.folder / "verify.json"),
        }
        if kubernetes == STANDIN:
            variables["verify_image"] = STANDIN_PROBE_IMAGE
        return tag, variables

    def _token(self) -> Path:
        """Make the cluster's token at the first use, 0600, outside git."""
        path = self.folder / "secrets" / "k3s-token"
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            replace_file(path, secrets.token_hex(32).encode() + b"\n")
        return path

    def _make(
        self,
        room: Room,
        tag: str,
        name: str,
        inventory: str,
        variables: Mapping[str, object],
    ) -> list[str]:
        identity = Identity(self.folder, name)
        changed = self.factory.create(room, tag, identity.public_key())
        identity.trust(
            {host: self.factory.host_key(room, host.name) for host in room.hosts}
        )
        overlay.write(self.folder, inventory, room, identity, variables)
        return changed

    def _room(self, state: State) -> Room:
        return rooms.testbed(
            state, self.checkout / "inventory" / "testbed" / "hosts.yml"
        )

    def _require_up(self) -> None:
        if not (self.folder / OVERLAY).exists():
            raise InputError("the testbed of this checkout is not up", remedy="make up")

    def _systemd(self, room: Room, host: str) -> str:
        try:
            return self.folder.podman().run(
                "exec", container(room, host), "systemctl", "is-system-running"
            )
        except PodmanError:
            return "not running"

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False)
