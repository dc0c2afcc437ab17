"""How long work tells what it does; the terminal's form of it is in cli.py."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

type Unit = Literal["bytes", "modules", "packages"]


class Progress(Protocol):
    """Receives what happens, from the thread that does the work."""

    def note(self, text: str) -> None:
        """Take one line that a reader should see, such as a fallback."""

    def update(self, label: str, done: int, total: int | None, unit: Unit) -> None:
        """Take the state of the running step, at least once a second.

        Args:
            label: What is being worked on; a new label is a new step.
            done: Units done so far.
            total: Units at most, or ``None`` where it is not known.
            unit: What is counted.
        """


class Silent:
    """Drops everything."""

    def note(self, text: str) -> None:
        """Drop ``text``."""

    def update(self, label: str, done: int, total: int | None, unit: Unit) -> None:
        """Drop the state."""


@dataclass
class Notes:
    """Keeps the notes, for callers that report them at the end."""

    lines: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep ``text``."""
        self.lines.append(text)

    def update(self, label: str, done: int, total: int | None, unit: Unit) -> None:
        """Drop the state."""


SILENT: Progress = Silent()
