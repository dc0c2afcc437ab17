"""`clawlaw ssh`: the authority of runs' SSH certificates."""

import pwd
import shutil
from pathlib import Path
from typing import Annotated

import typer

from clawlaw.cli.options import JsonOption
from clawlaw.cli.output import OK, UsageError, either, out, reported

app = typer.Typer(
    name="ssh",
    help="The authority that signs SSH certificates of allowed runs.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _group() -> None:
    """Keep `keygen` a command of its own while it is the only one."""


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Of the private key.")],
    *,
    owner: Annotated[
        str,
        typer.Option(metavar="ACCOUNT", help="The gate's; default: who asks."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Make the authority's key; FILE.pub gets what hosts have to trust."""
    with reported(as_json=as_json):
        from clawlaw.gate.authority import Authority  # noqa: PLC0415  # an extra

        account = _account(owner) if owner else None
        made = Authority.make(file)
        if account:
            shutil.chown(file, account.pw_uid, account.pw_gid)
        said = {"key": str(file), "public": made.line, "fingerprint": made.fingerprint}
        either(said, as_json=as_json, text=lambda: _print(file, made.fingerprint))
    raise typer.Exit(OK)


def _print(file: Path, fingerprint: str) -> None:
    out.print(f"{file}: made, {fingerprint}", markup=False)
    out.print(f"{file.with_suffix('.pub')}: for TrustedUserCAKeys", markup=False)


def _account(name: str) -> pwd.struct_passwd:
    """Look an account up before anything is made.

    Raises:
        UsageError: Nobody has that name.
    """
    try:
        return pwd.getpwnam(name)
    except KeyError as error:
        raise UsageError("--owner", f"{name!r}: no such account") from error
