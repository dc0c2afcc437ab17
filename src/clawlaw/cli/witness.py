"""`clawlaw witness`: co-sign the heads of logs that only grow."""

import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clawlaw.cli.options import JsonOption
from clawlaw.cli.output import UsageError, err, print_json, reported

if TYPE_CHECKING:
    from ssl import SSLContext

app = typer.Typer(
    name="witness",
    help="Co-sign the heads of logs that only grow.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

KeyOption = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="The witness's private key.")
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="In every cosignature: a host, a path.")
]


@app.command()
def keygen(name: NameArgument, *, key: KeyOption, as_json: JsonOption = False) -> None:
    """Make a key, and print the line for whoever verifies its cosignatures."""
    with reported(as_json=as_json):
        from clawlaw.evidence.keys import make_signer  # noqa: PLC0415  # of an extra

        line = make_signer(key, name).cosigner.encode()
    if as_json:
        print_json({"line": line, "file": str(key)})
    else:
        err.print(f"{key}: made, mode 0600. For whoever verifies:", markup=False)
        print(line)  # noqa: T201  # to be piped


@app.command()
def setup(
    name: NameArgument,
    *,
    folder: Annotated[
        Path,
        typer.Option("--folder", metavar="DIR", help="Of the witness alone."),
    ],
    address: Annotated[
        list[str],
        typer.Option(metavar="IP", help="The certificate is for; more than one."),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Only look, and make nothing.")
    ] = False,
) -> None:
    """Make key and certificate where they are missing; print the public parts as JSON.

    A certificate is made anew 90 days before its end, and for other addresses.
    """
    with reported():
        import datetime as dt  # noqa: PLC0415  # only here

        from clawlaw.cli import witness_setup  # noqa: PLC0415  # an extra

        act = witness_setup.standing if check else witness_setup.setup
        try:
            made = act(folder, name, address, dt.datetime.now(dt.UTC))
        except ValueError as error:
            raise UsageError("--address", str(error)) from error
    print_json({"key": made.key, "certificate": made.certificate, "fresh": made.fresh})


@app.command()
def serve(
    name: NameArgument,
    *,
    key: KeyOption,
    folder: Annotated[
        Path,
        typer.Option("--folder", metavar="DIR", help="What was seen, kept for ever."),
    ],
    logs: Annotated[
        Path,
        typer.Option(
            "--logs", metavar="FILE", help="Keys of the logs to watch, one a line."
        ),
    ],
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to listen.")
    ] = "127.0.0.1:8790",
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="PEM chain, for TLS."),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="PEM, for TLS.")
    ] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    The origin of a log is the name of its key.
    """
    with reported():
        from clawlaw.evidence.keys import read_signer, read_verifiers  # noqa: PLC0415
        from clawlaw.evidence.witness import Witness  # noqa: PLC0415  # of an extra
        from clawlaw.evidence.witness_http import WitnessServer  # noqa: PLC0415

        watched = [(v.name, v) for v in read_verifiers(logs)]
        witness = Witness(folder, read_signer(key, name), watched)
        server = WitnessServer(
            _address(listen),
            witness,
            tuple(origin for origin, _ in watched),
            lambda: int(time.time()),
            tls=_tls(certificate, tls_key),
        )
        host, port = server.server_address[:2]
        err.print(f"witness {name}: {len(watched)} log(s), {host!s}:{port}")

        def end(*_: object) -> None:
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, end)
        with server:
            server.serve_forever(0.2)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 0xFFFF:  # noqa: PLR2004  # ports
        raise UsageError("--listen", f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _tls(certificate: Path | None, key: Path | None) -> "SSLContext | None":
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UsageError("--certificate", "TLS takes a certificate and its key")
    from clawlaw.evidence.tls import serving  # noqa: PLC0415  # slow to load

    return serving(certificate, key)
