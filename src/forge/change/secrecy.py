"""Secrets of an inventory, as keyed digests: seen to change, never seen.

A value is a secret by its form (a vault's ciphertext, a private key) or by the name
that it has, at any depth. Too much is hidden rather than too little: what is hidden is
compared all the same, and only a reader sees less.
"""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

PREFIX = "secret:"
DIGITS = 32  # hex, 128 bits
VAULT_KEYS = frozenset({"__ansible_vault"})
_TAG = b"forge change secret\x00"

# The words that make a name a secret's, wherever they stand in it.
_NAME = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|pass|pwd|secrets?|tokens?|credentials?|"
    r"auth|authorization|(?:private|api|access|secret|signing|encryption)[_-]?keys?)"
    r"(?:$|[_.-])",
    re.IGNORECASE,
)
# A name that ends so says where or how, and is not the secret itself.
_ABOUT = re.compile(
    r"_(?:file|path|dir|folder|name|user|url|port|days|seconds|minutes|bytes|count)$"
)
_FORM = re.compile(
    r"^\$ANSIBLE_VAULT;|-----BEGIN [A-Z ]*PRIVATE KEY-----|AGE-SECRET-KEY-1"
    r"|^[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@"
)


def is_secret_name(name: str) -> bool:
    """Whether what has this name is a secret."""
    return _NAME.search(name) is not None and _ABOUT.search(name) is None


def keyed(text: str, key: bytes) -> str:
    """Return the token that stands for a secret: ``secret:`` and 32 hex digits."""
    made = hmac.digest(key, _TAG + text.encode("utf-8", "surrogatepass"), sha256)
    return PREFIX + made.hex()[:DIGITS]


def hide(value: Any, key: bytes, *, secret: bool = False) -> Any:  # noqa: ANN401 - any data of YAML
    """Return plain data with its secrets replaced by their tokens.

    Args:
        value: Built-in types only.
        key: Of the digests; without it no guess can be compared with a token.
        secret: Whether the name above says that all of it is one.
    """
    if isinstance(value, Mapping):
        if value.keys() == VAULT_KEYS:
            return keyed(str(value["__ansible_vault"]), key)
        return {
            name: hide(item, key, secret=secret or is_secret_name(name))
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [hide(item, key, secret=secret) for item in value]
    return keyed(str(value), key) if _is_secret(value, secret=secret) else value


def _is_secret(value: object, *, secret: bool) -> bool:
    if isinstance(value, str):
        # A template is no secret: what it names is hidden where it is defined.
        return bool(secret and value and "{{" not in value) or bool(_FORM.search(value))
    return secret and isinstance(value, int) and not isinstance(value, bool)
