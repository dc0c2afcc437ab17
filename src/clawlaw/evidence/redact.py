"""Secrets out of what is decided and recorded, before either.

A secret becomes `secret:` and 32 hex digits of a keyed digest: the same secret is the
same token, and without the key no guess can be compared with it. The recorded bytes are
so the decided bytes, and the original never reaches the log.

What is hidden from the decision must not be able to do anything. So only text that is
one inert word, or literal inside its quotes, is replaced in a command; what looks like
a path, an option or an address stays; and `is_hidden` tells of effects that turn on a
token, which nobody can judge.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import re2

from clawlaw.core.actions import KIND_OF, AnyEffect, NetRequest
from clawlaw.core.canonical import Json

PREFIX: Final = "secret:"
_DIGITS: Final = 32  # hex, 128 bits

# A name, in any style, whose value is a secret; some only with something before them.
_NAME: Final = (
    r"(?:(?:[A-Za-z0-9_.-]*[_.-])?(?:password|passwd|passphrase|token|secret|"
    r"(?:secret|access|api|private)[_-]?key|authorization|credentials?)|"
    r"[A-Za-z0-9_.-]*[_.-](?:pass|pwd|auth))"
)
_CAMEL: Final = (
    r"[A-Za-z0-9]*(?:Password|Token|Secret|SecretKey|AccessKey|ApiKey|PrivateKey|"
    r"Passphrase)"
)
# Formats that their issuers publish, so that scanners can find them.
_FORMATS: Final = (
    r"A(?:KIA|SIA)[A-Z0-9]{16}",  # AWS
    r"gh[pousr]_[A-Za-z0-9]{30,255}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"glpat-[A-Za-z0-9_-]{20,64}",  # GitLab
    r"sk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,200}",  # Anthropic, OpenAI
    r"xox[abeprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,300}",
    r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,200}",  # Stripe
    r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}",  # SendGrid
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{50,400}",
    r"hf_[A-Za-z0-9]{30,60}",  # Hugging Face
    r"dop_v1_[a-f0-9]{64}",  # DigitalOcean
    r"hv[bs]\.[A-Za-z0-9_-]{24,300}",  # Vault
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",  # JWT
)
_WORD: Final = r"[A-Za-z0-9+=_:@%^][A-Za-z0-9+/=_.:@%^~-]{7,}"
_VALUE: Final = rf"""("[^"$`\\\n]{{4,}}"|'[^'\n]{{4,}}'|{_WORD})"""

_SCHEME: Final = "(?:bearer|basic|token|digest)"
_TOKEN: Final = re2.compile(rf"{PREFIX}[0-9a-f]{{{_DIGITS}}}")
_IS_NAME: Final = re2.compile(rf"^(?:(?i:{_NAME})|{_CAMEL})$")
# Each has the text before the secret as group 1, the secret as 2, what ends it as 3.
_PATTERNS: Final = tuple(
    re2.compile(pattern)
    for pattern in (
        r"(-----BEGIN [A-Z ]*PRIVATE KEY-----\s*)([A-Za-z0-9+/=\s:,]+)(-----END)",
        rf"(^|[^A-Za-z0-9_])({'|'.join(_FORMATS)})()",
        rf"((?i:authorization:\s*{_SCHEME}\s+))([A-Za-z0-9+/=_.~-]{{4,}})()",
        r"((?i:bearer )+)([A-Za-z0-9+/=_.~-]{16,})()",
        r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\"$`]*:)([^\s/:@'\"$`\\]{3,})(@)",
        rf"((?:^|[^A-Za-z0-9_.-])(?i:--?{_NAME})[= ]){_VALUE}()",
        rf"((?:^|[^A-Za-z0-9_.-])(?i:{_NAME})=){_VALUE}()",
        rf"""((?:^|[^A-Za-z0-9_.-])["']?(?i:{_NAME})["']?:\s*){_VALUE}()""",
    )
)
# None of these: no pattern can match, and the text is left alone at once.
_HINTS: Final = (
    r"(?i)pass|pwd|token|secret|key|auth|bearer|credential|://|akia|asia|gh[pousr]_|"
    r"github_pat|glpat|sk-|xox|aiza|ya29|[rs]k_|sg\.|npm_|pypi-|hf_|dop_|hv[bs]\.|eyj"
)
_MAY: Final = re2.compile(_HINTS)
_MAY_RAW: Final = re2.compile(_HINTS.encode())  # of UTF-8 as it came


class Redactor:
    """Replaces secrets by tokens of one key."""

    def __init__(self, key: bytes) -> None:
        """Keep the key of the digests, 32 bytes, which never leaves the boundary."""
        self._key = key

    def token(self, secret: str) -> str:
        """The token that stands for a secret."""
        digest = hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), sha256)
        return PREFIX + digest.hexdigest()[:_DIGITS]

    def redact(self, value: Json) -> tuple[Json, dict[str, str]]:
        """Replace every secret that is found.

        Args:
            value: As it was decoded from JSON; it is not changed.

        Returns:
            The value with tokens, and the originals by token; the same value itself
            where nothing was found.
        """
        found: dict[str, str] = {}
        return self._value(value, found, named=False), found

    def _value(self, value: Json, found: dict[str, str], *, named: bool) -> Json:
        match value:
            case str():
                return self._text(value, found, named=named)
            case dict():
                return self._object(value, found)
            case list() | tuple():
                items = [self._value(item, found, named=named) for item in value]
                same = all(new is old for new, old in zip(items, value, strict=True))
                return value if same else items
        return value

    def _object(self, value: dict[str, Json], found: dict[str, str]) -> Json:
        changed: dict[str, Json] = {}
        for key, item in value.items():
            named = _IS_NAME.search(key) is not None
            changed[key] = self._value(item, found, named=named)
        same = all(changed[key] is item for key, item in value.items())
        return value if same else changed

    def _text(self, text: str, found: dict[str, str], *, named: bool) -> str:
        if named and _is_opaque(text):
            return self._keep(text, found)
        if _MAY.search(text) is None:
            return text
        parts: list[str] = []
        done = 0
        for start, end in _secrets(text):
            parts += (text[done:start], self._keep(text[start:end], found))
            done = end
        return "".join((*parts, text[done:])) if parts else text

    def _keep(self, secret: str, found: dict[str, str]) -> str:
        token = self.token(secret)
        found[token] = secret
        return token


def _secrets(text: str) -> list[tuple[int, int]]:
    """Where secrets stand in a text, in order; the first pattern takes a place.

    Tokens that stand in it already are left alone.
    """
    taken = bytearray(len(text))
    for match in _TOKEN.finditer(text):
        _take(taken, *match.span())
    found: list[tuple[int, int]] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span(2)
            if text[start] in "\"'" and text[end - 1] == text[start]:
                start, end = start + 1, end - 1
            if taken.find(1, start, end) < 0 and _is_opaque(text[start:end]):
                _take(taken, start, end)
                found.append((start, end))
    return sorted(found)


def _take(taken: bytearray, start: int, end: int) -> None:
    taken[start:end] = b"\x01" * (end - start)


def _is_opaque(text: str) -> bool:
    """Whether a text means nothing but itself: no path, option, address or token."""
    return (
        len(text) > 3  # noqa: PLR2004  # "true", "none" and numbers are shorter or equal
        and text[0] not in "/.~-$<>"
        and ".." not in text
        and "://" not in text
        and not text.startswith(PREFIX)
        and text.lower() not in _PLAIN
    )


_PLAIN: Final = frozenset({"true", "false", "none", "null", "required", "optional"})


def restore(value: Json, originals: dict[str, str]) -> Json:
    """Put the originals back, for the executor alone.

    Args:
        value: As it was decided.
        originals: By token, of `Redactor.redact` or the vault.
    """
    if not originals:
        return value
    match value:
        case str():
            for token, secret in originals.items():
                value = value.replace(token, secret)
            return value
        case dict():
            return {key: restore(item, originals) for key, item in value.items()}
        case list() | tuple():
            return [restore(item, originals) for item in value]
    return value


def may_hold(raw: bytes) -> bool:
    """Whether JSON text may hold a secret; where it may not, nothing need be searched.

    Args:
        raw: UTF-8. An escape that could hide a letter or a slash counts as a secret.
    """
    return b"\\u" in raw or b"\\/" in raw or _MAY_RAW.search(raw) is not None


def is_hidden(effects: Iterable[AnyEffect]) -> bool:
    """Whether an effect names a file, program or host by a token.

    The facts of such an effect are those of the token's text, not of what will be
    touched; the gate must not allow it. The path of an address is only sent.
    """
    for effect in effects:
        for name in _NAMING[type(effect)]:
            if PREFIX in getattr(effect, name):
                return True
    return False


_NAMING: Final = {
    kind: tuple(
        name
        for name in ("path", "to", "target", "program", "script", "host")
        if hasattr(kind, name) and (name, kind) != ("path", NetRequest)
    )
    for kind in KIND_OF
}
