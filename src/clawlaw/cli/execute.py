"""`clawlaw run` and `clawlaw agent run`: the executor reads its own options.

They start once for every action, so that the executor has a light entry of its own,
`clawlaw-run`; here they stand beside the other commands.
"""

import typer

_AS_GIVEN = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}

agent = typer.Typer(name="agent", help="Run a whole client.", no_args_is_help=True)


def run(context: typer.Context) -> None:
    """Perform a permitted action inside the sandbox."""
    from clawlaw.executor.run import main  # noqa: PLC0415  # only where it is wanted

    raise typer.Exit(main(context.args))


@agent.command("run", context_settings=_AS_GIVEN)
def run_agent(context: typer.Context) -> None:
    """Run a client so that only its permits give it power."""
    from clawlaw.executor.agent import main  # noqa: PLC0415  # only where it is wanted

    raise typer.Exit(main(context.args))


def register(app: typer.Typer) -> None:
    """Put both beside the other commands."""
    app.command("run", context_settings=_AS_GIVEN)(run)
    app.add_typer(agent)
