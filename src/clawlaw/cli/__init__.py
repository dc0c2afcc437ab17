"""The `clawlaw` command: judge actions, and look at policies and decisions.

Exit codes, the same for every command: 0 allowed, done, identical; 1 the answer is no;
2 the input is invalid; 3 denied; 4 escalated; 70 a defect of the command; 130
interrupted. A traceback is printed only where `CLAWLAW_DEBUG` is set.
"""

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from clawlaw import __version__
from clawlaw.cli import (
    agents,
    drill,
    evidence,
    execute,
    policy,
    ssh,
    steward,
    witness,
)
from clawlaw.cli.anchor import anchor
from clawlaw.cli.backtest import backtest
from clawlaw.cli.bench_cases import bench_cases
from clawlaw.cli.decide import decide, explain
from clawlaw.cli.gate import gate
from clawlaw.cli.inference import inference
from clawlaw.cli.init import init
from clawlaw.cli.observe import observe
from clawlaw.cli.output import err
from clawlaw.cli.replay import replay
from clawlaw.cli.trace import trace
from clawlaw.cli.verify import verify

DEFECT = 70  # EX_SOFTWARE of sysexits.h

app = typer.Typer(
    name="clawlaw",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:  # noqa: FBT001  # typer's way to call it
    if value:
        typer.echo(f"clawlaw {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Judge every action that an agent proposes: allow, deny or escalate."""
    del version


JUDGING = (init, decide, explain, replay, backtest, observe, bench_cases)
for command in (*JUDGING, verify, trace):
    app.command(command.__name__.replace("_", "-"))(command)
app.command()(gate)
app.command()(inference)
app.add_typer(policy.app)
app.add_typer(agents.app)
app.add_typer(drill.app)
execute.register(app)
app.add_typer(evidence.app)
app.add_typer(ssh.app)
app.add_typer(steward.app)
app.add_typer(witness.app)
app.command()(anchor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Without the program's name; `None` takes `sys.argv`.

    Returns:
        The exit code.
    """
    try:
        app(args=arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except Exception as error:
        if os.environ.get("CLAWLAW_DEBUG"):
            raise
        err.print(
            f"clawlaw: a defect ({type(error).__name__}: {error}); "
            "CLAWLAW_DEBUG=1 shows where",
            style="red",
            markup=False,
        )
        return DEFECT
    return 0
