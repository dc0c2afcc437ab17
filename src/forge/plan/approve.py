"""``forge approve``: a steward signs one plan, to be carried out without the gate."""

import argparse
import getpass
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console

from clawlaw.core.errors import ClawLawError
from clawlaw.private import create_private, read_private
from forge.change.model import Plan, decode_plan
from forge.change.verdict import Path as Way
from forge.change.verdict import Verdict, decide
from forge.errors import ForgeError, InputError
from forge.plan.tell import tell

if TYPE_CHECKING:
    from clawlaw.gate.stewards import StewardKey

MINUTE = 60_000  # milliseconds
MILLISECONDS = 1000
MOST_MINUTES = 480


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """What a steward would sign, as `forge plan --json` prints it.

    Attributes:
        platform: `forge_name` of the inventory.
        plan: Digest.
        policy: Digest.
        verdict: "escalate"; what is denied cannot be approved.
        gates: Rules that ask.
    """

    platform: str
    plan: str
    policy: str
    verdict: str
    gates: tuple[str, ...]


class _Printed(msgspec.Struct, frozen=True):
    plan: msgspec.Raw
    repair: Repair


def asks_for(plan: Plan, platform: str, now: int) -> Repair:
    """Return what a steward would have to sign if the gate were dead.

    Args:
        plan: Against what is applied.
        platform: `forge_name`.
        now: Milliseconds since the epoch.
    """
    asked = decide(plan, Way.REPAIR, now=now)
    return Repair(
        platform=platform,
        plan=asked.plan,
        policy=asked.policy,
        verdict=asked.verdict,
        gates=asked.gates,
    )


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``approve`` to the ``forge`` command."""
    part = subparsers.add_parser(
        "approve",
        help="sign the repair of one plan while the gate is dead",
        description="Show a plan and sign it with a steward's key. The file lets"
        " exactly this plan run once while the gate is dead: FORGE_APPROVAL=FILE"
        " ansible-playbook ... Where the gate answers, clawlaw steward does it.",
    )
    part.add_argument(
        "plan", type=Path, metavar="PLAN.json", help="of forge plan --json"
    )
    part.add_argument(
        "--key", type=Path, required=True, metavar="FILE",
        help="made by clawlaw steward keygen",
    )  # fmt: skip
    part.add_argument("-m", "--reason", required=True, metavar="TEXT", help="why")
    part.add_argument(
        "--minutes", type=int, default=60, metavar="N",
        help=f"how long it counts, at most {MOST_MINUTES}; default: 60",
    )  # fmt: skip
    part.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE",
        help="a new file, made with mode 0600",
    )  # fmt: skip
    part.add_argument(
        "--passphrase-file", type=Path, metavar="FILE",
        help="read the passphrase here, mode 0600, and do not ask for it",
    )  # fmt: skip
    part.add_argument(
        "-y", "--yes", action="store_true", help="do not ask whether it is meant"
    )
    part.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show one plan, sign it, write the approval.

    Returns:
        0.
    """
    from forge.change.approvals import sign  # noqa: PLC0415  # needs cryptography

    now = int(time.time() * MILLISECONDS)
    plan, printed = _read(options.plan)
    asked = decide(plan, Way.REPAIR, now=now)
    _same(printed, asked)
    tell(Console(stderr=True), plan, asked)
    if not options.yes:
        _confirm()
    try:
        file = sign(
            asked,
            _open(options.key.expanduser(), options.passphrase_file),
            platform=printed.platform,
            reason=options.reason,
            now=now,
            life=options.minutes * MINUTE,
        )
        create_private(options.output, file)
    except ClawLawError as error:
        raise ForgeError(str(error)) from error
    print(f"{options.output}: counts once, for {options.minutes} minutes")  # noqa: T201 - a command's output
    return 0


def _read(path: Path) -> tuple[Plan, Repair]:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Printed)
        return decode_plan(bytes(found.plan)), found.repair
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: {error}",
            remedy="make it with forge plan --json -o FILE, without --from",
        ) from error


def _same(printed: Repair, asked: Verdict) -> None:
    """Refuse to sign what was printed under other laws, or for another plan."""
    for what, was, found in (
        ("plan", printed.plan, asked.plan),
        ("policy", printed.policy, asked.policy),
    ):
        if was != found:
            raise InputError(
                f"the file names {what} {was}, here it is {found}",
                remedy="sign in the checkout that the plan was made in",
            )


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise InputError("there is no terminal to ask on", remedy="give --yes")
    sys.stderr.write("sign this? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise ForgeError("nothing was signed")


def _open(path: Path, passphrase_file: Path | None) -> "StewardKey":
    from clawlaw.gate.stewards import hardware, load  # noqa: PLC0415  # as above

    found = hardware(path)
    if found is not None:
        sys.stderr.write("touch the device of your key\n")
        return found
    if passphrase_file is not None:
        said = read_private(passphrase_file).decode("utf-8", "replace").rstrip("\n")
    elif sys.stdin.isatty():
        said = getpass.getpass("passphrase: ")
    else:
        raise InputError(
            "there is no terminal to ask for the passphrase on",
            remedy="give --passphrase-file FILE, mode 0600",
        )
    return load(path, said)
