"""What the command prints and how it ends: text for people, JSON for programs."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from clawlaw.core.decision import Verdict
from clawlaw.core.errors import ClawLawError

OK = 0
DIFFERENT = 1  # the answer is no: a difference, a finding, a harmful case allowed
INVALID = 2  # the question could not be read
DENIED = 3
ESCALATED = 4
INTERRUPTED = 130

EXIT_OF = {Verdict.ALLOW: OK, Verdict.ESCALATE: ESCALATED, Verdict.DENY: DENIED}
STYLE = {"allow": "green", "escalate": "yellow", "ask": "yellow", "deny": "bold red"}

WIDE = 160  # columns of a table that goes to a file or a pipe


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDE
    return console


out = _console(stderr=False)
err = _console(stderr=True)


class UsageError(ClawLawError):
    """The command was asked something it cannot answer.

    Attributes:
        where: File, line or option.
        problem: Got and expected.
        remedy: What to do.
    """

    def __init__(self, where: str, problem: str, remedy: str = "") -> None:
        """Say what, where, remedy."""
        super().__init__(f"{where}: {problem}" + (f"\n  {remedy}" if remedy else ""))
        self.where = where
        self.problem = problem
        self.remedy = remedy


def fail(error: Exception, *, as_json: bool = False) -> NoReturn:
    """Print what is wrong, where, and the remedy; end with INVALID."""
    if as_json:
        print_json({"error": str(error)})
    err.print(f"clawlaw: {error}", style="red", markup=False)
    raise typer.Exit(INVALID)


@contextmanager
def reported(*, as_json: bool = False) -> Iterator[None]:
    """Turn what a person can put right into a message; anything else is a defect."""
    from clawlaw.policy.errors import PolicyError  # noqa: PLC0415  # slow to load

    try:
        yield
    except (ClawLawError, PolicyError) as error:
        fail(error, as_json=as_json)
    except ModuleNotFoundError as error:
        remedy = (
            "install the gate's extras: pip install 'clawlaw[gate,anchor,inference]'"
        )
        problem = UsageError(str(error.name), "not installed", remedy)
        fail(problem, as_json=as_json)
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError:
        raise  # the reader went away: the command ends, and says nothing
    except OSError as error:
        place = error.filename or "input"
        fail(UsageError(str(place), str(error.strerror or error)), as_json=as_json)


def print_json(value: object) -> None:
    """Print one line of JSON, keys sorted."""
    sys.stdout.write(json.dumps(value, sort_keys=True, ensure_ascii=False) + "\n")


def print_bytes(value: bytes) -> None:
    """Print one line of bytes as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(value + b"\n")
    sys.stdout.buffer.flush()


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    to_stderr: bool = False,
) -> None:
    """Print a table; numbers to the right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for i, column in enumerate(columns):
        number = bool(rows) and isinstance(rows[0][i], int)
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*[str(cell) for cell in row])
    (err if to_stderr else out).print(table)


def styled(verdict: str) -> str:
    """A verdict in its colour, as markup."""
    return f"[{STYLE[verdict]}]{verdict.upper()}[/]"


def either(
    value: Mapping[str, Any], *, as_json: bool, text: Callable[[], None]
) -> None:
    """Print the value as JSON or call what prints it for a person."""
    if as_json:
        print_json(value)
    else:
        text()
