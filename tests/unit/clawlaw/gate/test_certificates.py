"""What a certificate of a run says, by what its permit stands for."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clawlaw.core.actions import InfraApply
from clawlaw.core.errors import ProposalError
from clawlaw.gate.authority import (
    Authority,
    AuthorityError,
    fingerprint,
    public_line,
    user_key,
)
from clawlaw.gate.certificates import (
    CertificateRequest,
    Statement,
    statement,
)
from clawlaw.gate.permits import PermittedAction
from clawlaw.gate.ssh_config import SshPart
from clawlaw.private import PrivateFileError

PLAN = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
NOW = 1_780_000_000
PART = SshPart("/k", "forge-controller", ("m4-pro", "mac-studio"), minutes=30)
RUN_KEY = Ed25519PrivateKey.generate().public_key()
ASKED = CertificateRequest("p", PLAN, "20261123T101010Z-0a1b2c3d", public_line(RUN_KEY))


def plan(*targets: str) -> tuple[InfraApply, ...]:
    return tuple(InfraApply("forge", target, change="plan") for target in targets)


def action(effects: tuple[Any, ...], scope: object = None) -> PermittedAction:
    arguments = {"plan": PLAN} | ({} if scope is None else {"scope": scope})
    return PermittedAction(
        "d7", "forge-controller", "plan-a", "forge.apply", arguments, "/", effects,
        (), {}, 0,
    )  # fmt: skip


def said(scope: object = None, part: SshPart = PART) -> Statement:
    return statement(action(plan(PLAN), scope), ASKED, part, serial=12, now=NOW)


def test_it_is_for_the_plan_its_hosts_and_some_minutes() -> None:
    assert said() == Statement(
        serial=12,
        key_id=f"20261123T101010Z-0a1b2c3d/{PLAN}",
        hosts=("m4-pro", "mac-studio"),
        begins=NOW - 60,
        ends=NOW + 30 * 60,
    )


@pytest.mark.parametrize(
    ("scope", "hosts"),
    [
        ({}, ("m4-pro", "mac-studio")),
        ({"limit": "", "hosts": []}, ("m4-pro", "mac-studio")),
        ({"limit": "m4*", "hosts": ["m4-pro", "worker-01"]}, ("m4-pro",)),
        ({"hosts": ["mac-studio"]}, ("mac-studio",)),
    ],
)
def test_a_limited_run_reaches_no_other_host(
    scope: object, hosts: tuple[str, ...]
) -> None:
    assert said(scope).hosts == hosts


@pytest.mark.parametrize(
    "scope",
    [
        {"limit": "worker-01", "hosts": ["worker-01"]},
        {"limit": "m4-pro", "hosts": []},
        {"limit": "m4-pro"},
        {"limit": "m4-pro", "hosts": "m4-pro"},
    ],
)
def test_a_limit_without_such_a_host_gets_nothing(scope: object) -> None:
    with pytest.raises(ProposalError, match="scope"):
        said(scope)


@pytest.mark.parametrize(
    "effects",
    [
        (),
        plan(OTHER),
        plan(PLAN, OTHER),
        (InfraApply("forge", PLAN, change="service_restart"),),
    ],
)
def test_a_permit_of_anything_else_gets_nothing(effects: tuple[Any, ...]) -> None:
    with pytest.raises(ProposalError, match="plan"):
        statement(action(effects), ASKED, PART, serial=1, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"plan": "sha256:" + "A" * 64},
        {"plan": "*"},
        {"run": ""},
        {"run": "a b"},
        {"run": "../x"},
        {"run": "x" * 65},
        {"key": "ssh-ed25519 AAAA\ncert-authority ssh-ed25519 BBBB"},
        {"permit": ""},
        {"hosts": ["worker-01"]},
    ],
)
def test_requests_are_of_a_closed_shape(change: dict[str, Any]) -> None:
    plain = msgspec.to_builtins(ASKED) | change
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(plain, CertificateRequest)


def test_other_keys_are_refused() -> None:
    ecdsa = generate_private_key(SECP256R1()).public_key()
    line = ecdsa.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    with pytest.raises(ProposalError, match="Ed25519"):
        user_key(line)
    for text in ("", "ssh-ed25519", "ssh-ed25519 AAAA", "-----BEGIN"):
        with pytest.raises(ProposalError, match="no public key"):
            user_key(text)
    assert user_key(public_line(RUN_KEY) + " of a run") == RUN_KEY


def test_the_authority_is_read_back_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "authority"
    made = Authority.make(path)
    assert Authority.read(path).line == made.line
    assert path.with_suffix(".pub").read_text() == made.line + "\n"
    with pytest.raises(PrivateFileError, match="not replaced"):
        Authority.make(path)
    path.chmod(0o640)
    with pytest.raises(PrivateFileError, match="0600"):
        Authority.read(path)
    path.chmod(0o600)
    path.write_text("no key")
    with pytest.raises(AuthorityError, match="clawlaw ssh keygen"):
        Authority.read(path)


def test_ssh_keygen_reads_what_is_said(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "authority")
    sources = msgspec.structs.replace(PART, sources=("192.0.2.0/24", "::1/128"))
    file = tmp_path / "run-cert.pub"
    file.write_text(authority.sign(said(part=sources), RUN_KEY) + "\n")
    shown = subprocess.run(
        ["ssh-keygen", "-L", "-f", file], env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = [line.strip() for line in shown.splitlines()[1:]]
    assert lines == [
        "Type: ssh-ed25519-cert-v01@openssh.com user certificate",
        f"Public key: ED25519-CERT {fingerprint(RUN_KEY)}",
        f"Signing CA: ED25519 {authority.fingerprint} (using ssh-ed25519)",
        f'Key ID: "{said().key_id}"',
        "Serial: 12",
        "Valid: from 2026-05-28T20:25:40 to 2026-05-28T20:56:40",
        "Principals:",
        "m4-pro",
        "mac-studio",
        "Critical Options:",
        "source-address 192.0.2.0/24,::1/128",
        "Extensions:",
        "permit-pty",
    ]
