"""Which cluster tokens are refused."""

import re

# Fewer characters could be searched by someone who has a copy of the datastore,
# which the token encrypts.
SHORTEST = 16

SECURE = re.compile(r"K10[0-9a-f]{64}::[a-z]+:(?P<secret>.+)")
BOOTSTRAP = re.compile(r"[a-z0-9]{6}\.")


def token_finding(token: str) -> str:
    """Say why a cluster token is refused, without repeating any part of it.

    A token whose start looks like a bootstrap token's id is taken for one: K3s then
    asks a cluster that does not exist yet, and never starts.

    Args:
        token: In short form or in secure form (``K10<hash>::<user>:<secret>``).

    Returns:
        Problem and remedy, empty if the token may be used.

    Source: https://docs.k3s.io/cli/token, https://github.com/k3s-io/k3s/issues/12982
    """
    text = token.strip()
    remedy = "make another one: openssl rand -hex 32"
    if not text:
        return f"it is empty; {remedy}"
    if any(not character.isprintable() or character == " " for character in text):
        return f"it holds spaces or control characters; {remedy}"
    if text.startswith("K10") and "::" in text:
        secure = SECURE.fullmatch(text)
        if secure is None:
            return (
                "it starts like the secure form but is not K10<64 hexadecimal digits>"
                "::<user>:<secret>; copy it whole"
            )
        text = secure["secret"]
    if BOOTSTRAP.match(text):
        return (
            "it starts like a bootstrap token (six letters or digits and a dot), "
            f"which a server cannot start with; {remedy}"
        )
    if len(text) < SHORTEST:
        return f"its secret has {len(text)} characters, at least {SHORTEST}; {remedy}"
    return ""
