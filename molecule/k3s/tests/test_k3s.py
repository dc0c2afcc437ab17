"""A server and an agent, judged by what they do. The order of the tests counts."""

import json
import os
import re
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from testinfra.host import Host

if TYPE_CHECKING:
    from conftest import Room

type Hosts = Mapping[str, Host]
type Converge = Callable[..., subprocess.CompletedProcess[str]]
type Document = dict[str, Any]

ROOT = Path(__file__).parents[3]
UNITS = {"one": "k3s", "two": "k3s-agent"}
IMAGES = "/var/lib/rancher/k3s/agent/images"
MARK = "kept-out-of-the-datastore"
# Ends every SSH connection that carried more than this; new ones are let in. Those
# that are open are counted from here, whichever side seems to have opened them.
CUT_BYTES = 40_000_000
CUT = f"""
sysctl --quiet net.netfilter.nf_conntrack_acct=1
nft add table inet cut
nft 'add chain inet cut input {{ type filter hook input priority -5; }}'
nft add rule inet cut input tcp dport 22 ct bytes \\> {CUT_BYTES} reject with tcp reset
conntrack --delete --proto tcp --dport 22
conntrack --delete --proto tcp --sport 22
nft list table inet cut && rm "$(readlink --canonicalize /usr/local/bin/k3s)"
"""
# What the second half of the tests converges with: a registry more, labels and the
# agent's taint gone.
CHANGED = {
    "k3s_registries": {"mirrors": {"example.org": {"endpoint": ["https://192.0.2.9"]}}},
    "k3s_labels": {"forge.dev/role": "changed"},
    "k3s_taints": [],
}


def kubectl(hosts: Hosts, *words: str, check: bool = True) -> str:
    """Run kubectl on the server, as root there does."""
    command = " ".join(["kubectl", *words])
    done = hosts["one"].run(command)
    assert done.rc == 0 or not check, f"{command}: {done.stderr}"
    return str(done.stdout if check else done.stdout + done.stderr)


def nodes(hosts: Hosts) -> dict[str, Document]:
    items = json.loads(kubectl(hosts, "get", "nodes", "--output=json"))["items"]
    return {item["metadata"]["name"]: item for item in items}


def until(what: str, holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.5)


def starts(hosts: Hosts) -> dict[str, int]:
    """Count how often each host's service was started."""
    return {
        name: int(
            hosts[name].check_output(
                f"journalctl --unit={unit} --output=cat | grep --count '^Started '"
            )
        )
        for name, unit in UNITS.items()
    }


def run_pod(hosts: Hosts, image: str, name: str, **spec: object) -> None:
    container = {"name": "c", "image": image, "command": ["sleep", "600"]}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], **spec}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    hosts["one"].check_output(f"echo '{json.dumps(pod)}' | kubectl apply --filename=-")


def pod(hosts: Hosts, name: str) -> Document:
    return dict(json.loads(kubectl(hosts, "get", "pod", name, "--output=json")))


@dataclass(frozen=True)
class Secrets:
    """The secret part of each token, as the hosts have it."""

    server: str
    agent: str


@pytest.fixture(scope="module")
def secrets(hosts: Hosts) -> Secrets:
    read = hosts["one"].check_output
    return Secrets(
        read("cat /etc/rancher/k3s/token"), read("cat /etc/rancher/k3s/agent-token")
    )


@pytest.fixture(scope="module")
def kubeconfig() -> Path:
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "kubeconfig"


@pytest.fixture(scope="module")
def image(room: "Room") -> str:
    """A busybox that is among the airgap images."""
    defaults = yaml.safe_load((ROOT / "roles/verify/defaults/main.yml").read_text())
    return str(room.variables.get("verify_image", defaults["verify_image"]))


def test_nodes_run_the_pinned_version(hosts: Hosts, room: "Room") -> None:
    pins = yaml.safe_load((ROOT / "versions.yml").read_text())
    version = pins["artifacts"][room.variables["k3s_artifact"]]["version"]

    for node in nodes(hosts).values():
        status = node["status"]
        assert status["nodeInfo"]["kubeletVersion"] == version
        ready = [c for c in status["conditions"] if c["type"] == "Ready"]
        assert ready[0]["status"] == "True"
    assert nodes(hosts).keys() == UNITS.keys()


def test_node_has_the_declared_address_labels_and_taint(
    hosts: Hosts, room: "Room"
) -> None:
    for name, node in nodes(hosts).items():
        addresses = {a["type"]: a["address"] for a in node["status"]["addresses"]}
        assert addresses["InternalIP"] == room.addresses[name]["cluster"]
    two = nodes(hosts)["two"]

    assert two["metadata"]["labels"]["example.org/rack"] == "7"
    assert two["spec"]["taints"] == [
        {"key": "example.org/dedicated", "value": "trial", "effect": "NoSchedule"}
    ]


def test_pod_runs_on_the_server_and_none_on_the_tainted_agent(
    hosts: Hosts, image: str
) -> None:
    run_pod(hosts, image, "free")
    run_pod(hosts, image, "bound", nodeSelector={"kubernetes.io/hostname": "two"})
    until("Pod runs", lambda: pod(hosts, "free")["status"]["phase"] == "Running")

    assert pod(hosts, "free")["spec"]["nodeName"] == "one"
    assert "nodeName" not in pod(hosts, "bound")["spec"]
    # Through the API server to the kubelet: certificates and the firewall's flows.
    assert kubectl(hosts, "exec", "free", "--", "hostname").strip() == "free"


def test_privileged_pod_is_refused(hosts: Hosts, image: str) -> None:
    answer = kubectl(
        hosts, "run", "bad", f"--image={image}", "--privileged", "--restart=Never",
        check=False,
    )  # fmt: skip

    assert "violates PodSecurity" in answer


def test_secret_is_encrypted_where_a_configmap_is_not(hosts: Hosts) -> None:
    for kind in ("secret generic", "configmap"):
        value = f"{MARK}-{kind.split()[0]}"
        kubectl(hosts, "create", kind, "probe", f"--from-literal=value={value}")
    raw = "/var/lib/rancher/k3s/server/db/etcd/member"

    def found(text: str) -> bool:
        command = f"grep --recursive --quiet --text --fixed-strings '{text}' {raw}"
        return hosts["one"].run(command).rc == 0

    assert found(f"{MARK}-configmap"), "the datastore is not where it is looked for"
    assert not found(f"{MARK}-secret")
    assert found("k8s:enc:")


def test_audit_log_tells_who_and_not_what(hosts: Hosts) -> None:
    log = hosts["one"].file("/var/lib/rancher/k3s/server/logs/audit.log")
    text = log.content_string

    assert '"resource":"secrets"' in text
    assert f"{MARK}-secret" not in text
    assert log.mode == 0o600


def test_anonymous_request_is_refused(hosts: Hosts) -> None:
    code = (
        "import ssl, urllib.request, urllib.error\n"
        "try: urllib.request.urlopen('https://127.0.0.1:6443/version',"
        " context=ssl._create_unverified_context())\n"
        "except urllib.error.HTTPError as error: print(error.code)"
    )

    assert hosts["one"].check_output(f'python3 -c "{code}"') == "401"


# The patterns are read from a file of root: they must not be arguments either.
SEARCH = """
umask 077
sed 's/.*://' /etc/rancher/k3s/*token > /root/patterns
found() { grep --quiet --text --fixed-strings --file=/root/patterns; }
found < /etc/rancher/k3s/token || echo the search itself
cat /proc/[0-9]*/cmdline 2>/dev/null | found && echo process list
cat /proc/[0-9]*/environ 2>/dev/null | found && echo environment
systemctl cat k3s\\* | found && echo unit
journalctl | found && echo journal
find / -xdev -type f -perm /o+r -size -2M ! -path '/proc/*' ! -path '/sys/*' \\
    -exec grep --files-with-matches --text --fixed-strings --file=/root/patterns {} +
rm /root/patterns
"""


def test_token_is_in_files_of_root_and_nowhere_else(hosts: Hosts) -> None:
    for name, host in hosts.items():
        assert host.file("/etc/rancher/k3s/token").mode == 0o600
        found = host.run(f"bash -c '{SEARCH.replace("'", "'\\''")}'").stdout

        assert found == "", f"{name}: {found}"


def test_agent_does_not_hold_the_servers_token(hosts: Hosts, secrets: Secrets) -> None:
    held = hosts["two"].check_output("cat /etc/rancher/k3s/token")

    assert held.startswith("K10")
    assert held.endswith(secrets.agent)
    assert secrets.server not in held


def test_kubeconfig_on_the_controller_leads_to_the_cluster(kubeconfig: Path) -> None:
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
    assert yaml.safe_load(kubeconfig.read_text())["current-context"] == "molecule"


def test_two_runs_started_each_service_once(hosts: Hosts) -> None:
    # Molecule converged twice before: the second run restarted nothing.
    assert starts(hosts) == dict.fromkeys(UNITS, 1)


@pytest.fixture(scope="module")
def changed(hosts: Hosts, converge: Converge, kubeconfig: Path) -> dict[str, Any]:
    """Converge with changes: while the agent's disk is full, then while connections
    to it are cut in mid-copy, then without a fault."""
    document = yaml.safe_load(kubeconfig.read_text())
    document["contexts"].append({"name": "theirs", "context": {"cluster": "theirs"}})
    document["clusters"].append({"name": "theirs", "cluster": {"server": "https://x"}})
    kubeconfig.write_text(yaml.safe_dump(document))
    hosts["two"].check_output(f"mount -t tmpfs -o size=1m tmpfs {IMAGES}")
    failed = converge("--limit=two", "--tags=k3s_install", **CHANGED)
    after_failed = starts(hosts)
    hosts["two"].check_output(f"umount {IMAGES}")
    hosts["two"].check_output(CUT)
    cut = converge("--limit=two", "--tags=k3s_install", **CHANGED)
    hosts["two"].check_output("nft delete table inet cut")
    then = converge(**CHANGED)
    return {"failed": failed, "after_failed": after_failed, "cut": cut, "then": then}


def test_full_disk_is_named_with_host_cause_and_remedy(changed: Document) -> None:
    output = changed["failed"].stdout

    assert changed["failed"].returncode != 0
    assert re.search(r"two: k3s-airgap-images-amd64\.tar\S* was not copied", output)
    assert "Free space" in output
    # The host whose disk was full kept what it ran.
    assert changed["after_failed"]["two"] == 1


def test_connection_cut_in_mid_copy_is_named(changed: Document) -> None:
    output = changed["cut"].stdout

    assert changed["cut"].returncode != 0
    assert "fatal: [two]: UNREACHABLE!" in output
    assert "Make sure this host can be reached over ssh" in " ".join(output.split())


def test_next_run_converges_and_restarts_each_node_once(
    hosts: Hosts, changed: Document
) -> None:
    assert changed["then"].returncode == 0, changed["then"].stdout
    assert starts(hosts) == dict.fromkeys(UNITS, 2)
    for name in UNITS:
        assert hosts[name].file("/etc/rancher/k3s/registries.yaml").mode == 0o600


def test_label_and_taint_that_are_gone_are_removed(
    hosts: Hosts, changed: Document
) -> None:
    assert changed["then"].returncode == 0
    two = nodes(hosts)["two"]

    assert two["metadata"]["labels"]["forge.dev/role"] == "changed"
    assert "example.org/rack" not in two["metadata"]["labels"]
    assert two["metadata"]["labels"]["kubernetes.io/os"] == "linux"
    assert "taints" not in two["spec"]
    # So the Pod that waited for the tainted node runs there now.
    until("Pod runs", lambda: pod(hosts, "bound")["status"]["phase"] == "Running")


def test_pods_outlive_the_restart(hosts: Hosts, changed: Document) -> None:
    assert changed["then"].returncode == 0
    [container] = pod(hosts, "free")["status"]["containerStatuses"]

    assert container["restartCount"] == 0


def test_context_of_someone_else_is_kept(kubeconfig: Path, changed: Document) -> None:
    assert changed["then"].returncode == 0
    contexts = yaml.safe_load(kubeconfig.read_text())["contexts"]

    assert {context["name"] for context in contexts} == {"molecule", "theirs"}
