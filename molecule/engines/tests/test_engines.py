"""Both engines serve what is declared, to the gate alone, and come back."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from testinfra.host import Host

if TYPE_CHECKING:
    from conftest import Converge, Room

GATE = "clawlaw-inference"
AGENT = "agent-tester"
STORE = "/var/lib/ollama/models/blobs"
NOISE = "/opt/mlx-models/noise-mlx"

# Run as an account of the host: one connection, and how it ended.
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5).close()
except OSError as error:
    print(type(error).__name__)
else:
    print("connected")
"""


@pytest.fixture(scope="module")
def edge(hosts: Mapping[str, Host]) -> Host:
    host = hosts["edge"]
    host.check_output(f"id {AGENT} || useradd --no-create-home {AGENT}")
    return host


@pytest.fixture(scope="module")
def wire(room: "Room") -> str:
    return room.addresses["edge"]["inference"]


@pytest.fixture
def engines(wire: str) -> dict[str, tuple[str, int]]:
    return {"ollama": ("127.0.0.1", 11434), "mlx": (wire, 8080)}


def ask(edge: Host, url: str, body: object = None) -> dict[str, Any]:
    """Ask an engine as root, with Python, since a host may have no curl."""
    words = json.dumps([url, None if body is None else json.dumps(body)])
    script = (
        "import json,sys,urllib.request as r;"
        "u,b=json.load(sys.stdin);"
        "q=r.Request(u,b and b.encode(),{'Content-Type':'application/json'});"
        "sys.stdout.write(r.urlopen(q,timeout=60).read().decode())"
    )
    said = edge.check_output(f"printf %s '{words}' | python3 -c \"{script}\"")
    answer: dict[str, Any] = json.loads(said)
    return answer


def complete(edge: Host, engine: str, wire: str) -> int:
    """Return how many tokens a real completion brought."""
    if engine == "ollama":
        question = {
            "model": "gemma3-270m",
            "prompt": "The capital of France is",
            "stream": False,
            "options": {"num_predict": 8, "temperature": 0, "seed": 1},
        }
        answer = ask(edge, "http://127.0.0.1:11434/api/generate", question)
        assert answer["response"].strip(), answer
        return int(answer["eval_count"])
    question = {
        "model": NOISE,
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 8,
    }
    answer = ask(edge, f"http://{wire}:8080/v1/chat/completions", question)
    return int(answer["usage"]["completion_tokens"])


@pytest.mark.parametrize("engine", ["ollama", "mlx"])
def test_it_runs_under_an_account_of_its_own(edge: Host, engine: str) -> None:
    unit = edge.service(engine)
    assert unit.is_running
    assert unit.is_enabled
    pid = edge.check_output(f"systemctl show -P MainPID {engine}")
    assert edge.check_output(f"ps -o user= -p {pid}").strip() == engine
    assert edge.user(engine).password.startswith("!")


@pytest.mark.parametrize("engine", ["ollama", "mlx"])
def test_it_listens_where_it_is_declared_and_nowhere_else(
    edge: Host, engine: str, engines: dict[str, tuple[str, int]]
) -> None:
    address, port = engines[engine]
    listening = edge.check_output("ss -Hltn | awk '{print $4}'").split()
    assert [place for place in listening if place.endswith(f":{port}")] == [
        f"{address}:{port}"
    ]


@pytest.mark.parametrize("engine", ["ollama", "mlx"])
def test_a_real_completion(edge: Host, engine: str, wire: str) -> None:
    assert complete(edge, engine, wire) == 8


def test_a_streamed_completion_ends_with_its_usage(edge: Host) -> None:
    body = json.dumps({
        "model": "gemma3-270m",
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": 8,
        "stream": True,
        "stream_options": {"include_usage": True},
    })  # fmt: skip
    script = (
        "import sys,urllib.request as r;"
        "q=r.Request('http://127.0.0.1:11434/v1/chat/completions',"
        "sys.stdin.buffer.read(),{'Content-Type':'application/json'});"
        "sys.stdout.write(r.urlopen(q,timeout=60).read().decode())"
    )
    said = edge.check_output(f"printf %s '{body}' | python3 -c \"{script}\"")
    chunks = [line[6:] for line in said.splitlines() if line.startswith("data: ")]
    assert chunks[-1] == "[DONE]"
    assert json.loads(chunks[-2])["usage"]["completion_tokens"] > 0
    assert len(chunks) > 3


@pytest.mark.parametrize("engine", ["ollama", "mlx"])
@pytest.mark.parametrize(
    ("user", "ending"),
    [(AGENT, "ConnectionRefusedError"), (GATE, "connected"), ("root", "connected")],
)
def test_the_gate_alone_may_connect(
    edge: Host,
    engine: str,
    user: str,
    ending: str,
    engines: dict[str, tuple[str, int]],
) -> None:
    address, port = engines[engine]
    said = edge.check_output(
        f"runuser -u {user} -- python3 -c '{CONNECT}' {address} {port}"
    )
    assert said == ending


def test_an_agent_cannot_ask_another_hosts_engine_either(
    edge: Host, room: "Room"
) -> None:
    """Wherever the connection leads, it is reset before it leaves."""
    elsewhere = room.controller["inference"]
    said = edge.check_output(
        f"runuser -u {AGENT} -- python3 -c '{CONNECT}' {elsewhere} 11434"
    )
    assert said == "ConnectionRefusedError"
    counted = json.loads(edge.check_output("nft -j list table inet forge_ollama"))
    (counter,) = (
        part["counter"]["packets"]
        for entry in counted["nftables"]
        for part in entry.get("rule", {}).get("expr", [])
        if "counter" in part
    )
    assert counter >= 1


def test_the_cloud_is_off(edge: Host) -> None:
    unit = edge.file("/etc/systemd/system/ollama.service").content_string
    assert '"OLLAMA_NO_CLOUD=1"' in unit
    assert '"OLLAMA_REMOTES=forge.invalid"' in unit
    assert '"OLLAMA_ORIGINS="' in unit


def test_no_web_page_may_ask(edge: Host, wire: str) -> None:
    script = (
        "import sys,urllib.request as r,urllib.error as e;"
        "q=r.Request(sys.argv[1],headers={'Origin':'https://page.example'});\n"
        "try: a=r.urlopen(q,timeout=30)\n"
        "except e.HTTPError as x: a=x\n"
        "print(a.status, a.headers.get('Access-Control-Allow-Origin'))"
    )
    for url, answers in (
        ("http://127.0.0.1:11434/api/tags", {"403 None"}),
        (f"http://{wire}:8080/health", {"200 None", "200 http://forge.invalid"}),
    ):
        assert edge.check_output(f'python3 -c "{script}" {url}') in answers


@pytest.mark.parametrize("engine", ["ollama", "mlx"])
def test_its_memory_is_bounded(edge: Host, engine: str) -> None:
    limit = int(edge.check_output(f"systemctl show -P MemoryMax {engine}"))
    # Ollama has 1024 MiB of its own beside its model: forge.engines says why.
    assert 256 * 2**20 < limit < 1536 * 2**20


def test_it_is_started_again_after_a_crash(edge: Host, wire: str) -> None:
    for engine in ("ollama", "mlx"):
        before = edge.check_output(f"systemctl show -P MainPID {engine}")
        edge.check_output(f"kill -9 {before}")
    ready = "for i in $(seq 60); do {} && exit; sleep 1; done; exit 1"
    for url in ("http://127.0.0.1:11434/", f"http://{wire}:8080/health"):
        probe = f"python3 -c \"import urllib.request as r; r.urlopen('{url}')\""
        edge.check_output(ready.format(f"{probe} 2>/dev/null >&2"))
    assert complete(edge, "ollama", wire) == 8
    assert complete(edge, "mlx", wire) == 8


def test_a_restart_of_the_host_brings_all_of_it_back(
    edge: Host, room: "Room", wire: str, engines: dict[str, tuple[str, int]]
) -> None:
    room.reboot("edge")
    for engine in ("ollama", "mlx"):
        address, port = engines[engine]
        said = edge.check_output(
            "for i in $(seq 60); do "
            f"runuser -u {GATE} -- python3 -c '{CONNECT}' {address} {port} "
            "| grep connected && exit; sleep 1; done; exit 1"
        )
        assert said == "connected"
        refused = edge.check_output(
            f"runuser -u {AGENT} -- python3 -c '{CONNECT}' {address} {port}"
        )
        assert refused == "ConnectionRefusedError"
        assert complete(edge, engine, wire) == 8


def test_an_upgrade_keeps_the_models(
    edge: Host, converge: "Converge", wire: str
) -> None:
    """The release before is put in the place of the one that runs."""
    kept = edge.check_output(f"ls -l --time-style=full-iso {STORE}")
    for root in ("/opt/ollama", "/opt/mlx"):
        now = edge.check_output(f"readlink {root}/current")
        edge.check_output(
            f"mv {now} {root}/v0.0.1-before && ln -sfn {root}/v0.0.1-before "
            f"{root}/current"
        )
    done = converge()
    assert done.returncode == 0, done.stdout
    for root in ("/opt/ollama", "/opt/mlx"):
        assert not edge.file(f"{root}/v0.0.1-before").exists
    assert edge.check_output(f"ls -l --time-style=full-iso {STORE}") == kept
    assert complete(edge, "ollama", wire) == 8
    assert complete(edge, "mlx", wire) == 8


def test_a_model_with_another_digest_is_not_served(
    edge: Host, converge: "Converge", room: "Room", wire: str
) -> None:
    models = room.declared()["all"]["vars"]["forge_models"]
    for number in (0, 1):
        other = [dict(model) for model in models]
        other[number]["digest"] = f"sha256:{hashlib.sha256(b'other').hexdigest()}"
        done = converge(forge_models=other)
        assert done.returncode != 0
    assert complete(edge, "ollama", wire) == 8
    assert complete(edge, "mlx", wire) == 8


def test_removal_is_complete(edge: Host, converge: "Converge") -> None:
    done = converge(engines_part="remove")
    assert done.returncode == 0, done.stdout
    left = edge.check_output(
        "find / -xdev \\( -path /proc -o -path /sys \\) -prune -o "
        "\\( -iname '*ollama*' -o -iname '*mlx*' \\) -print"
    )
    assert left == ""
    assert "forge_" not in edge.check_output("nft list tables")
    assert edge.run("getent passwd ollama mlx").stdout == ""
    done = converge(engines_part="remove")
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout
