"""`clawlaw drill`: exercise a gate that runs, on its own host.

    clawlaw drill steward /var/lib/clawlaw-drill
    clawlaw drill escalation developer --steward /var/lib/clawlaw-drill
    clawlaw drill experiment developer
    clawlaw drill inference developer

A drill's steward is a real one: an Ed25519 key under a passphrase. Both lie on the
host, so whoever is root there can answer; a gate of real work has no such steward.
"""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from clawlaw.cli.agents import CONFIG, FOLDER, ConfigOption, FolderOption, NameArgument
from clawlaw.cli.inference import CONFIG as PROXY
from clawlaw.cli.options import JsonOption
from clawlaw.cli.output import DIFFERENT, OK, either, print_json, print_table, reported
from clawlaw.private import create_private, read_private

KEY = "steward.pem"
PASSPHRASE = "passphrase"  # noqa: S105  # the name of its file

app = typer.Typer(
    name="drill",
    help="Exercise a gate that runs, on its own host.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def steward(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Its own; nobody else reads it.")
    ],
    *,
    name: Annotated[str, typer.Option(help="At the gate.")] = "drill",
) -> None:
    """Make a steward for drills, or take the one that is there; print it as JSON."""
    with reported():
        from clawlaw.gate.stewards import generate, load  # noqa: PLC0415  # an extra

        key, passphrase = folder / KEY, folder / PASSPHRASE
        if not passphrase.exists():
            create_private(passphrase, f"{secrets.token_urlsafe(32)}\n".encode())
        said = read_private(passphrase).decode().strip()
        fresh = not key.exists()
        found = generate(key, name, said) if fresh else load(key, said).steward
        print_json({"line": found.text, "key": found.key, "fresh": fresh})
    raise typer.Exit(OK)


@app.command()
def escalation(
    name: NameArgument,
    *,
    steward_folder: Annotated[
        Path, typer.Option("--steward", metavar="DIR", help="Of the drill's steward.")
    ],
    account: Annotated[
        str, typer.Option(metavar="NAME", help="Whom the stewards' socket lets in.")
    ] = "clawlaw-steward",
    wait: Annotated[
        int,
        typer.Option(min=0, help="Seconds to wait for one to expire; 0: do not."),
    ] = 60,
    config: ConfigOption = CONFIG,
    credentials: FolderOption = FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Have one escalation approved and used, and one expire; nothing is performed.

    Exit code 1: one of the steps ended in another way than it must.
    """
    with reported(as_json=as_json):
        from clawlaw.cli.agent_exercise import door  # noqa: PLC0415  # needs the gate
        from clawlaw.cli.drill_steps import escalate  # noqa: PLC0415

        here = door(name, config, credentials)
        steps = escalate(here, steward_folder, account, wait)
        good = all(step.good for step in steps)
        either(
            {"agent": name, "good": good, "steps": [s.fields() for s in steps]},
            as_json=as_json,
            text=lambda: print_table(
                f"Escalations of {name}",
                ("step", "wanted", "said"),
                [(s.name, s.wanted, s.said) for s in steps],
            ),
        )
    raise typer.Exit(OK if good else DIFFERENT)


@app.command()
def experiment(
    name: NameArgument,
    *,
    actions: Annotated[
        int, typer.Option(min=5, max=10_000, help="Performed twice.")
    ] = 200,
    config: ConfigOption = CONFIG,
    credentials: FolderOption = FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Perform the same actions without the gate and with it, as the agent's account.

    Milliseconds from the wish to the result, side by side; what is made is removed.
    Exit code 1: an action was not allowed.
    """
    with reported(as_json=as_json):
        from clawlaw.cli.experiment import PUBLISHED, run  # noqa: PLC0415  # a gate

        done = run(name, config, credentials, actions)
        shown = {**done.milliseconds, "published": PUBLISHED}
        either(
            {"agent": name, "actions": actions, "good": done.good, **done.fields()},
            as_json=as_json,
            text=lambda: print_table(
                f"{name}: {actions} actions, milliseconds",
                ("", "p50", "p95", "p99"),
                [(row, *(shown[row][p] for p in PUBLISHED)) for row in shown],
            ),
        )
    raise typer.Exit(OK if done.good else DIFFERENT)


@app.command()
def inference(
    name: NameArgument,
    *,
    proxy: Annotated[
        Path, typer.Option("--proxy", metavar="FILE", help="Of the proxy.")
    ] = PROXY,
    purpose: Annotated[
        str, typer.Option(help="Of the session whose budget is too small.")
    ] = "develop",
    config: ConfigOption = CONFIG,
    credentials: FolderOption = FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Have every declared model answer through the gate, and the rest be stopped.

    Exit code 1: one of the steps ended in another way than it must.
    """
    with reported(as_json=as_json):
        from clawlaw.cli.agent_exercise import door  # noqa: PLC0415  # needs the gate
        from clawlaw.cli.drill_inference import run  # noqa: PLC0415

        done = run(door(name, config, credentials), proxy, purpose)
        either(
            {"agent": name, **done.fields()},
            as_json=as_json,
            text=lambda: print_table(
                f"Models for {name}",
                ("step", "wanted", "said"),
                [(s.name, s.wanted, s.said) for s in done.steps],
            ),
        )
    raise typer.Exit(OK if done.good else DIFFERENT)
