"""The contract that K3s and the stand-in share, run against one program by path.

    pytest tests/integration/k3s_contract [--k3s-binary PATH] [--k3s-images TAR]

Without a path the program that the testbed would run is used. Hosts come from the
project's host factory; ``--k3s-hosts FILE`` names others (JSON: a list of two objects
with ``name``, ``address`` and ``command``, the words that run a shell command there).
"""

import json
import os
import secrets
import shlex
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from forge import artifacts, paths
from forge.artifacts.progress import SILENT
from forge.testbed.lifecycle import Testbed

ROOM = "k3s-contract"
NAMES = ("contract-server", "contract-agent")
CHECKOUT = paths.checkout(Path(__file__).parent)
DATA = "/var/lib/rancher/k3s"
REGISTRY_PORT = 5055
# As K3s's installation script writes it.
# Source: https://docs.k3s.io/installation/requirements and get.k3s.io
UNIT = """
[Unit]
After=network-online.target
[Service]
Type=notify
EnvironmentFile=-/etc/systemd/system/{unit}.service.env
KillMode=process
Delegate=yes
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStart=/usr/local/bin/k3s {command}
[Install]
WantedBy=multi-user.target
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("k3s contract")
    group.addoption("--k3s-binary", default=os.environ.get("FORGE_K3S_BINARY"))
    group.addoption("--k3s-images", default=os.environ.get("FORGE_K3S_IMAGES"))
    group.addoption("--k3s-hosts", default=os.environ.get("FORGE_K3S_HOSTS"))


def pytest_ignore_collect() -> bool | None:
    """Leave the rows to a run of their own: they share one cluster."""
    return True if "PYTEST_XDIST_WORKER" in os.environ else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the services' journals with a failed row."""
    report = yield
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and isinstance(cluster, Cluster):
        for host in (cluster.server, cluster.agent):
            script = "journalctl -o short-precise -u k3s -u k3s-agent --no-pager -n 400"
            said = host.call(f"{script} | grep -E 'k3s]|Error|systemd' | tail -n 40")
            report.sections.append((host.name, said.stdout.decode()))
    return report


@dataclass(frozen=True)
class Host:
    """One machine and how a command is run there."""

    name: str
    address: str
    command: list[str]

    def call(
        self, script: str, data: bytes | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self.command, script],
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            check=False,
            timeout=timeout,
        )

    def run(self, script: str, data: bytes | None = None, timeout: float = 120) -> str:
        """Run a shell script and return what it printed; it has to succeed."""
        done = self.call(script, data, timeout)
        text = done.stdout.decode().strip()
        assert done.returncode == 0, (
            f"{self.name}: {script}\nended with {done.returncode}\n"
            f"{text}\n{done.stderr.decode()}"
        )
        return text

    def write(self, path: str, content: str | bytes, mode: str = "0600") -> None:
        data = content.encode() if isinstance(content, str) else content
        quoted = shlex.quote(path)
        self.run(
            f"mkdir -p $(dirname {quoted}) && rm -f {quoted} && "
            f"umask 077 && cat > {quoted} && chmod {mode} {quoted}",
            data,
        )


@dataclass
class Cluster:
    """A server and an agent of the program under test."""

    server: Host
    agent: Host
    token: str
    probe: str = ""
    password: str = field(default_factory=lambda: secrets.token_hex(8))

    def kubectl(self, words: str, data: str | None = None, timeout: float = 120) -> str:
        raw = None if data is None else data.encode()
        return self.server.run(f"k3s kubectl {words}", raw, timeout)

    def get(self, words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl(f"get {words} -o json"))
        return found

    def until(
        self, what: str, check: Callable[[], object], seconds: float = 60
    ) -> None:
        """Wait until a check neither fails nor returns something false."""
        deadline = time.monotonic() + seconds
        reason = ""
        while time.monotonic() < deadline:
            try:
                if check():
                    return
            except (AssertionError, KeyError, IndexError) as error:
                reason = str(error)
            time.sleep(0.5)
        pytest.fail(f"{what}: not within {seconds:.0f} s {reason[-1500:]}")

    def pod(
        self, name: str, host: Host, command: str = "exec sleep 86400", **more: object
    ) -> None:
        """Run the probe image on one node, and wait until it is ready."""
        container = {
            "name": "probe",
            "image": self.probe,
            "command": ["sh", "-c", command],
            **more,
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "nodeName": host.name,
                "terminationGracePeriodSeconds": 0,
                "tolerations": [{"operator": "Exists"}],
                "containers": [container],
            },
        }
        self.kubectl("apply -f -", json.dumps(pod))
        self.kubectl(f"wait --for=condition=Ready --timeout=90s pod/{name}")


@pytest.fixture(scope="session")
def hosts(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Host]]:
    given = request.config.getoption("--k3s-hosts")
    if given:
        first, second = (Host(**row) for row in json.loads(Path(given).read_text()))
        yield first, second
        return
    testbed = Testbed(CHECKOUT, paths.cache(), Console(stderr=True))
    try:
        testbed.create_small(ROOM, NAMES, ["cluster"])
        made = yaml.safe_load(
            (testbed.folder / f"rooms/{ROOM}/inventory.yml").read_text()
        )["all"]
        server, agent = (_made_host(made, name) for name in NAMES)
        for host in (server, agent):
            _install_packages(host, Path(made["vars"]["node_base_package_archive"]))
        yield server, agent
    finally:
        testbed.destroy_small(ROOM)


def _made_host(inventory: dict[str, Any], name: str) -> Host:
    address = inventory["hosts"][name]["ansible_host"]
    options = shlex.split(inventory["vars"]["ansible_ssh_common_args"])
    # One connection per host for the whole run.
    shared = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60"]
    shared += ["-o", "ControlPath=/tmp/forge-contract-%C"]
    return Host(name, address, ["ssh", *options, *shared, f"root@{address}"])


def _install_packages(host: Host, archive: Path) -> None:
    """Install what K3s needs of the host from the controller's packages."""
    host.run("mkdir -p /var/tmp/packages && tar -x -C /var/tmp/packages",
             archive.read_bytes())  # fmt: skip
    host.run("""
        cd /var/tmp/packages && cd $(dirname $(find . -name Packages))
        rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
        echo "deb [trusted=yes] file:$PWD ./" > /etc/apt/sources.list.d/contract.list
        apt-get update -q
        apt-get install -qy --no-install-recommends nftables conntrack
    """)


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest) -> dict[str, Path]:
    """The program and, if there is one, its image archive."""
    binary = request.config.getoption("--k3s-binary")
    images = request.config.getoption("--k3s-images")
    if binary:
        found = {"k3s": Path(binary)}
        return found | ({"images": Path(images)} if images else {})
    versions = artifacts.load(CHECKOUT / "versions.yml")
    cache, arch = artifacts.Cache(paths.cache()), artifacts.host_arch()
    name = artifacts.resolve_k3s(versions, cache, arch)
    files = artifacts.ensure(
        name, arch, versions=versions, cache=cache, progress=SILENT
    ).files
    archive = next(path for file, path in files.items() if "airgap" in file)
    return {"k3s": files["k3s"], "images": archive}


def _install(host: Host, unit: str, command: str, program: dict[str, Path]) -> None:
    host.write("/usr/local/bin/k3s", program["k3s"].read_bytes(), "0755")
    host.run("cd /usr/local/bin && ln -sf k3s kubectl && ln -sf k3s ctr")
    if "images" in program:
        archive = program["images"]
        host.write(f"{DATA}/agent/images/{archive.name}", archive.read_bytes())
    host.write(
        f"/etc/systemd/system/{unit}.service",
        UNIT.format(unit=unit, command=command),
        "0644",
    )
    host.run("systemctl daemon-reload")


def _config(host: Host, name: str, content: dict[str, object]) -> None:
    host.write(f"/etc/rancher/k3s/{name}", yaml.safe_dump(content))


@pytest.fixture(scope="session")
def cluster(hosts: tuple[Host, Host], program: dict[str, Path]) -> Cluster:
    """A server and an agent, configured so that each row finds its case."""
    server, agent = hosts
    made = Cluster(server, agent, token=secrets.token_hex(16))
    _install(server, "k3s", "server --node-label contract.test/cli=yes", program)
    server.write("/etc/rancher/k3s/token", made.token + "\n")
    _config(server, "config.yaml", {
        "cluster-init": True, "token-file": "/etc/rancher/k3s/token",
        "node-ip": server.address, "node-name": "not-this-one",
        "tls-san": ["one.contract.test"], "write-kubeconfig-mode": "0640",
        "secrets-encryption": True, "node-label": ["contract.test/file=yes"],
        "disable": ["traefik", "servicelb", "metrics-server", "local-storage"],
        "kubelet-arg": ["max-pods=50"],
        "etcd-snapshot-schedule-cron": "* * * * *", "etcd-snapshot-retention": 2,
    })  # fmt: skip
    _config(server, "config.yaml.d/20-later.yaml", {"node-name": server.name})
    _config(server, "config.yaml.d/10-sooner.yaml", {
        "node-name": "nor-this-one", "tls-san+": ["two.contract.test"],
        "kubelet-arg": ["max-pods=60"],
    })  # fmt: skip
    server.run("systemctl start k3s", timeout=240)

    _install(agent, "k3s-agent", "agent", program)
    secure = server.run(f"cat {DATA}/server/node-token")
    agent.write(
        "/etc/systemd/system/k3s-agent.service.env",
        f"K3S_URL=https://{server.address}:6443\nK3S_TOKEN={secure}\n",
    )
    _config(agent, "config.yaml", {
        "node-ip": agent.address, "node-name": agent.name,
        "node-label": ["contract.test/a=1"],
        "node-taint": ["contract.test/only=probes:NoSchedule"],
    })  # fmt: skip
    endpoint = f"{server.address}:{REGISTRY_PORT}"
    _config(agent, "registries.yaml", {
        "mirrors": {"mirror.contract.test": {"endpoint": [f"http://{endpoint}"]}},
        "configs": {endpoint: {
            "auth": {"username": "contract", "password": made.password}}},
    })  # fmt: skip
    agent.run("systemctl start k3s-agent", timeout=240)
    listed = server.run("k3s ctr -n k8s.io images list -q").splitlines()
    made.probe = next(name for name in listed if "busybox" in name)
    return made
