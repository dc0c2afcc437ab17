"""Real certificates of an authority that lives as long as its test."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOUR = timedelta(hours=1)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    """Signs certificates of services on 127.0.0.1 and of clients.

    Attributes:
        file: Its own certificate, PEM.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._label = name
        self._issuer = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        made = self._builder(self._issuer, self._key, HOUR, -HOUR)
        made = made.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        made = made.add_extension(usage, critical=True)
        signed = made.sign(self._key, hashes.SHA256())
        self.file.write_bytes(signed.public_bytes(Encoding.PEM))

    def issue(
        self,
        common: str,
        *,
        server: bool = False,
        ends: timedelta = HOUR,
        starts: timedelta = -HOUR,
    ) -> tuple[Path, Path]:
        """Certificate and key, PEM; the key has mode 0600.

        Args:
            common: Common name.
            server: For a service on 127.0.0.1; else for a client.
            ends: From now; negative: it has expired.
            starts: From now.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(_name(common), key, ends, starts)
        made = made.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        if server:
            usage = ExtendedKeyUsageOID.SERVER_AUTH
            where = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            made = made.add_extension(
                x509.SubjectAlternativeName([where]), critical=False
            )
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        signed = made.sign(self._key, hashes.SHA256())
        chain, secret = (
            self._folder / f"{self._label}-{common}.{kind}" for kind in ("crt", "key")
        )
        chain.write_bytes(signed.public_bytes(Encoding.PEM))
        secret.touch(0o600)
        secret.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return chain, secret

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        ends: timedelta,
        starts: timedelta,
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        known = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + starts)
            .not_valid_after(now + ends)
            .add_extension(known, critical=False)
            .add_extension(by, critical=False)
        )
