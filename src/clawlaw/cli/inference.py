"""`clawlaw inference`: the proxy between agents and models."""

from pathlib import Path
from typing import Annotated

import typer

from clawlaw.cli.output import OK, out, reported

CONFIG = Path("/etc/clawlaw/inference.yaml")

ConfigOption = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="Configuration, mode 0600.")
]
CheckOption = Annotated[
    bool, typer.Option("--check", help="Say whether it could start, and start nothing.")
]


def inference(*, config: ConfigOption = CONFIG, check: CheckOption = False) -> None:
    """Serve models to agents, every request judged by the gate, until a signal."""
    with reported():
        from clawlaw.inference.daemon import (  # noqa: PLC0415  # needs its extra
            Daemon,
        )

        daemon = Daemon(config)
        if not check:
            daemon.run()
            raise typer.Exit(OK)
        said = daemon.config
        out.print(f"{config}: can be used", markup=False)
        out.print(f"  gate {said.gate.url}", markup=False)
        for part in said.backends:
            names = ", ".join(m.name for m in said.models if m.backend == part.name)
            line = (
                f"  {part.name} ({part.engine}, tier {part.tier}) {part.url}: {names}"
            )
            out.print(line, markup=False)
    raise typer.Exit(OK)
