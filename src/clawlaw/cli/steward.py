"""`clawlaw steward`: a person's keys, what waits for people, and their answers."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import msgspec
import typer
from rich.live import Live

from clawlaw.cli.options import JsonOption
from clawlaw.cli.output import UsageError, err, out, print_json, reported
from clawlaw.cli.steward_view import details, table, visible
from clawlaw.gate.answers import Word
from clawlaw.gate.desk_view import DeskView
from clawlaw.private import read_private

if TYPE_CHECKING:
    from clawlaw.core.canonical import Json
    from clawlaw.gate.steward_client import DeskClient
    from clawlaw.gate.stewards import StewardKey

SOCKET = Path("/run/clawlaw/steward.sock")
KEY = Path("~/.config/clawlaw/steward.pem")
TICK = 1.0  # seconds between two looks of `watch`
MINUTE = 60_000

app = typer.Typer(
    name="steward",
    help="Answer what waits for a person.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Of the escalation.")]
SessionArgument = Annotated[
    str, typer.Argument(metavar="SESSION", help="Of the session.")
]
SocketOption = Annotated[
    Path, typer.Option("--socket", metavar="PATH", help="The stewards' socket.")
]
KeyOption = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="Your private key.")
]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="Read the passphrase here, mode 0600, and do not ask for it.",
    ),
]
ReasonOption = Annotated[
    str, typer.Option("--reason", "-m", metavar="TEXT", help="Why, in one line.")
]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Answer without asking whether it is meant.")
]
AllOption = Annotated[
    bool, typer.Option("--all", "-a", help="Those that have ended as well.")
]


@app.command()
def keygen(
    name: Annotated[str, typer.Argument(help="Your name at the gate.")],
    *,
    key: KeyOption = KEY,
    passphrase_file: PassphraseOption = None,
    device: Annotated[
        Path | None,
        typer.Option(
            "--hardware",
            metavar="FILE",
            help="A key of `ssh-keygen -t ed25519-sk`, which stays in its device.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key, and print the line for the gate's configuration."""
    with reported(as_json=as_json):
        from clawlaw.gate.stewards import generate, refer  # noqa: PLC0415  # an extra

        path = key.expanduser()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if device is not None:
            steward = refer(path, name, device.expanduser())
        else:
            passphrase = _passphrase(passphrase_file, confirm=True)
            steward = generate(path, name, passphrase)
    if as_json:
        print_json({"key": steward.key, "line": steward.text, "file": str(path)})
        return
    what = "encrypted" if device is None else "points to the device"
    err.print(f"{path}: made, {what}, mode 0600. Add to the gate's configuration:")
    print(steward.text)  # noqa: T201  # to be piped


@app.command("list")
def list_cases(
    *,
    every: AllOption = False,
    socket: SocketOption = SOCKET,
    as_json: JsonOption = False,
) -> None:
    """List what waits for stewards."""
    with reported(as_json=as_json):
        view = _client(socket).view(finished=every)
    if as_json:
        print_json(msgspec.to_builtins(view))
    else:
        out.print(table(view))


@app.command()
def show(
    escalation: IdArgument,
    *,
    socket: SocketOption = SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Show one escalation: who wants to do what, where it leads, which rules ask."""
    with reported(as_json=as_json):
        view, case = _client(socket).case(escalation)
    if as_json:
        print_json(msgspec.to_builtins(view))
    else:
        out.print(details(view, case))


@app.command()
def approve(
    escalation: IdArgument,
    *,
    reason: ReasonOption,
    minutes: Annotated[
        int, typer.Option("--minutes", min=1, max=480, help="How long it counts.")
    ] = 15,
    socket: SocketOption = SOCKET,
    key: KeyOption = KEY,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let exactly this action pass once, under exactly this policy.

    The gate judges it again: an approval waives the rules that ask, and no other.
    """
    given = Given(socket, key, passphrase_file, yes, as_json)
    given.answer(escalation, "approve", reason, minutes * MINUTE)


@app.command()
def deny(
    escalation: IdArgument,
    *,
    reason: ReasonOption,
    socket: SocketOption = SOCKET,
    key: KeyOption = KEY,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Refuse an action; one steward is enough."""
    Given(socket, key, passphrase_file, yes, as_json).answer(escalation, "deny", reason)


@app.command()
def revoke(
    escalation: IdArgument,
    *,
    reason: ReasonOption,
    socket: SocketOption = SOCKET,
    key: KeyOption = KEY,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take an approval back that nothing has used yet."""
    given = Given(socket, key, passphrase_file, yes, as_json)
    given.answer(escalation, "revoke", reason)


@app.command()
def quarantine(
    session: SessionArgument,
    *,
    reason: ReasonOption,
    socket: SocketOption = SOCKET,
    key: KeyOption = KEY,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Shut a session off: everything it proposes is denied from now on."""
    given = Given(socket, key, passphrase_file, yes, as_json)
    said: dict[str, Json] = {"session": session, "reason": reason}
    given.act("quarantine", f"sessions/{quote(session, safe='')}/quarantine", said)


@app.command()
def close(
    session: SessionArgument,
    *,
    reason: ReasonOption,
    socket: SocketOption = SOCKET,
    key: KeyOption = KEY,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Close a session, shut off or not."""
    given = Given(socket, key, passphrase_file, yes, as_json)
    said: dict[str, Json] = {"session": session, "reason": reason}
    given.act("close", f"sessions/{quote(session, safe='')}/close", said)


@app.command()
def budget(
    session: SessionArgument,
    *,
    unit: Annotated[str, typer.Option("--unit", help="Of the budget.")] = "",
    ceiling: Annotated[
        int, typer.Option("--ceiling", min=0, help="New; above the old.")
    ] = 0,
    reset: Annotated[
        bool, typer.Option("--reset", help="Set what was spent to zero.")
    ] = False,
    socket: SocketOption = SOCKET,
    key: KeyOption = KEY,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Raise a budget of a session, or set what it spent to zero.

    The only way to relax the enforcement level of a session.
    """
    with reported(as_json=as_json):
        if reset == bool(unit and ceiling):
            raise UsageError(
                "budget", "raise or reset?", "give --unit and --ceiling, or --reset"
            )
    said: dict[str, Json] = {
        "session": session,
        "act": "reset" if reset else "increase",
        "unit": "" if reset else unit,
        "ceiling": 0 if reset else ceiling,
    }
    given = Given(socket, key, passphrase_file, yes, as_json)
    given.act("budget", f"sessions/{quote(session, safe='')}/budget", said)


@app.command()
def policy(
    path: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder, on the gate's machine.")
    ],
    *,
    digest: Annotated[
        str,
        typer.Option("--digest", help="Of the policy, as the gate would load it."),
    ],
    socket: SocketOption = SOCKET,
    key: KeyOption = KEY,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put another policy into force, if it is the one that is meant."""
    given = Given(socket, key, passphrase_file, yes, as_json)
    said: dict[str, Json] = {"path": str(path), "digest": digest}
    given.act("policy", "policy", said)


@app.command()
def watch(
    *,
    every: AllOption = False,
    socket: SocketOption = SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Show what waits as it changes, until Ctrl-C.

    With --json: one line for every escalation that is new or has changed.
    """
    with reported(as_json=as_json):
        client = _client(socket)
        if as_json:
            _follow(client)
        view = client.view(finished=every)
        with Live(table(view), console=out, refresh_per_second=4) as live:
            while True:
                time.sleep(TICK)
                live.update(table(client.view(finished=every)))


def _follow(client: "DeskClient") -> None:
    known: dict[str, tuple[str, int]] = {}
    while True:
        view: DeskView = client.view(finished=True)
        for case in view.escalations:
            now = case.state, len(case.approvals)
            if known.get(case.asked.id) != now:
                print_json(msgspec.to_builtins(case))
        known = {
            case.asked.id: (case.state, len(case.approvals))
            for case in view.escalations
        }
        sys.stdout.flush()
        time.sleep(TICK)


class Given(msgspec.Struct, frozen=True):
    """Options that every answer takes."""

    socket: Path
    key: Path
    passphrase_file: Path | None
    yes: bool
    as_json: bool

    def answer(self, escalation: str, word: Word, reason: str, life: int = 0) -> None:
        """Show the question, ask whether the answer is meant, sign it, give it."""
        with reported(as_json=self.as_json):
            client = _client(self.socket)
            shown = client.case(escalation)
            if not self.yes:
                err.print(details(*shown))
                typer.confirm(f"{word} this?", abort=True, err=True)
            found = client.answer(shown, word, reason, self._open(), life=life)
        if self.as_json:
            print_json(found)
        else:
            out.print(f"{escalation}: {found.get('state', word)}", markup=False)

    def act(self, about: str, where: str, said: "dict[str, Json]") -> None:
        """Ask whether another act is meant, sign it, and have it done."""
        with reported(as_json=self.as_json):
            shown = ", ".join(f"{k} {v}" for k, v in said.items() if v not in {"", 0})
            if not self.yes:
                typer.confirm(f"{about}: {visible(shown)}?", abort=True, err=True)
            found = _client(self.socket).act(about, where, said, self._open())
        if self.as_json:
            print_json(found)
        else:
            out.print(f"{about}: done, {visible(shown)}", markup=False)

    def _open(self) -> "StewardKey":
        from clawlaw.gate.stewards import hardware, load  # noqa: PLC0415  # of an extra

        path = self.key.expanduser()
        found = hardware(path)
        if found is not None:
            err.print("touch the device of your key", style="bold")
            return found
        return load(path, _passphrase(self.passphrase_file))


def _client(socket: Path) -> "DeskClient":
    from clawlaw.gate.steward_client import DeskClient  # noqa: PLC0415  # of an extra

    return DeskClient(socket)


def _passphrase(file: Path | None, *, confirm: bool = False) -> str:
    """From the file, else asked for; never from an argument or the environment."""
    if file is not None:
        return read_private(file).decode("utf-8", "replace").rstrip("\n")
    if not sys.stdin.isatty():
        raise UsageError(
            "passphrase",
            "there is no terminal to ask on",
            "give --passphrase-file FILE, mode 0600",
        )
    asked: str = typer.prompt(
        "passphrase", hide_input=True, confirmation_prompt=confirm, err=True
    )
    return asked
