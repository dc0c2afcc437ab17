"""No secret in the tree: by what a key is called, and by what a value looks like."""

import re
from collections.abc import Iterator
from typing import Any

# Keys whose value would be the secret itself; names of Secrets and of keys in them, and
# files that hold one, are references.
_SECRET_KEY = re.compile(
    r"(password|passwd|secret|token|apikey|api_key|privatekey|private_key|accesskey|"
    r"access_key|credential|htpasswd)s?$",
    re.IGNORECASE,
)
_REFERENCE_KEY = re.compile(
    r"(existing|secretname|secretkeyref|secretref|configsecret|key$|_key$|name$|"
    r"issuer|automount|createsecret)",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|AGE-SECRET-KEY-|\bgh[pousr]_[A-Za-z0-9]{20,}|"
    r"\bAKIA[0-9A-Z]{16}\b|\$(apr1|2[aby])\$|\beyJ[\w-]{10,}\.[\w-]{10,}\."
)
# Fields that these names have in APIs, where the value is the name of a Secret.
_NAMES_A_SECRET = {"githubConfigSecret", "secret", "credential"}


def problems(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the reason of everything that looks like a secret.

    Args:
        value: An object or a chart's values.
        path: Where it stands; for people.
    """
    if isinstance(value, dict):
        if value.get("kind") == "Secret" and (value.keys() & {"data", "stringData"}):
            yield path or "Secret", "a Secret with data; name it, or seal it"
        for key, inner in value.items():
            here = f"{path}.{key}" if path else str(key)
            if isinstance(inner, str) and inner and _is_secret(str(key), inner):
                yield here, "holds a secret; name a Secret that holds it instead"
            yield from problems(inner, here)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from problems(inner, f"{path}[{number}]")
    elif isinstance(value, str) and _SECRET_VALUE.search(value):
        yield path, "has the form of a key or token; take it out and replace it"


def _is_secret(key: str, value: Any) -> bool:  # noqa: ANN401 - as in the document
    if key in _NAMES_A_SECRET or _REFERENCE_KEY.search(key):
        return False
    return bool(_SECRET_KEY.search(key)) and not value.startswith("$")
