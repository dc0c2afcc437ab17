"""The testbed from nothing to nothing. The tests run in this order, on one testbed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config
from rich.console import Console

from forge.testbed import lifecycle
from forge.testbed.image import REPOSITORY
from forge.testbed.state import Folder

from .conftest import CHECKOUT, Forge

type Ssh = Callable[..., str]

AGENT = "worker-03"

pytestmark = pytest.mark.timeout(1800)  # seconds: a run of site.yml on a busy machine


def machine(folder: Folder) -> dict[str, set[str]]:
    """What of this machine a testbed could leave behind."""
    links = json.loads(subprocess.check_output(["ip", "-json", "link"]))
    podman = folder.podman()
    return {
        "interfaces": {link["ifname"] for link in links},
        "mounts": {
            line.split()[4]
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
        },
        "containers": {row["Id"] for row in podman.containers()},
        "networks": {row["name"] for row in podman.networks()},
        "volumes": set(podman.volumes()),
    }


def processes(folder: Folder) -> list[str]:
    """Command lines that belong to a container or an SSH session of the folder."""
    state = folder.load()
    marks = [str(folder.path)] + ([f"forge-{state.id}"] if state else [])
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if any(mark in line for mark in marks) and str(os.getpid()) not in str(entry):
            found.append(line)
    return found


@pytest.fixture(scope="module")
def before(folder: Folder) -> dict[str, set[str]]:
    """The machine as it was before anything was made."""
    # The first use of podman mounts its own storage once and for all.
    folder.podman().run("info")
    return machine(folder)


@pytest.fixture(scope="module")
def api(testbed: Folder) -> client.CoreV1Api:
    load: Any = config.new_client_from_config  # without types
    configuration = load(str(testbed / "kubeconfig"))
    return client.CoreV1Api(configuration)


def container_name(folder: Folder, host: str) -> str:
    state = folder.load()
    assert state is not None
    return f"forge-{state.id}-{host}"


def report(folder: Folder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "verify.json").read_text())
    return found


def start(action: str) -> subprocess.Popen[str]:
    """Start a `forge testbed` command that the test will disturb."""
    # A run in the background of a shell ignores SIGINT, and so do its children.
    words = ["env", "--default-signal=INT", sys.executable, "-m", "forge", "testbed"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*words, action], cwd=CHECKOUT, stdout=pipe, stderr=pipe, text=True
    )


@pytest.mark.usefixtures("before")
def test_an_interrupted_up_goes_on(folder: Folder) -> None:
    assert not (folder / "inventory.yml").exists()
    started = start("up")
    deadline = time.monotonic() + 900
    while not (folder / "inventory.yml").exists():
        assert time.monotonic() < deadline
        assert started.poll() is None
        time.sleep(0.2)
    time.sleep(8)  # in the middle of the first tasks on the hosts
    started.send_signal(signal.SIGINT)
    _, error = started.communicate(timeout=120)
    assert started.returncode == 130
    assert "run the same command to go on" in error
    assert [line for line in processes(folder) if "ansible-playbook" in line] == []


def test_up_ends_verified(testbed: Folder) -> None:
    found = report(testbed)
    assert found["passed"] is True
    assert found["disruptive"] is False
    version = found["kubernetes"]
    named = "K3s stand-in" if "standin" in version else "K3s"
    assert found["distribution"] == named
    assert [check["name"] for check in found["checks"]] == [
        "nodes", "metadata", "placement", "network", "encryption", "firewall",
        "platform", "gate", "engines", "inference",
    ]  # fmt: skip
    details = {check["name"]: check["detail"] for check in found["checks"]}
    for name in ("worker-02", "mac-studio"):
        assert f"forge.internal/witness/{name}" in details["gate"]
    assert details["platform"] == "minio, registry, prometheus"
    assert "store configured, its newest head read back" in details["gate"]
    for name in ("m4-pro", "mac-studio"):
        for model in ("gemma3-270m", "noise-mlx"):
            assert f"{model} on {name}" in details["engines"]
            served = model if name == "m4-pro" else f"{model}@{name}"
            assert served in details["inference"]
    assert "forged tool call denied" in details["inference"]


def test_status_shows_every_host_running(forge: Forge, hosts: list[str]) -> None:
    rows = json.loads(forge("testbed", "status", "--json").stdout)
    assert sorted(row["host"] for row in rows) == hosts
    assert {row["systemd"] for row in rows} == {"running"}


def test_a_second_up_changes_nothing(forge: Forge, hosts: list[str]) -> None:
    done = forge("testbed", "up", "--json")
    changed = json.loads(done.stdout.splitlines()[-1])["changed"]
    assert set(hosts) <= set(changed)
    assert {host: n for host, n in changed.items() if n} == {}


def test_check_mode_of_a_converged_testbed_announces_nothing(forge: Forge) -> None:
    done = forge("testbed", "site", "--check", "--json")
    changed = json.loads(done.stdout.splitlines()[-1])["changed"]
    assert {host: n for host, n in changed.items() if n} == {}


def overlay(folder: Folder, **hosts: dict[str, Any]) -> str:
    """One more inventory source; hyphens of host names are underscores here."""
    named = {name.replace("_", "-"): values for name, values in hosts.items()}
    path = folder / "change.yml"
    path.write_text(yaml.safe_dump({"all": {"hosts": named}}))
    return str(path)


def test_a_changed_label_and_a_removed_taint_are_reconciled(
    forge: Forge, testbed: Folder, api: client.CoreV1Api
) -> None:
    taint = {"key": "forge.dev/test", "value": "x", "effect": "NoSchedule"}

    def apply(label: str, taints: list[dict[str, str]]) -> None:
        labels = {"forge.dev/role": "gitops", "forge.dev/test": label}
        source = overlay(
            testbed, worker_03={"forge_labels": labels, "forge_taints": taints}
        )
        forge("testbed", "site", "--inventory", source, "--tags", "k3s_metadata")

    def seen() -> tuple[str | None, list[str]]:
        node: Any = api.read_node(AGENT)
        taints = [item.key for item in node.spec.taints or []]
        return node.metadata.labels.get("forge.dev/test"), taints

    apply("first", [taint])
    assert seen() == ("first", ["forge.dev/test"])
    apply("second", [])
    assert seen() == ("second", [])
    forge("testbed", "site", "--tags", "k3s_metadata")
    assert seen() == (None, [])


SEARCH = r"""
umask 077
patterns=$(mktemp); trap 'rm -f "$patterns"' EXIT
cat > "$patterns"
grep -lF -f "$patterns" /proc/[0-9]*/cmdline 2>/dev/null
find / -xdev \( -path /proc -o -path /sys -o -path "$patterns" \) -prune \
  -o -type f -perm -o=r -size -4M -print0 2>/dev/null |
  xargs -0 -r grep -lF -f "$patterns" 2>/dev/null
find /etc/systemd /run/systemd /usr/lib/systemd -type f -print0 2>/dev/null |
  xargs -0 -r grep -lF -f "$patterns" 2>/dev/null
journalctl --no-pager --output=cat | grep -cF -f "$patterns" | grep -v '^0$'
exit 0
"""


def test_no_secret_value_can_be_read_on_any_host(
    testbed: Folder, ssh: Ssh, hosts: list[str]
) -> None:
    tls = "/var/lib/rancher/k3s/server"
    values = [
        (testbed / "secrets" / "k3s-token").read_text().strip(),
        ssh("control-01", "cat", f"{tls}/token").strip(),
        ssh("control-01", "sed", "-n", "3p", f"{tls}/tls/server-ca.key").strip(),
        *(
            key["secret"]
            for provider in json.loads(
                ssh("control-01", "cat", f"{tls}/cred/encryption-config.json")
            )["resources"][0]["providers"]
            for kind in provider.values()
            for key in (kind or {}).get("keys", [])
        ),
    ]
    assert len(values) >= 4
    assert all(len(value) >= 16 for value in values)
    for host in hosts:
        words = ssh_words(host)
        found = subprocess.run(
            [*words, SEARCH],
            input="\n".join(values) + "\n",
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        assert found.stdout.split() == [], host


def test_no_secret_value_is_kept_by_a_run(testbed: Folder) -> None:
    token = (testbed / "secrets" / "k3s-token").read_text().strip()
    leaked = [
        file
        for file in (testbed / "run").rglob("*")
        if file.is_file() and token in file.read_text(errors="replace")
    ]
    assert leaked == []


def ssh_words(host: str) -> list[str]:
    """The ssh command line of a host, for standard input that a test gives."""
    quiet = Console(quiet=True)
    return lifecycle.Testbed(CHECKOUT, Path(), quiet).ssh_command(host, [])


def test_the_search_for_secrets_finds_one(ssh: Ssh) -> None:
    ssh(AGENT, "sh", "-c", "'echo planted-0123456789 > /etc/planted'")
    try:
        found = subprocess.run(
            [*ssh_words(AGENT), SEARCH],
            input="planted-0123456789\n",
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
    finally:
        ssh(AGENT, "rm", "/etc/planted")
    assert "/etc/planted" in found.stdout.split()


def test_a_dead_host_is_named_with_a_remedy_and_the_next_run_converges(
    forge: Forge, testbed: Folder
) -> None:
    name = container_name(testbed, AGENT)
    testbed.podman().run("stop", "--time", "10", name)
    try:
        done = forge("testbed", "site", check=False)
    finally:
        testbed.podman().run("start", name)
    assert done.returncode == 1
    assert f"{AGENT}: " in done.stderr
    assert "unreachable" in done.stderr
    assert "remedy: see that worker-03 runs" in done.stderr
    forge("testbed", "site")
    assert report(testbed)["passed"] is True


def test_a_connection_lost_in_mid_run_is_named_and_the_next_run_converges(
    forge: Forge, testbed: Folder
) -> None:
    name = container_name(testbed, AGENT)
    started = start("site")
    assert started.stdout is not None
    assert any("Bring up the agents" in line for line in started.stdout)
    testbed.podman().run("pause", name)
    try:
        _, error = started.communicate(timeout=600)
    finally:
        testbed.podman().run("unpause", name)
    assert started.returncode == 1
    assert f"{AGENT}: " in error
    assert "remedy:" in error
    forge("testbed", "site")
    assert report(testbed)["passed"] is True


def test_verify_survives_restarts(forge: Forge, testbed: Folder) -> None:
    forge("testbed", "verify")
    found = report(testbed)
    assert found["passed"] is True
    assert found["disruptive"] is True
    checks = {check["name"]: check["detail"] for check in found["checks"]}
    assert [*checks][-2:] == ["governance", "restart"]
    for said in ("a steward approves: approved", "nobody answers: expired"):
        assert said in checks["governance"]


def test_a_testbed_of_another_checkout_is_named_and_left_alone(
    forge: Forge, testbed: Folder
) -> None:
    podman = testbed.podman()
    image = podman.json(
        "images", "--format", "json", "--filter", f"reference={REPOSITORY}"
    )
    other = podman.run(
        "run", "--detach", "--network", "none", "--label", "forge.room=forge-other",
        "--label", "forge.checkout=/elsewhere", image[0]["Id"], "sleep", "300",
    )  # fmt: skip
    try:
        assert "forge-other of /elsewhere" in forge("testbed", "status").stdout
        forge("testbed", "down")
        rows = podman.containers(f"id={other}")
        assert [row["State"] for row in rows] == ["running"]
    finally:
        podman.run("rm", "--force", "--time", "0", other)


def test_down_leaves_nothing(
    before: dict[str, set[str]], forge: Forge, testbed: Folder
) -> None:
    forge("testbed", "down")
    assert not list((testbed / "state").glob("*/applied.json"))
    after = machine(testbed)
    left = {kind: after[kind] - before[kind] for kind in after}
    assert left == {kind: set() for kind in after}
    assert processes(testbed) == []
