"""Where the gate listens, and how each place knows who calls.

Unix sockets by the kernel's word (SO_PEERCRED; on macOS LOCAL_PEERCRED), TCP on
loopback by a bearer token of which only the digest is known, TLS by the certificate of
the client. Whoever is none of the agents is nobody: it may ask for the gate's health.
"""

import asyncio
import hashlib
import os
import socket
import ssl
import stat
import struct
import sys
from pathlib import Path
from typing import Any, Final

from clawlaw.core.errors import ClawLawError
from clawlaw.gate.config import Config, ListenerPart, split_address
from clawlaw.gate.http import Request
from clawlaw.gate.peers import Peer
from clawlaw.private import read_private

_LOCAL_PEERCRED: Final = 1  # of macOS, at level 0
BACKLOG: Final = 1024


class ListenError(ClawLawError):
    """A place cannot be listened at; the message says why and what to do."""


class Identities:
    """Who is who, from the configuration."""

    def __init__(self, config: Config) -> None:
        """Index the agents by everything that they are known by."""
        self.by_uid = {a.uid: a.principal for a in config.agents if a.uid is not None}
        self.by_token = {t: a.principal for a in config.agents for t in a.tokens}
        self.by_name = {n: a.principal for a in config.agents for n in a.names}


class Door:
    """One listener: who may come in, and who it is that asks."""

    def __init__(self, part: ListenerPart, identities: Identities) -> None:
        """Serve a listener of the configuration."""
        self.part = part
        self._identities = identities
        self._rights = frozenset(part.rights)
        self._hosts = {h.lower() for h in part.hosts}
        if not part.unix:
            address, port = split_address(part.place)
            self._hosts |= {part.place.lower(), address, "localhost"}
            self._hosts.add(f"localhost:{port}")

    def admit(self, transport: asyncio.BaseTransport) -> Peer | None:
        """Who a new connection is; `None`: it is turned away."""
        part = self.part
        if part.unix:
            uid = peer_uid(transport.get_extra_info("socket"))
            if "steward" in part.rights and uid not in {0, os.geteuid(), *part.uids}:
                return None
            return Peer(self._identities.by_uid.get(uid, ""), self._rights)
        if part.tls:
            name = _common_name(transport.get_extra_info("peercert"))
            return Peer(self._identities.by_name.get(name, ""), self._rights)
        return Peer("", self._rights)

    def identify(self, peer: Peer, request: Request) -> Peer | None:
        """Who asks this; `None`: the request names another host than this."""
        if self.part.unix:
            return peer
        if request.headers.get(b"host", "").lower() not in self._hosts:
            return None
        if not self.part.tcp:
            return peer
        scheme, _, token = request.headers.get(b"authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return peer
        digest = "sha256:" + hashlib.sha256(token.strip().encode()).hexdigest()
        return Peer(self._identities.by_token.get(digest, ""), peer.rights)


def tls_context(part: ListenerPart) -> ssl.SSLContext | None:
    """TLS of a place: 1.3, and no client without a certificate; `None`: it has none.

    Raises:
        ListenError: A file of it is missing or is not what it should be.
        PrivateFileError: Others could read or change its key.
    """
    if not part.tls:
        return None
    read_private(Path(part.key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(part.certificate, part.key)
        context.load_verify_locations(part.clients)
    except (OSError, ssl.SSLError) as error:
        names = f"{part.certificate}, {part.key}, {part.clients}"
        raise ListenError(f"{part.tls}: {error}; look at {names}") from error
    return context


def _common_name(certificate: Any) -> str:  # noqa: ANN401  # of the ssl module
    for part in (certificate or {}).get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return str(value)
    return ""


def peer_uid(connected: socket.socket) -> int:
    """User id of who is at the other end of a Unix socket; -1: the kernel won't say."""
    try:
        if sys.platform == "darwin":
            raw = connected.getsockopt(0, _LOCAL_PEERCRED, 76)
            return int(struct.unpack_from("=II", raw)[1])
        raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", raw)[1])
    except (OSError, struct.error):
        return -1


def bound(part: ListenerPart) -> socket.socket:
    """A socket that listens at a place.

    Raises:
        ListenError: Another gate listens there, or it cannot be had.
    """
    try:
        if part.unix:
            return _bound_unix(part)
        address, port = split_address(part.place)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
    except OSError as error:
        raise ListenError(f"{part.place}: {error.strerror or error}") from error
    listening.listen(BACKLOG)
    listening.settimeout(0)
    return listening


def _bound_unix(part: ListenerPart) -> socket.socket:
    path = Path(part.unix)
    _clear(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    if part.group >= 0:
        os.chown(path, -1, part.group)
    path.chmod(int(part.mode, 8))
    listening.listen(BACKLOG)
    listening.settimeout(0)
    return listening


def _clear(path: Path) -> None:
    """Remove the socket that a gate left behind; never one that is answered."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise ListenError(f"{path}: is there and is no socket; move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise ListenError(f"{path}: {error.strerror or error}") from error
    raise ListenError(f"{path}: another gate listens there; stop it first")
