"""What is known of a short Python program that was accepted."""

from dataclasses import dataclass, field


class PythonError(ValueError):
    """The program holds something that is not listed; says what."""


@dataclass(slots=True)
class Program:
    """What a program reaches.

    Attributes:
        reads: Files whose content it reads.
        looks: Paths whose names or attributes it asks for.
        writes: Files it writes, with whether it appends.
        variables: Environment variables it reads; "*" for any.
        imports: Modules it loads.
    """

    reads: list[str] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    writes: list[tuple[str, bool]] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
