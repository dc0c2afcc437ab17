"""Progress on a terminal: a live line for the running step, notes above it.

Where the output is no terminal (a log, CI), the step is printed now and then.
"""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from forge.artifacts.progress import Unit

_INTERVAL = 15.0  # seconds between two lines of one step in a log


class _CountColumn(ProgressColumn):
    """Bytes as sizes, everything else as numbers with their unit."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = DownloadColumn()
        self._numbers = MofNCompleteColumn()

    def render(self, task: Task) -> Text:
        """Return the count of one step."""
        if task.fields["unit"] == "bytes":
            return self._bytes.render(task)
        return self._numbers.render(task).append(f" {task.fields['unit']}")


class Display:
    """Shows progress on a console; used as a context."""

    def __init__(self, console: Console) -> None:
        """Show it on ``console``."""
        self._console = console
        self._live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            _CountColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._label = ""
        self._started = self._printed = time.monotonic()

    def __enter__(self) -> Self:
        """Begin to show."""
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live line away."""
        self._live.stop()

    def note(self, text: str) -> None:
        """Print one line above the live one."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def update(self, label: str, done: int, total: int | None, unit: Unit) -> None:
        """Show the state of the running step."""
        if label != self._label:
            self._label = label
            self._started = self._printed = time.monotonic()
            if self._task is not None:
                self._live.remove_task(self._task)
            self._task = self._live.add_task(label, total=total, unit=unit)
        if self._task is not None:
            self._live.update(self._task, completed=done, total=total)
        if not self._console.is_terminal:
            self._log(label, done, total, unit)

    def _log(self, label: str, done: int, total: int | None, unit: Unit) -> None:
        now = time.monotonic()
        if now - self._printed < _INTERVAL:
            return
        self._printed = now
        of = "" if total is None else f" of at most {total}"
        self.note(f"{label}: {done}{of} {unit}, {now - self._started:.0f} s")
