"""What node_base promises, tried on two hosts from the outside."""

import subprocess
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from testinfra.host import Host

if TYPE_CHECKING:
    from conftest import Converge, Room

API, OTHER, METRICS = 6443, 7777, 9100

# Prints what a TCP connection meets: someone who answers, a refusal, or nothing at all.
KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1.5).close()
    print('open')
except TimeoutError:
    print('dropped')
except OSError as error:
    print(error)
"""


def knock(room: "Room", source: str, target: str, wire: str, port: int) -> str:
    """Try a connection from a host, or from the controller, to a host's address."""
    words = ["python3", "-c", KNOCK, room.addresses[target][wire], str(port)]
    if source == "controller":
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    else:
        quoted = " ".join(f"'{word.replace("'", '"')}'" for word in words)
        done = room.ssh(source, quoted)
    return done.stdout.strip()


def digest(host: Host) -> str:
    """The digest that the loaded table carries."""
    return host.check_output("nft list table inet forge | grep -o 'sha256:[0-9a-f]*'")


@pytest.fixture(scope="module", autouse=True)
def listeners(room: "Room") -> Iterator[None]:
    """Someone listens on alpha, on every address, at a declared and another port."""
    units = {f"listen-{port}": port for port in (API, OTHER)}
    for unit, port in units.items():
        start = f"systemd-run --quiet --collect --unit={unit}"
        command = f"{start} socat TCP-LISTEN:{port},fork,reuseaddr SYSTEM:true"
        done = room.ssh("alpha", command)
        assert done.returncode == 0, done.stderr
        wait = f"until ss -ltn | grep -q :{port}; do sleep 0.1; done"
        assert room.ssh("alpha", wait).returncode == 0
    yield
    # The last test restarts the host, after which they may be gone.
    room.ssh("alpha", f"systemctl stop {' '.join(units)}")


@pytest.mark.parametrize(
    ("source", "wire", "port", "meets"),
    [
        ("beta", "cluster", API, "open"),
        ("controller", "cluster", API, "open"),
        ("beta", "boundary", API, "dropped"),
        ("beta", "cluster", OTHER, "dropped"),
        ("controller", "cluster", OTHER, "dropped"),
        ("beta", "cluster", 22, "dropped"),
        ("controller", "boundary", 22, "open"),
        ("beta", "cluster", METRICS, "open"),
        ("controller", "cluster", METRICS, "dropped"),
    ],
)
def test_alpha_lets_in_what_flows_declare(
    room: "Room", source: str, wire: str, port: int, meets: str
) -> None:
    assert knock(room, source, "alpha", wire, port) == meets


def test_metrics_of_beta_are_read_by_nobody_else(room: "Room") -> None:
    assert knock(room, "alpha", "beta", "cluster", METRICS) == "dropped"


def test_dropped_packets_are_counted_by_wire(
    room: "Room", hosts: dict[str, Host]
) -> None:
    count = "nft list counter inet forge dropped_boundary | grep -o 'packets [0-9]*'"
    before = int(hosts["alpha"].check_output(count).split()[1])
    knock(room, "beta", "alpha", "boundary", OTHER)
    assert int(hosts["alpha"].check_output(count).split()[1]) > before


@pytest.fixture
def wrong_wire(room: "Room") -> Iterator[None]:
    """Packets of beta with its cluster address reach alpha over the other wire."""
    alpha, beta = (room.addresses[name]["cluster"] for name in ("alpha", "beta"))
    device = "$(ip -o -4 address show to {} | cut -d' ' -f2)".format(
        room.addresses["beta"]["boundary"]
    )
    route = f"{alpha}/32 dev {device} src {beta}"
    assert room.ssh("beta", f"ip route add {route}").returncode == 0
    yield
    assert room.ssh("beta", f"ip route del {route}").returncode == 0


@pytest.mark.usefixtures("wrong_wire")
def test_declared_addresses_on_the_wrong_wire_are_dropped(room: "Room") -> None:
    assert knock(room, "beta", "alpha", "cluster", API) == "dropped"


def test_ssh_refuses_passwords(room: "Room") -> None:
    options, destination = room.login("alpha")
    ways = ["-o", "PreferredAuthentications=password,keyboard-interactive"]
    done = subprocess.run(
        ["ssh", *options, *ways, "-o", "PubkeyAuthentication=no",
         "-o", "NumberOfPasswordPrompts=1", destination, "true"],
        capture_output=True, text=True, check=False, timeout=20,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode != 0
    # sshd names what it would take: no password, no prompt.
    assert "Permission denied (publickey)" in done.stderr


def test_root_has_no_password(hosts: dict[str, Host]) -> None:
    assert hosts["alpha"].user("root").password.startswith(("!", "*"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vm.overcommit_memory", 1),
        ("vm.panic_on_oom", 0),
        ("kernel.panic", 10),
        ("kernel.panic_on_oops", 1),
        ("net.ipv4.ip_forward", 1),
    ],
)
def test_kernel_is_as_kubelet_demands(
    hosts: dict[str, Host], name: str, value: int
) -> None:
    assert hosts["alpha"].sysctl(name) == value


def test_the_machine_keeps_its_own_kernel_settings() -> None:
    with open("/proc/sys/kernel/panic", encoding="ascii") as file:  # noqa: PTH123
        assert file.read().strip() != "10"


def test_chrony_runs_and_leaves_the_shared_clock_alone(hosts: dict[str, Host]) -> None:
    assert hosts["alpha"].run("chronyc -n tracking").rc == 0
    # Debian's chronyd is two processes of the same command line.
    assert {
        p.args.split()[-1] for p in hosts["alpha"].process.filter(comm="chronyd")
    } == {"-x"}


def test_exporter_listens_on_the_cluster_only(
    room: "Room", hosts: dict[str, Host]
) -> None:
    own = room.addresses["alpha"]["cluster"]
    listening = hosts["alpha"].check_output(f"ss -Hltn sport = :{METRICS}")
    assert [line.split()[3] for line in listening.splitlines()] == [f"{own}:{METRICS}"]
    url = f"http://{own}:{METRICS}/metrics"
    page = f"import urllib.request as u; print(u.urlopen('{url}').read())"
    shown = hosts["beta"].check_output(f'python3 -c "{page}"')
    assert "node_memory_MemTotal_bytes" in shown


def test_names_lead_to_the_wires(room: "Room", hosts: dict[str, Host]) -> None:
    for name in ("beta", "beta.forge.internal"):
        found = hosts["alpha"].check_output(f"getent ahostsv4 {name} | head -1")
        assert found.split()[0] == room.addresses["beta"]["cluster"]


def test_changes_do_not_interrupt_sessions(
    room: "Room", hosts: dict[str, Host], converge: "Converge", authority: str
) -> None:
    """A new flow and a new authority come and go; an open session lives through it."""
    options, destination = room.login("alpha")
    before = digest(hosts["alpha"])
    with subprocess.Popen(
        ["ssh", *options, "-o", "ControlPath=none", destination, "cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as session:  # fmt: skip
        changed = converge(
            "--limit", "alpha", "--tags", "node_base_firewall,node_base_trust",
            forge_flows=[*flows(room), OTHER_FLOW],
            node_base_ca_certificates=[{"name": "example", "pem": authority}],
        )  # fmt: skip
        assert changed.returncode == 0, changed.stdout
        assert knock(room, "beta", "alpha", "cluster", OTHER) == "open"
        trusted = "openssl verify /usr/local/share/ca-certificates/forge/example.crt"
        assert hosts["alpha"].run(trusted).rc == 0
        restored = converge(
            "--limit", "alpha", "--tags", "node_base_firewall,node_base_trust"
        )
        assert restored.returncode == 0, restored.stdout
        assert digest(hosts["alpha"]) == before
        assert knock(room, "beta", "alpha", "cluster", OTHER) == "dropped"
        bundle = "grep -c -F '{}' /etc/ssl/certs/ca-certificates.crt"
        line = authority.splitlines()[3]
        assert hosts["alpha"].run(bundle.format(line)).stdout.strip() == "0"
        out, _ = session.communicate("still here\n", timeout=10)
    assert out == "still here\n"


def test_rules_without_the_controller_are_refused(
    room: "Room", hosts: dict[str, Host], converge: "Converge"
) -> None:
    before = digest(hosts["alpha"])
    moved = {w: a.rsplit(".", 1)[0] + ".250" for w, a in room.controller.items()}
    done = converge("--limit", "alpha", forge_controller_addresses=moved)
    assert done.returncode != 0
    message = " ".join(done.stdout.split())
    assert "alpha: the firewall would lock the controller out" in message
    assert f"no flow lets {room.controller['cluster']} reach" in message
    assert digest(hosts["alpha"]) == before


def test_rules_that_nobody_confirms_go_away(
    room: "Room", hosts: dict[str, Host]
) -> None:
    """Even rules that shut everyone out, past the role's own check, do not stay."""
    before = digest(hosts["alpha"])
    file = hosts["alpha"].check_output("sha256sum /etc/forge/firewall.nft")
    done = room.module(
        "alpha",
        "forge.platform.nft_table",
        name="forge",
        path="/etc/forge/firewall.nft",
        content=NOBODY_NEW,
        confirm_seconds=8,
    )
    assert "confirm_unit" in done
    assert room.ssh("alpha", "true").returncode != 0
    deadline = time.monotonic() + 15
    while room.ssh("alpha", "true").returncode != 0:
        assert time.monotonic() < deadline, "the previous rules did not come back"
    assert digest(hosts["alpha"]) == before
    assert hosts["alpha"].check_output("sha256sum /etc/forge/firewall.nft") == file


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {
                "node_base_min_memory_mb": 99999999,
                "node_base_min_disk_free_mb": 99999999,
                "node_base_max_clock_offset": -60,
                "node_base_require_cgroup_v2": True,
            },
            # All that is wrong with the host at once, each with what to do.
            [
                "alpha: the host runs control groups version 1",
                "MiB of memory, 99999999 are needed. Remedy: add memory",
                "MiB free below /var, 99999999 are needed. Remedy: free disk space",
                "s ahead of the controller's, -60",
            ],
        ),
        (
            {"node_base_ca_certificates": [{"name": "bad", "pem": "no certificate"}]},
            ["x509_certificate_info"],
        ),
        (
            {"node_base_ssh_ciphers": ["rot13"]},
            ["/bin/sh refuses the new content; no file was changed"],
        ),
    ],
    ids=["host", "authority", "cipher"],
)
def test_bad_values_change_nothing(
    hosts: dict[str, Host],
    converge: "Converge",
    variables: dict[str, object],
    words: list[str],
) -> None:
    state = (
        "sha256sum /etc/chrony/chrony.conf /etc/ssh/sshd_config.d/*"
        " /etc/ssl/certs/ca-certificates.crt"
    )
    before = hosts["alpha"].check_output(state)
    done = converge(
        "--limit", "alpha", "--tags", "node_base_ssh,node_base_time,node_base_trust",
        node_base_time_servers=["192.0.2.123"], **variables,
    )  # fmt: skip
    assert done.returncode != 0
    shown = " ".join(done.stdout.split())
    assert [word for word in words if word not in shown] == []
    assert hosts["alpha"].check_output(state) == before


def test_everything_survives_a_restart(room: "Room", hosts: dict[str, Host]) -> None:
    before = digest(hosts["alpha"])
    room.reboot("alpha")
    assert digest(hosts["alpha"]) == before
    assert knock(room, "beta", "alpha", "cluster", METRICS) == "open"
    assert knock(room, "beta", "alpha", "cluster", 22) == "dropped"
    assert hosts["alpha"].sysctl("vm.overcommit_memory") == 1
    assert hosts["alpha"].run("systemctl is-system-running").stdout.strip() == "running"


NOBODY_NEW = """chain input {
  type filter hook input priority filter; policy drop;
  ct state established accept
}
"""
OTHER_FLOW = {
    "name": "example", "from": ["beta"], "to": ["alpha"], "wire": "cluster",
    "protocol": "tcp", "ports": [OTHER], "why": "The test opens a port.",
}  # fmt: skip


def flows(room: "Room") -> list[object]:
    """The flows of the scenario's inventory."""
    declared: list[object] = room.declared()["all"]["vars"]["forge_flows"]
    return declared


@pytest.fixture
def authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A certificate authority of the test's own, in PEM form."""
    folder = tmp_path_factory.mktemp("authority")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=example",
         "-addext", "basicConstraints=critical,CA:TRUE",
         "-keyout", str(folder / "key"), "-out", str(folder / "pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    return (folder / "pem").read_text()
