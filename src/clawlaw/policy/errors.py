"""What is wrong with a policy, where, and what would be right."""

from collections.abc import Iterable
from difflib import get_close_matches


class PolicyError(ValueError):
    """A policy that cannot be used.

    Attributes:
        file: Name of the document, relative to the policy's folder.
        line: From 1; 0 where it is the document or the folder as a whole.
        problem: What is wrong: got and expected.
        suggestion: What was probably meant, "" where nothing is near.
    """

    def __init__(
        self, file: str, line: int, problem: str, suggestion: str = ""
    ) -> None:
        """Keep the place beside the message."""
        self.file = file
        self.line = line
        self.problem = problem
        self.suggestion = suggestion
        place = f"{file}:{line}" if line else file
        hint = f" (did you mean {suggestion!r}?)" if suggestion else ""
        super().__init__(f"{place}: {problem}{hint}")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like `word`, or ""."""
    folded = {k.lower().replace("-", "_"): k for k in sorted(known)}
    near = get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else ""
