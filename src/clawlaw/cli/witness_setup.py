"""What a witness has of its own: a key that cosigns, and a certificate for TLS.

The certificate signs itself. Whoever asks the witness is given it by a way that is
trusted already, and trusts it and nothing else.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from clawlaw.evidence.errors import EvidenceError
from clawlaw.evidence.keys import make_signer, read_signer
from clawlaw.private import create_private, read_private, replace_private

KEY: Final = "witness.pem"
TLS_KEY: Final = "tls.key"
CERTIFICATE: Final = "tls.pem"
_DAYS: Final = 825  # of a certificate
_RENEW: Final = 90  # days before its end
_EARLY: Final = dt.timedelta(hours=1)  # clocks of two machines differ


class Setup(Struct, frozen=True):
    """The public parts.

    Attributes:
        key: Line for whoever verifies cosignatures.
        certificate: PEM.
        fresh: Something was made just now.
    """

    key: str
    certificate: str
    fresh: bool


def standing(
    folder: Path, name: str, addresses: Sequence[str], now: dt.datetime
) -> Setup:
    """What is there; `fresh` says that something would have to be made.

    Args:
        folder: Of the witness alone.
        name: In every cosignature.
        addresses: IP addresses that the certificate is for, at least one.
        now: With a time zone.

    Raises:
        ValueError: No address.
        ClawLawError: What is there cannot be used.
        OSError: It cannot be read.
    """
    wanted = [ipaddress.ip_address(text) for text in addresses]
    key, shown = folder / KEY, folder / CERTIFICATE
    line = read_signer(key, name).cosigner.encode() if key.exists() else ""
    if not (folder / TLS_KEY).exists() or not shown.exists():
        return Setup(line, "", fresh=True)
    found = x509.load_pem_x509_certificate(read_private(shown))
    pem = found.public_bytes(Encoding.PEM).decode()
    fits = _fits(found, _private(folder), wanted, now)
    return Setup(line, pem, fresh=not (line and fits))


def setup(folder: Path, name: str, addresses: Sequence[str], now: dt.datetime) -> Setup:
    """Make what is missing, and a new certificate where the old one does not fit.

    Arguments and errors are those of :func:`standing`; it may also not be writable.
    """
    there = standing(folder, name, addresses, now)
    if not there.fresh:
        return there
    line = there.key or make_signer(folder / KEY, name).cosigner.encode()
    if not (folder / TLS_KEY).exists():
        made = ec.generate_private_key(ec.SECP256R1())
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        create_private(folder / TLS_KEY, pem)
    wanted = [ipaddress.ip_address(text) for text in addresses]
    issued = _issue(_private(folder), name, wanted, now).public_bytes(Encoding.PEM)
    replace_private(folder / CERTIFICATE, issued)
    return Setup(line, issued.decode(), fresh=True)


type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _private(folder: Path) -> ec.EllipticCurvePrivateKey:
    found = load_pem_private_key(read_private(folder / TLS_KEY), None)
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise EvidenceError(f"{folder / TLS_KEY}: not a key for ECDSA")
    return found


def _fits(
    found: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    wanted: list[Address],
    now: dt.datetime,
) -> bool:
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    left = found.not_valid_after_utc - now
    return (
        found.public_key() == key.public_key()
        and names.value.get_values_for_type(x509.IPAddress) == wanted
        and left > dt.timedelta(days=_RENEW)
    )


def _issue(
    key: ec.EllipticCurvePrivateKey,
    name: str,
    wanted: list[Address],
    now: dt.datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(one) for one in wanted]),
            critical=False,
        )
        .add_extension(usage, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(_SIGNS, critical=True)
        .sign(key, SHA256())
    )


# It signs itself and the handshake, nothing else.
_SIGNS: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
