"""A path of an effect, as written and as it leads."""

from msgspec import Struct

from clawlaw.core.facts import PathFact


class Target(Struct, frozen=True):
    """One path that an effect reaches.

    A rule that allows must hold for `written` and `real`; a rule that refuses
    applies where it holds for either.

    Attributes:
        written: The path of the effect, lexically normalised and folded.
        real: Where it leads, folded; "" where that is not known.
        fact: What was found there.
        strange: Holds characters that the folding does not know.
    """

    written: str
    real: str
    fact: PathFact
    strange: bool = False
