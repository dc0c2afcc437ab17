"""TLS of the uploader, its witnesses and its store: 1.2 or newer, whom each trusts."""

import ssl
from pathlib import Path

from clawlaw.evidence.errors import EvidenceError


def serving(certificate: Path, key: Path) -> ssl.SSLContext:
    """What a service shows.

    Args:
        certificate: PEM chain.
        key: PEM.

    Raises:
        EvidenceError: One of them is missing or is not what it should be.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise EvidenceError(
            f"{certificate}, {key}: {error.strerror or error}; give a PEM chain and "
            "its key"
        ) from error
    return context


def trusting(authority: Path) -> ssl.SSLContext:
    """What a client of services believes: certificates that this authority signed.

    Args:
        authority: PEM.

    Raises:
        EvidenceError: It is missing or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:  # ssl.SSLError is one
        raise EvidenceError(
            f"{authority}: {error.strerror or error}; give certificates as PEM"
        ) from error
