"""Addresses as programs take them: URLs and places on other machines."""

from string import ascii_lowercase, digits

from msgspec import Struct

from clawlaw.core.shell.words import UNKNOWN

PORT_MAX = 65_535
SCHEME_MAX = 20  # characters that an effect keeps
SCHEME = frozenset(ascii_lowercase + digits + "+-.")


class Address(Struct, frozen=True):
    """Parts of an address.

    Attributes:
        host: In lower case; "" where any part of it is unknown.
        port: 0: of the scheme.
        path: Path and query.
        login: A name, perhaps with a password, stands in front of the host.
    """

    scheme: str
    host: str
    port: int = 0
    path: str = ""
    login: bool = False


def read_address(text: str, scheme: str = "https") -> Address:
    """Split a URL by hand; what is not plainly a host is no host.

    Args:
        text: "scheme://user@host:port/path", each part but the host optional.
        scheme: Taken where the text names none.

    Source: RFC 3986, section 3; a backslash ends the authority, as browsers and curl
        read it differently.
    """
    head, mark, rest = text.partition("://")
    if mark:
        scheme = head.lower()
        if len(scheme) > SCHEME_MAX or not set(scheme) <= SCHEME:
            scheme = "unknown"
    else:
        rest = text
    end = min((rest.find(c) for c in "/?#\\" if c in rest), default=len(rest))
    authority, path = rest[:end], rest[end:]
    host = authority.rpartition("@")[2]
    port = 0
    if host.startswith("["):
        host, _, tail = host[1:].partition("]")
        digits = tail.removeprefix(":")
    else:
        host, _, digits = host.partition(":")
    if digits:
        if not digits.isascii() or not digits.isdecimal() or int(digits) > PORT_MAX:
            return Address(scheme, "", 0, path)
        port = int(digits)
    if UNKNOWN in host or UNKNOWN in authority or "\\" in rest:
        host = ""
    return Address(scheme, host.lower().rstrip("."), port, path, "@" in authority)


def read_remote(text: str) -> Address | None:
    """A place of scp, rsync or git.

    Returns:
        `None` for a local path: no scheme, and no colon before the first slash.
    """
    if "://" in text:
        scheme = text.partition("://")[0].lower()
        return None if scheme == "file" else read_address(text)
    head, colon, path = text.partition(":")
    if not colon or "/" in head:
        return None
    host = head.rpartition("@")[2]
    return Address("ssh", "" if UNKNOWN in head else host.lower(), 0, path)
