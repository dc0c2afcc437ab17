# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and policies of a MinIO server, by its admin API.

S3 has no call for them. Requests are signed like those of S3. Where a body holds a
secret the server takes it only sealed under the asker's own secret:

    salt (32) | kind (1) | nonce (8) | chunks of 16 KiB, each with its tag

The key is derived from the secret and the salt: kind 2 by PBKDF2-HMAC-SHA256, which is
what we send; 0 and 1 by Argon2id, which is what the server answers. The cipher is
AES-256-GCM, of kind 1 ChaCha20-Poly1305. A chunk's nonce is the nonce and the chunk's
number, from 1, little-endian; its associated data is a mark (0, for the last 128) and
the tag of nothing under number 0.

Source: the public behaviour of MinIO's client madmin-go and of the format's library,
sio-go; the tests ask a real server.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

PREFIX = "/minio/admin/v3"
SALT, NONCE, CHUNK, TAG = 32, 8, 1 << 14, 16  # bytes
ARGON2_AES, ARGON2_CHACHA, PBKDF2_AES = 0, 1, 2
ROUNDS = 8192  # of PBKDF2
ARGON2_MEMORY = 64 * 1024  # KiB
MORE, LAST = b"\x00", b"\x80"
MISSING = {"XMinioAdminNoSuchUser", "XMinioAdminNoSuchPolicy"}


class AdminError(Exception):
    """The server refused a request of the admin API."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code that the server gave."""
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


def seal(plain: bytes, secret: str) -> bytes:
    """Return bytes that only who knows the secret can read.

    Args:
        plain: Not empty.
        secret: Of the asker.
    """
    salt, nonce = os.urandom(SALT), os.urandom(NONCE)
    cipher = _cipher(PBKDF2_AES, secret, salt)
    bound = cipher.encrypt(_numbered(nonce, 0), b"", b"")
    chunks = [plain[at : at + CHUNK] for at in range(0, len(plain), CHUNK)]
    sealed = [
        cipher.encrypt(
            _numbered(nonce, number),
            chunk,
            (LAST if number == len(chunks) else MORE) + bound,
        )
        for number, chunk in enumerate(chunks, 1)
    ]
    return salt + bytes([PBKDF2_AES]) + nonce + b"".join(sealed)


def unseal(sealed: bytes, secret: str) -> bytes:
    """Return what was sealed under a secret.

    Raises:
        AdminError: It was sealed under another, was changed, or is of no known kind.
    """
    salt, kind, rest = sealed[:SALT], sealed[SALT : SALT + 1], sealed[SALT + 1 :]
    nonce, rest = rest[:NONCE], rest[NONCE:]
    if len(rest) < TAG or kind[0] > PBKDF2_AES:
        raise AdminError("sealed answer", "it is of no known form")
    cipher = _cipher(kind[0], secret, salt)
    bound = cipher.encrypt(_numbered(nonce, 0), b"", b"")
    size = CHUNK + TAG
    chunks = [rest[at : at + size] for at in range(0, len(rest), size)]
    try:
        return b"".join(
            cipher.decrypt(
                _numbered(nonce, number),
                chunk,
                (LAST if number == len(chunks) else MORE) + bound,
            )
            for number, chunk in enumerate(chunks, 1)
        )
    except InvalidTag as error:
        raise AdminError("sealed answer", "it was changed on its way") from error


def _numbered(nonce: bytes, number: int) -> bytes:
    return nonce + number.to_bytes(4, "little")


def _cipher(kind: int, secret: str, salt: bytes) -> AESGCM | ChaCha20Poly1305:
    if kind == PBKDF2_AES:
        return AESGCM(hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, ROUNDS, 32))
    key = Argon2id(
        salt=salt, length=32, iterations=1, lanes=4, memory_cost=ARGON2_MEMORY
    ).derive(secret.encode())
    return ChaCha20Poly1305(key) if kind == ARGON2_CHACHA else AESGCM(key)


class Admin:
    """The admin API of one server, asked with its root's credentials."""

    def __init__(
        self, endpoint: str, key: str, secret: str, *, verify: str | None, timeout: int
    ) -> None:
        """Prepare to ask; nothing is sent yet."""
        self._endpoint = endpoint.rstrip("/")
        self._secret = secret
        self._signer = S3SigV4Auth(Credentials(key, secret), "s3", "us-east-1")
        self._verify: str | bool = verify or True
        self._timeout = timeout

    def users(self) -> set[str]:
        """Return the names of all users; root is not among them."""
        answer = self._ask("GET", "list-users", {}, b"")
        return set(json.loads(unseal(answer, self._secret)))

    def user(self, name: str) -> dict[str, Any] | None:
        """Return status and policy of a user; `None`: there is none."""
        return self._get("user-info", {"accessKey": name})

    def policy(self, name: str) -> dict[str, Any] | None:
        """Return a policy; `None`: there is none."""
        return self._get("info-canned-policy", {"name": name})

    def put_policy(self, name: str, document: Mapping[str, Any]) -> None:
        """Have a policy be this one."""
        body = json.dumps(document).encode()
        self._ask("PUT", "add-canned-policy", {"name": name}, body)

    def put_user(self, name: str, secret: str) -> None:
        """Have a user with this secret."""
        body = json.dumps({"secretKey": secret, "status": "enabled"}).encode()
        sealed = seal(body, self._secret)
        self._ask("PUT", "add-user", {"accessKey": name}, sealed)

    def attach(self, name: str, policies: list[str]) -> None:
        """Have a user's policies be these and no others."""
        given = {"userOrGroup": name, "isGroup": "false"}
        given["policyName"] = ",".join(policies)
        self._ask("PUT", "set-user-or-group-policy", given, b"")

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._ask("GET", path, query, b""))
        except AdminError as error:
            if error.code in MISSING:
                return None
            raise
        return found

    def _ask(
        self, method: str, path: str, query: Mapping[str, str], body: bytes
    ) -> bytes:
        url = f"{self._endpoint}{PREFIX}/{path}"
        url += f"?{urlencode(query)}" if query else ""
        signed = AWSRequest(method=method, url=url, data=body)
        self._signer.add_auth(signed)
        answer = requests.request(
            method, url, data=body, headers=dict(signed.headers.items()),
            verify=self._verify, timeout=self._timeout, allow_redirects=False,
        )  # fmt: skip
        if answer.ok:
            return answer.content
        try:
            said = answer.json()
        except ValueError:
            said = {"Code": f"HTTP {answer.status_code}", "Message": answer.text[:200]}
        raise AdminError(said.get("Code", ""), said.get("Message", ""))
