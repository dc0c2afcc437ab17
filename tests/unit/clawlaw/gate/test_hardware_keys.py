"""Keys in hardware: what OpenSSH's sk-ssh-ed25519 signs, checked without a device.

The device is a double here: a key in memory that signs what a device would. That the
double and OpenSSH agree is shown by OpenSSH itself, which verifies its signatures.
"""

import base64
import shutil
import stat
import struct
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.gate import hardware_keys, hardware_sign
from clawlaw.gate.hardware_keys import HardwareKey, HardwareKeyError, packed
from clawlaw.gate.stewards import (
    Steward,
    StewardError,
    Stewards,
    generate,
    hardware,
    refer,
)

SAID = b"clawlaw steward answer v1\n{}"


class DeviceDouble:
    """Signs as a FIDO2 device does for OpenSSH."""

    def __init__(self, seed: int = 7, application: str = "ssh:") -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        public = self.private.public_key().public_bytes_raw()
        self.key = HardwareKey(public, application)

    def sign(self, statement: bytes, flags: int = 1, counter: int = 9) -> bytes:
        message = hardware_keys.wrapped(statement)
        said = hardware_keys.device_bytes(self.key.application, flags, counter, message)
        return self.private.sign(said) + struct.pack(">BI", flags, counter)

    def armour(self, statement: bytes, **state: int) -> str:
        """A signature file as `ssh-keygen -Y sign` writes it."""
        raw = self.sign(statement, **state)
        kind = packed(hardware_keys.TYPE.encode())
        parts = (self.key.blob, hardware_keys.NAMESPACE.encode(), b"", b"sha512")
        blob = b"SSHSIG\0\0\0\1" + b"".join(map(packed, parts))
        blob += packed(kind + packed(raw[:64]) + raw[64:])
        text = base64.b64encode(blob).decode()
        lines = [text[i : i + 70] for i in range(0, len(text), 70)]
        begin, end = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
        return "\n".join([begin, *lines, end]) + "\n"


def test_a_touched_signature_counts() -> None:
    device = DeviceDouble()
    device.key.verify(SAID, device.sign(SAID))
    device.key.verify(SAID, device.sign(SAID, flags=5, counter=0))  # with a PIN


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (DeviceDouble().sign(SAID, flags=0), "nobody touched"),
        (DeviceDouble().sign(SAID, flags=4), "nobody touched"),
        (DeviceDouble().sign(SAID, flags=0x81), "extensions"),
        (DeviceDouble().sign(SAID + b" "), "not of this statement"),
        (DeviceDouble(seed=8).sign(SAID), "not of this statement"),
        (DeviceDouble(application="ssh:x").sign(SAID), "not of this statement"),
        (DeviceDouble().sign(SAID)[:64] + b"\1\0\0\0\x0a", "not of this statement"),
        (DeviceDouble().sign(SAID)[:64] + b"\5\0\0\0\x09", "not of this statement"),
        (DeviceDouble().sign(SAID)[:64], "64 bytes, expected 69"),
        (DeviceDouble().sign(SAID) + b"\0", "70 bytes"),
    ],
)
def test_what_the_device_did_not_sign_does_not_count(raw: bytes, problem: str) -> None:
    with pytest.raises(HardwareKeyError, match=problem):
        DeviceDouble().key.verify(SAID, raw)


def test_openssh_verifies_what_the_double_signs(tmp_path: Path) -> None:
    program = shutil.which("ssh-keygen")
    if program is None:
        pytest.skip("ssh-keygen is not installed")
    device = DeviceDouble()
    (tmp_path / "signers").write_text(f"alice {device.key.text}\n")
    words = [program, "-Y", "verify", "-f", "signers", "-I", "alice"]
    words += ["-n", hardware_keys.NAMESPACE, "-s", "signature"]
    for armour, good in (
        (device.armour(SAID), True),
        (device.armour(SAID, counter=4_000_000_000), True),
        (device.armour(SAID + b"x"), False),
    ):
        (tmp_path / "signature").write_text(armour)
        done = subprocess.run(
            words, input=SAID, cwd=tmp_path, capture_output=True, check=False
        )
        assert (done.returncode == 0) is good, done


def test_a_signature_file_is_opened() -> None:
    device = DeviceDouble()
    raw = hardware_sign.opened(device.armour(SAID), device.key)
    assert raw == device.sign(SAID)
    for armour, problem in (
        (DeviceDouble(seed=8).armour(SAID), "another key"),
        ("no armour", "not a signature file"),
        (device.armour(SAID).replace("-----\n", "-----\n!!!!\n", 1), "not a signature"),
    ):
        with pytest.raises(HardwareKeyError, match=problem):
            hardware_sign.opened(armour, device.key)


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_cut_signature_file_is_refused(cut: int) -> None:
    device = DeviceDouble()
    body = "".join(device.armour(SAID).splitlines()[1:-1])
    blob = base64.b64encode(base64.b64decode(body)[:-cut]).decode()
    begin, end = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
    with pytest.raises(HardwareKeyError):
        hardware_sign.opened(f"{begin}\n{blob}\n{end}\n", device.key)


def test_a_line_reads_back_and_has_an_id_of_its_own() -> None:
    device = DeviceDouble()
    steward = Steward("alice", device.key.public, device.key)
    assert Steward.parse(f"alice {device.key.text} alice@laptop") == steward
    assert steward.text == f"alice {device.key.text}"
    assert steward.key != Steward("alice", device.key.public).key


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("alice ssh-ed25519 AAAA", "expected a key of type"),
        (f"alice {hardware_keys.TYPE} AAAA", "not a key"),
        (f"alice {hardware_keys.TYPE} !", "not a key"),
        (f"Alice {DeviceDouble().key.text}", "a steward's name"),
        (f"alice {DeviceDouble(application='web:').key.text}", "not for SSH"),
    ],
)
def test_a_line_that_is_no_key_is_refused(line: str, problem: str) -> None:
    with pytest.raises(StewardError, match=problem):
        Steward.parse(line)


def test_both_kinds_stand_side_by_side() -> None:
    device = DeviceDouble()
    alice = Steward("alice", device.key.public, device.key)
    private = Ed25519PrivateKey.from_private_bytes(bytes([3]) * 32)
    bob = Steward("bob", private.public_key().public_bytes_raw())
    gate = Stewards([alice.text, bob.text])
    raw = base64.b64encode(device.sign(SAID)).decode()
    assert gate.verify(alice.key, SAID, raw) == alice
    plain = base64.b64encode(private.sign(SAID)).decode()
    assert gate.verify(bob.key, SAID, plain) == bob
    for key, signature in ((alice.key, plain), (bob.key, raw)):
        with pytest.raises(StewardError):
            gate.verify(key, SAID, signature)


def test_a_key_file_points_to_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = DeviceDouble()
    own = tmp_path / "id_ed25519_sk"
    (tmp_path / "id_ed25519_sk.pub").write_text(f"{device.key.text} alice@laptop\n")
    path = tmp_path / "steward.pem"
    steward = refer(path, "alice", own)
    assert path.stat().st_mode & 0o777 == 0o600
    found = hardware(path)
    assert found is not None
    assert found.steward == steward
    # A double of ssh-keygen: writes what the device would have signed.
    (tmp_path / "bin").mkdir()
    (tmp_path / "signature").write_text(device.armour(SAID))
    double = tmp_path / "bin" / "ssh-keygen"
    double.write_text(
        f'#!/bin/sh\nfor last in "$@"; do :; done\n'
        f'echo "$@" > {tmp_path}/asked\ncp {tmp_path}/signature "$last.sig"\n'
    )
    double.chmod(double.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    signed = found.sign(SAID)
    assert Stewards([steward.text]).verify(steward.key, SAID, signed) == steward
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith(f"-Y sign -n clawlaw-steward -f {own} ")
    with pytest.raises(HardwareKeyError, match="not of this statement"):
        found.sign(SAID + b"x")  # the double signs the same as before
    double.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(HardwareKeyError, match="did not sign"):
        found.sign(SAID)


def test_a_key_in_a_file_is_none_in_hardware(tmp_path: Path) -> None:
    generate(tmp_path / "steward.pem", "alice", "a passphrase of words")
    assert hardware(tmp_path / "steward.pem") is None
