"""`clawlaw evidence`: proofs that verify without the log."""

import pwd
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from clawlaw.cli.evidence_query import query, rebuild, retention
from clawlaw.cli.options import JsonOption
from clawlaw.cli.output import (
    DIFFERENT,
    OK,
    UsageError,
    either,
    err,
    out,
    print_json,
    reported,
)
from clawlaw.cli.verify import KeysOption, LogArgument, read_keys

_HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="evidence",
    help="Proofs of the evidence log, and an index to look things up.",
    no_args_is_help=True,
    context_settings=_HELP,
)
proof_app = typer.Typer(
    name="proof",
    help="Write a proof that verifies with the public key alone.",
    no_args_is_help=True,
    context_settings=_HELP,
)
app.add_typer(proof_app)
for command in (query, rebuild, retention):
    app.command()(command)

OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE", help="Default: the output."),
]


@proof_app.command()
def inclusion(
    folder: LogArgument,
    entry: Annotated[
        str, typer.Argument(metavar="ID|INDEX", help="Id of a decision, or an index.")
    ],
    *,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            metavar="NOTE",
            help="Signed head to prove it under; default: the log's last one.",
        ),
    ] = None,
    output: OutOption = None,
) -> None:
    """Prove that an entry is in the log."""
    with reported():
        from clawlaw.evidence.lookup import index_of, last_head  # noqa: PLC0415
        from clawlaw.evidence.proof import encode_proof, prove_inclusion  # noqa: PLC0415

        index = int(entry) if entry.isdecimal() else index_of(folder, entry)
        note = _read_note(checkpoint) if checkpoint else last_head(folder)
        _write(encode_proof(prove_inclusion(folder, index, note)), output)


@proof_app.command()
def consistency(
    folder: LogArgument,
    first: Annotated[
        Path, typer.Argument(metavar="NOTE", help="Signed head that was kept.")
    ],
    *,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", metavar="NOTE", help="Later head; default: the last one."
        ),
    ] = None,
    output: OutOption = None,
) -> None:
    """Prove that the log extends what it was at a head that was kept."""
    with reported():
        from clawlaw.evidence.lookup import last_head  # noqa: PLC0415  # an extra
        from clawlaw.evidence.proof import (  # noqa: PLC0415  # an extra
            encode_proof,
            prove_consistency,
        )

        second = _read_note(checkpoint) if checkpoint else last_head(folder)
        _write(
            encode_proof(prove_consistency(folder, _read_note(first), second)), output
        )


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Of the private key.")],
    *,
    name: Annotated[
        str, typer.Option(metavar="ORIGIN", help="Name in every signature.")
    ],
    owner: Annotated[
        str,
        typer.Option(metavar="ACCOUNT", help="Who signs with it; default: who asks."),
    ] = "",
) -> None:
    """Make the key that signs a log's checkpoints; FILE.pub gets the published form."""
    with reported():
        from clawlaw.evidence.keys import make_signer  # noqa: PLC0415  # an extra

        if owner:
            _check_account(owner)
        make_signer(file, name)
        if owner:
            shutil.chown(file, owner, pwd.getpwnam(owner).pw_gid)
        out.print(f"{file}: made; {file.with_suffix('.pub')} is public", markup=False)
    raise typer.Exit(OK)


def _check_account(name: str) -> None:
    """Before anything is made.

    Raises:
        UsageError: Nobody has that name.
    """
    try:
        pwd.getpwnam(name)
    except KeyError as error:
        raise UsageError("--owner", f"{name!r}: no such account") from error


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Proof.")],
    *,
    key: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a proof without the log. Ends with 0 where it holds, 1 where not."""
    with reported(as_json=as_json):
        from clawlaw.evidence.errors import NoteError  # noqa: PLC0415  # an extra
        from clawlaw.evidence.proof import (  # noqa: PLC0415  # an extra
            Inclusion,
            ProofError,
            check_proof,
            decode_proof,
        )

        keys = read_keys(key)
        if not keys:
            raise UsageError("--key", "is missing", "give the log's public key")
        proof = decode_proof(file.read_bytes())
        try:
            head, names = check_proof(proof, keys)
        except (ProofError, NoteError) as error:
            if as_json:
                print_json({"holds": False, "why": str(error)})
            err.print(f"does not hold: {error}", style="bold red", markup=False)
            raise typer.Exit(DIFFERENT) from error
    kind = "inclusion" if isinstance(proof, Inclusion) else "consistency"
    said = {
        "holds": True,
        "proof": kind,
        "origin": head.origin,
        "size": head.size,
        "signed_by": names,
    }
    if isinstance(proof, Inclusion):
        said |= {"index": proof.index, "entry": proof.entry}
        text = f"entry {proof.index} is in {head.origin}\n{proof.entry}"
    else:
        text = f"{head.origin} with {head.size} entries extends what it was"
    text = f"holds: {text}\nsigned by {', '.join(names)}"
    either(said, as_json=as_json, text=lambda: out.print(text, markup=False))
    raise typer.Exit(OK)


def _read_note(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(str(path), "is not a signed note") from error


def _write(data: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(data.decode())
    else:
        output.write_bytes(data)
        err.print(f"wrote {output}", markup=False)
