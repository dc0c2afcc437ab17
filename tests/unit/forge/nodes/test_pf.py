"""The rendered anchor of pf: its text, its meaning, and what pfctl's double says."""

import json
import os
import re
import subprocess
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge import pf
from forge.errors import InputError
from forge.topology.firewall import Ingress, permits

ROOT = Path(__file__).resolve().parents[4]
GOLDEN = ROOT / "tests/fixtures/pf/studio.pf"
PFCTL = ROOT / "tests/unit/collection/macos/doubles/pfctl"

OWN = "203.0.113.41"
SOURCES = [f"203.0.113.{n}" for n in range(1, 5)]


def ingress(flow: str, **other: object) -> dict[str, Any]:
    return {
        "flow": flow,
        "wire": "inference",
        "protocol": "tcp",
        "ports": ["22"],
        "sources": [SOURCES[0]],
        "destination": OWN,
        **other,
    }


def topology(*rules: Any) -> dict[str, Any]:
    return {
        "hosts": {"studio": {"addresses": {"inference": OWN}, "ingress": list(rules)}}
    }


GUARD = {
    "addresses": ["127.0.0.1", OWN],
    "ports": ["11434", "8080"],
    "users": ["root", "_clawlaw-inference"],
}
STUDIO = topology(
    ingress("ssh"),
    ingress("engines", ports=["8080", "11434"], sources=SOURCES[1:3]),
    ingress("time", protocol="udp", ports=["123"]),
    ingress("many", ports=["2379-2380"]),
    ingress("ping", protocol="icmp", ports=[]),
)


def test_anchor_is_the_golden_one() -> None:
    text = pf.anchor(STUDIO, "studio", [GUARD])
    if os.environ.get("FORGE_WRITE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text(), "if meant, write it anew: FORGE_WRITE_GOLDEN=1"


def passes(text: str, protocol: str, port: int, source: str, target: str) -> bool:
    """Return what the first matching rule says of a packet that comes in by a wire."""
    for rule in text.splitlines():
        if " out " in rule or " on lo0 " in rule or "urpf-failed" in rule:
            continue
        named = re.search(r" proto (\w+)", rule)
        ends = re.search(r"from \{ (.+?) \} to (\S+)", rule)
        ports = re.search(r"port \{ (.+?) \}", rule)
        if named and named[1] != protocol:
            continue
        if ends and (source not in ends[1].split(", ") or target != ends[2]):
            continue
        bounds = [t.partition(":")[::2] for t in ports[1].split(", ")] if ports else []
        if ports and not any(int(a) <= port <= int(b or a) for a, b in bounds):
            continue
        return rule.startswith("pass ")
    raise AssertionError("no rule decides")


number = st.integers(1, 12)
port_text = number.map(str) | st.tuples(number, number).map(
    lambda pair: f"{min(pair)}-{max(pair)}"
)
rule = st.builds(
    ingress,
    st.sampled_from(["a", "b-c"]),
    protocol=st.sampled_from(["tcp", "udp"]),
    ports=st.lists(port_text, min_size=1, max_size=3),
    sources=st.lists(st.sampled_from(SOURCES), min_size=1, max_size=3, unique=True),
)


@given(
    st.lists(rule, max_size=4),
    st.sampled_from(["tcp", "udp"]),
    st.integers(1, 13),
    st.sampled_from([*SOURCES, "203.0.113.99"]),
)
def test_it_lets_in_what_is_declared_and_nothing_else(
    rules: list[Any], protocol: str, port: int, source: str
) -> None:
    declared = msgspec.convert(rules, list[Ingress])
    wanted = any(permits(r, protocol, port, IPv4Address(source)) for r in declared)
    text = pf.anchor(topology(*rules), "studio")
    assert passes(text, protocol, port, source, OWN) is wanted
    assert passes(text, protocol, port, source, "203.0.113.42") is False


def test_every_rule_is_final_and_the_last_one_drops() -> None:
    rules = pf.anchor(STUDIO, "studio").splitlines()
    assert all(" quick " in text for text in rules)
    assert rules[-1].startswith("block drop in quick all")


def test_a_connection_that_was_there_before_is_kept() -> None:
    """The one that brings the rules; pf's own default wants its first packet."""
    tcp = [r for r in pf.anchor(STUDIO, "studio").splitlines() if "proto tcp" in r]
    assert tcp
    assert all("flags any keep state" in rule for rule in tcp)


@pytest.mark.parametrize(
    "wrong",
    [
        {"flow": 'x" pass'},
        {"sources": ["0/0"]},
        {"sources": []},
        {"ports": ["22 } pass"]},
        {"protocol": "gre"},
        {"destination": "any"},
    ],
)
def test_values_that_could_change_a_rule_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        pf.anchor(topology({**ingress("ssh"), **wrong}), "studio")


def test_a_guard_stands_before_what_passes_on_loopback() -> None:
    rules = pf.anchor(STUDIO, "studio", [GUARD]).splitlines()
    own, others, loopback = rules[:3]
    ports = f"inet proto tcp from any to {{ 127.0.0.1, {OWN} }} port {{ 11434, 8080 }}"
    assert own == f"pass out quick {ports} user {{ root, _clawlaw-inference }} no state"
    assert others == f'block return out quick {ports} label "guarded"'
    assert loopback.startswith("pass quick on lo0")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ports": []},
        {"users": []},
        {"users": ["a b"]},
        {"ports": ["x"]},
        {"addresses": []},
    ],
)
def test_a_guard_without_effect_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="guard of ports"):
        pf.anchor(STUDIO, "studio", [{**GUARD, **wrong}])


def test_engines_are_guarded_where_the_gate_is() -> None:
    hosts = {
        "m4-pro": {
            "components": ["clawlaw_gate", "ollama"],
            "addresses": {"boundary": "198.51.100.31", "inference": "203.0.113.31"},
        },
        "studio": {"components": ["mlx"], "addresses": {"inference": OWN}},
        "worker": {"components": ["harbor"], "addresses": {"cluster": "192.0.2.21"}},
    }
    whole = {"hosts": hosts, "ports": {"ollama": 11434, "mlx": 8080, "ssh": 22}}
    (guard,) = pf.engine_guards(whole, "m4-pro", ["root"])
    assert guard == {
        "addresses": ["127.0.0.1", "198.51.100.31", "203.0.113.31", OWN],
        "ports": ["8080", "11434"],
        "users": ["root"],
    }
    assert pf.engine_guards(whole, "studio", ["root"]) == []


def test_a_host_that_is_unknown_is_named() -> None:
    with pytest.raises(InputError, match="mini is not in the topology"):
        pf.anchor(STUDIO, "mini")


def test_the_double_of_pfctl_takes_the_rules(tmp_path: Path) -> None:
    state, file = tmp_path / "double.json", tmp_path / "anchor"
    state.write_text(json.dumps({"anchors": {}, "enabled": True, "calls": []}))
    environment = {**os.environ, "DOUBLE_STATE": str(state)}
    for text, status in (
        (pf.anchor(STUDIO, "studio", [GUARD]), 0),
        ("pass in quick tcp\n", 1),
    ):
        file.write_text(text)
        words = [str(PFCTL), "-n", "-a", "com.apple/forge", "-f", str(file)]
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
