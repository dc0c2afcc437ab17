"""Where a gate is, and how both ends know whom they talk to; of both clients."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from clawlaw.client.errors import GateUnavailable
from clawlaw.private import PrivateFileError, read_private

# Where an argument is not given; only with https.
VARIABLES: Final = {
    "ca": "CLAWLAW_GATE_CA",
    "certificate": "CLAWLAW_GATE_CERTIFICATE",
    "key": "CLAWLAW_GATE_KEY",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One gate's address.

    Attributes:
        socket: Path of its Unix socket, "" where it has an address.
        netloc: Its address as it was given.
        host: Of it.
        port: Of it, `None` for the scheme's.
        files: Of TLS: authority, certificate, key, PEM; empty without TLS.
    """

    socket: str = ""
    netloc: str = ""
    host: str = ""
    port: int | None = None
    files: tuple[str, ...] = ()

    @staticmethod
    def of(
        *, socket: str, url: str, token: str, ca: str, certificate: str, key: str
    ) -> "Place":
        """Read the arguments of a client.

        Raises:
            ValueError: They do not say one place, or not how to be known there.
        """
        if bool(socket) == bool(url):
            raise ValueError("give socket or url, one of them")
        parts = urlsplit(url)
        if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError(f"{url!r}: expected http://ADDRESS:PORT or https://")
        given = {"ca": ca, "certificate": certificate, "key": key}
        if parts.scheme != "https":
            if any(given.values()):
                raise ValueError(f"{', '.join(given)} are of https:// alone")
            return Place(socket, parts.netloc, parts.hostname or "", parts.port)
        if token:
            raise ValueError("a token is of http://; under https the certificate says")
        found = {
            name: given[name] or os.environ.get(VARIABLES[name], "") for name in given
        }
        missing = [f"{name} ({VARIABLES[name]})" for name in found if not found[name]]
        if missing:
            raise ValueError(f"https:// needs {', '.join(missing)}: files, PEM")
        files = tuple(found.values())
        return Place("", parts.netloc, parts.hostname or "", parts.port or 443, files)

    @property
    def name(self) -> str:
        """For messages."""
        return self.socket or self.netloc

    def tls(self) -> ssl.SSLContext | None:
        """TLS 1.3 to a host of this name alone; `None` where there is none.

        The files are read each time, so that a connection has certificates of today.

        Raises:
            GateUnavailable: One of them is missing or is not what it should be.
        """
        if not self.files:
            return None
        authority, certificate, key = self.files
        try:
            read_private(Path(key))
            context = ssl.create_default_context(cafile=authority)
        except PrivateFileError as error:
            remedy = "give the agent's own key, PEM, mode 0600"
            raise GateUnavailable(str(error), remedy=remedy) from error
        except OSError as error:  # ssl.SSLError is one
            remedy = "give the certificate of the authority that signed the gate's, PEM"
            raise GateUnavailable(
                f"{authority}: {_why(error)}", remedy=remedy
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            # A key with a passphrase is refused; nobody is asked at a terminal.
            context.load_cert_chain(certificate, key, password="")
        except OSError as error:
            what = f"{certificate}, {key}: {_why(error)}"
            remedy = "give the agent's certificate and its key without passphrase, PEM"
            raise GateUnavailable(what, remedy=remedy) from error
        return context

    def failed(self, error: BaseException) -> GateUnavailable:
        """The error where an exchange broke off."""
        if isinstance(error, ssl.SSLCertVerificationError):
            why = error.verify_message
            return GateUnavailable(
                f"{self.name}: shows no certificate of the gate: {why}",
                remedy="see that ca signed it and that it is of the name in url",
            )
        if isinstance(error, ssl.SSLError):
            return GateUnavailable(
                f"{self.name}: no TLS connection ({_why(error)})",
                remedy="see that the gate serves TLS there and that the authority of "
                "its clients signed this certificate, which has not expired",
            )
        return GateUnavailable(
            f"{self.name}: no answer ({type(error).__name__})",
            remedy="see that the gate runs and that this user may reach it",
        )


def _why(error: OSError) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return reason or type(error).__name__
