"""Who is on the other end of a connection, and what that end may ask."""

from dataclasses import dataclass
from typing import Literal

type Right = Literal["propose", "outcome", "executor", "steward", "metrics"]


@dataclass(frozen=True, slots=True)
class Peer:
    """A caller whose identity the transport has shown.

    Attributes:
        principal: Enrolled name; "" where the caller is nobody that the gate knows.
        rights: Of the listener that it came in by.
    """

    principal: str
    rights: frozenset[Right]
