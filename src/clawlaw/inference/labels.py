"""What a prompt carries, as far as it can be told: secrets, and words of others."""

from collections.abc import Iterable
from typing import Final

from clawlaw.evidence.redact import Redactor

KNOWN: Final = ("untrusted", "personal", "secret", "internal")
_FINDER: Final = Redactor(b"\0" * 32)  # its digests are not kept, only that it found


def labels_of(
    texts: Iterable[str], said: Iterable[str] = (), *, tools_spoke: bool = False
) -> tuple[str, ...]:
    """Labels of a prompt.

    Args:
        texts: Of the prompt.
        said: By the client; can only add.
        tools_spoke: It has answers of tools.

    Returns:
        In the order of ``KNOWN``. Secrets are found by the formats that issuers
        publish and by names that tell, as in the evidence log.

    Raises:
        ValueError: A label that does not exist.
    """
    found = set(said)
    if found - set(KNOWN):
        raise ValueError(f"labels are {', '.join(KNOWN)}")
    if any(_FINDER.redact(text)[1] for text in texts):
        found.add("secret")
    if tools_spoke:
        found.add("untrusted")
    return tuple(name for name in KNOWN if name in found)
