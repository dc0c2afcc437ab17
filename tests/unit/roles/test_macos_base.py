"""The role macos_base in check mode on a Mac that the Forge never saw."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.gate.authority import public_line

GATE = {
    "os": "macos",
    "memory_gb": 64,
    "components": ["clawlaw_gate", "ollama"],
    "addresses": {"boundary": "127.0.0.1"},
    "ingress": [
        {
            "flow": "ssh",
            "wire": "boundary",
            "protocol": "tcp",
            "ports": ["22"],
            "sources": ["127.0.0.2"],
            "destination": "127.0.0.1",
        }
    ],
}
# Community's module for preferences looks for `defaults` where no double can be.
VARIABLES: dict[str, Any] = {"macos_base_updates": {}, "ansible_host": "127.0.0.1"}


def topology(**changes: object) -> dict[str, Any]:
    return {
        "hosts": {"localhost": {**GATE, **changes}},
        "controller": {"boundary": "127.0.0.2"},
        "ports": {"ollama": 11434, "mlx": 8080},
    }


def test_check_mode_shows_what_would_be_made(check_role: Any) -> None:
    status, output = check_role("macos_base", topology(), VARIABLES)
    assert status == 0, output
    for text in (
        "+/Users/_clawlaw-inference IsHidden: 1",
        "+power.sleep = 0",
        "+power.autorestart = 1",
        "+firewall.stealth = on",
        "+sysctl.iogpu.wired_limit_mb = 53248",
        "localhost has no power.disksleep, power.displaysleep, power.powernap",
        "+pass in quick inet proto tcp from { 127.0.0.2 } to 127.0.0.1 port { 22 }",
        '+block drop in quick all label "not declared"',
        "+\t\t<string>/sbin/pfctl</string>",
        "+PermitRootLogin no",
        "+PasswordAuthentication no",
    ):
        assert text in output, output


def test_certificates_of_runs_are_believed_where_the_inventory_says_so(
    check_role: Any,
) -> None:
    line = public_line(Ed25519PrivateKey.from_private_bytes(b"k" * 32).public_key())
    trust = {
        "macos_base_ssh_authority": line,
        "macos_base_ssh_run_account": "forge",
    }
    status, output = check_role("macos_base", topology(), VARIABLES | trust)
    assert status == 0, output
    for text in (
        f"+{line}",
        "/etc/ssh/forge-principals/forge",
        "+restrict,pty localhost",
        "+TrustedUserCAKeys /etc/ssh/forge-authority.pub",
        "+AuthorizedPrincipalsFile /etc/ssh/forge-principals/%u",
    ):
        assert text in output, output
    status, output = check_role("macos_base", topology(), VARIABLES)
    assert status == 0, output
    assert "TrustedUserCAKeys" not in output


@pytest.mark.parametrize(
    ("change", "variables", "problem"),
    [
        ({}, {"macos_base_ssh_authority": "ssh-rsa AAAA"}, "one line of an Ed25519"),
        ({"ingress": []}, {}, "no flow lets 127.0.0.2 reach 127.0.0.1:22"),
        ({}, {"macos_base_gpu_memory_mb": 63000}, "leave macOS 4 GiB"),
    ],
)
def test_what_cannot_work_is_refused_first(
    check_role: Any, change: dict[str, Any], variables: dict[str, Any], problem: str
) -> None:
    status, output = check_role(
        "macos_base", topology(**change), {**VARIABLES, **variables}
    )
    assert status != 0
    assert problem in " ".join(output.split())
    assert "Make" not in output
