"""`clawlaw gate`: the daemon that decides, records and answers."""

from pathlib import Path
from typing import Annotated

import typer

from clawlaw.cli.output import OK, out, reported

CONFIG = Path("/etc/clawlaw/gate.yaml")

ConfigOption = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="Configuration, mode 0600.")
]
CheckOption = Annotated[
    bool, typer.Option("--check", help="Say whether it could start, and start nothing.")
]


def gate(*, config: ConfigOption = CONFIG, check: CheckOption = False) -> None:
    """Serve as the enforcement point until a signal asks to stop.

    SIGTERM drains and ends; SIGHUP reads the policy again.
    """
    with reported():
        from clawlaw.gate.daemon import Daemon  # noqa: PLC0415  # needs the extra `gate`

        daemon = Daemon(config)
        if not check:
            daemon.run()
            raise typer.Exit(OK)
        policy = daemon.policy
        out.print(f"{config}: can be used", markup=False)
        out.print(f"  policy {policy.name} {policy.version} {policy.digest}")
        for part in daemon.config.listeners:
            out.print(f"  {part.place}: {', '.join(part.rights)}", markup=False)
        if daemon.config.mode == "observe":
            out.print("  observe: nothing is stopped", style="yellow")
    raise typer.Exit(OK)
