"""Addresses as curl and its kin read them, and only those that all readers agree on.

An address that two programs may take apart differently has no certain host, and so is
not understood: user names, backslashes, encoded or non-ASCII hosts, odd numbers.

Source: RFC 3986; WHATWG URL, "host parsing"; curl's URL syntax document.
"""

from typing import Final, NamedTuple

import re2

from clawlaw.core.shell.words import UNKNOWN

SCHEMES: Final = frozenset({"http", "https", "ftp", "ftps"})
# Hosts whose first label makes curl guess another protocol.
GUESSED: Final = ("ftp.", "dict.", "ldap.", "imap.", "smtp.", "pop3.")
PORT_MAX: Final = 65_535
_PLACE: Final = (
    r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?"
)
_URL: Final = re2.compile(_PLACE + r"([/?#][!-~\x{fffd}]*)?")
# Of bytes, where RE2's Python form has no characters to count.
_ASCII: Final = re2.compile((_PLACE + "([/?#][!-~]*)?").encode())
_PARTS: Final = range(1, 5)
_NUMERIC: Final = re2.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)\.?")
_QUAD: Final = re2.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")


class Url(NamedTuple):
    """Parts of an address.

    Attributes:
        scheme: http, https, ftp, ftps or file.
        host: In lower case; "" for a file.
        port: 0: of the scheme.
        path: Path and query as written; may hold `UNKNOWN`.
    """

    scheme: str
    host: str
    port: int
    path: str


def read_url(text: str, scheme: str = "http") -> Url | None:
    """Take an address apart.

    Args:
        text: As the program gets it.
        scheme: Taken where the text names none.

    Returns:
        `None` where it is not certain what it means.
    """
    if text[:7].lower() == "file://":
        return _file(text[7:])
    plain = text.isascii()
    match = _ASCII.fullmatch(text.encode()) if plain else _URL.fullmatch(text)
    if match is None:
        return None
    given, host, port, rest = (text[slice(*match.span(n))] for n in _PARTS)
    host = host.lower()
    if not given:
        if host.startswith(GUESSED):
            return None
    else:
        scheme = given.lower()
        if scheme not in SCHEMES:
            return None
    number = int(port) if port else 0
    if number > PORT_MAX or not _certain(host):
        return None
    path = rest.partition("#")[0]
    return Url(scheme, host.strip("[]"), number, path)


def _certain(host: str) -> bool:
    if host[0] == "[":
        return True
    if host[0] in ".-" or host[-1] in ".-" or ".." in host:
        return False
    last = host.rpartition(".")[2]
    if not last[:1].isdigit():
        return True
    # A host that ends in a number is an address, written in one way only.
    return not _NUMERIC.fullmatch(last) or bool(_QUAD.fullmatch(host))


def _file(rest: str) -> Url | None:
    rest = rest.removeprefix("localhost")
    if rest[:1] != "/" or UNKNOWN in rest or "%" in rest or not rest.isascii():
        return None
    return Url("file", "", 0, rest.partition("?")[0].partition("#")[0])
