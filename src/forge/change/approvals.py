"""A steward's signature under exactly one plan, to repair a gate that is dead.

Where the gate answers, stewards answer there. While it does not, a plan may run if a
steward signed it: the file names platform, plan, policy and the rules that it waives,
counts until it expires, and once. That it is used is on the disk before anything is
allowed; a crash in between has used it up.

Whose signature counts stands in `stewards` beside the applied state, a line a steward,
as `clawlaw steward keygen` prints it. No inventory and no variable says it. A line that
is taken out revokes the key.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from clawlaw.core.canonical import Json
from clawlaw.core.errors import ClawLawError
from clawlaw.core.facts import Approval
from clawlaw.gate.stewards import StewardKey, Stewards, statement
from clawlaw.private import PrivateFileError, create_private, read_private
from forge.change.model import Plan
from forge.change.permit import RefusedError
from forge.change.proposal import Run
from forge.change.verdict import PRINCIPALS, Verdict, decide, policy_of
from forge.change.verdict import Path as Way
from forge.errors import ForgeError

ABOUT: Final = "repair"  # kind of the signed statement; one of another kind is none
STEWARDS: Final = "stewards"
USED: Final = "used-approval-"  # and the statement's digest: a file beside the state
MOST_BYTES: Final = 64 << 10
LONGEST: Final = 8 * 3_600_000  # milliseconds, as at the gate
PATIENCE: Final = 2_000  # milliseconds that two clocks may differ
AGAIN: Final = "have the plan signed again: forge plan --json, forge approve"


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file that a steward signed.

    Attributes:
        platform: `forge_name` of the inventory; it counts for no other.
        plan: Digest.
        policy: Digest.
        gates: Rules that it waives; every other one still judges.
        reason: Why, in one line.
        made: Milliseconds since the epoch.
        expires: Likewise.
        key: Id of the steward's key.
        signature: Base64, of everything else.
    """

    platform: str
    plan: str
    policy: str
    gates: tuple[str, ...]
    reason: str
    made: int
    expires: int
    key: str
    signature: str = ""


def sign(
    asked: Verdict, key: StewardKey, *, platform: str, reason: str, now: int, life: int
) -> bytes:
    """Return the approval of one plan, as a file.

    Args:
        asked: The verdict of `decide(plan, Path.REPAIR, ...)` that the steward saw.
        key: Of the steward.
        platform: `forge_name`.
        reason: Why, in one line.
        now: Milliseconds since the epoch.
        life: Milliseconds that it counts, at most eight hours.

    Raises:
        RefusedError: Nobody can approve it, no reason is given, or it lives too long.
    """
    if asked.path is not Way.REPAIR or asked.verdict != "escalate":
        raise RefusedError(
            f"{asked.verdict.upper()} by {asked.path}: {asked.reason}: no approval"
            " changes that",
            remedy=asked.remedy or None,
        )
    if not reason.strip() or not 0 < life <= LONGEST:
        raise RefusedError(
            "an approval has a reason, and counts for eight hours at most",
            remedy="give --reason TEXT and --minutes 1 to 480",
        )
    signed = Signed(
        platform=platform,
        plan=asked.plan,
        policy=asked.policy,
        gates=asked.gates,
        reason=reason.strip(),
        made=now,
        expires=now + life,
        key=key.steward.key,
    )
    whole = msgspec.structs.replace(signed, signature=key.sign(_statement(signed)))
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def load(path: Path) -> bytes:
    """Return the file that holds an approval.

    Raises:
        RefusedError: It cannot be read.
    """
    try:
        with path.expanduser().open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise RefusedError(
            f"the approval {path}: {error.strerror}",
            remedy="name the file that forge approve wrote in FORGE_APPROVAL",
        ) from error


def repair(
    plan: Plan, file: bytes, folder: Path, *, now: int, run: Run | None = None
) -> Verdict:
    """Judge a plan while the gate is dead, with what a steward signed.

    Args:
        plan: Of this run.
        file: The approval, as it came.
        folder: Of this platform's state; it has the platform's name.
        now: Milliseconds since the epoch.
        run: What else the proposal says.

    Returns:
        The verdict; "allow" only after the use of the approval is on the disk. A
        denial uses nothing up: no approval opens the structure.

    Raises:
        RefusedError: The file is none, not by a steward, of another plan or policy,
            expired, ahead of the clock, or was used.
        ForgeError: Its use cannot be recorded.
    """
    signed = _read(file)
    approver = _signer(signed, folder)
    _check(signed, plan, folder.name, now)
    used = folder / f"{USED}{sha256(_statement(signed)).hexdigest()}"
    if os.path.lexists(used):
        raise RefusedError(f"the approval was used before: {used.name}", remedy=AGAIN)
    asked = decide(plan, Way.REPAIR, now=now, run=run)
    given = Approval(
        asked.action, signed.policy, signed.gates, approver, signed.expires
    )
    verdict = decide(plan, Way.REPAIR, now=now, run=run, approvals=[given])
    if verdict.verdict == "allow":
        _use(used, file)
    return msgspec.structs.replace(verdict, approval=file.decode())


def _read(file: bytes) -> Signed:
    if len(file) > MOST_BYTES:
        raise RefusedError(f"the approval has more than {MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(file, type=Signed)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(
            f"the approval cannot be read: {error}", remedy=AGAIN
        ) from error


def _signer(signed: Signed, folder: Path) -> str:
    path = folder / STEWARDS
    try:
        lines = read_private(path).decode("utf-8", "replace").splitlines()
        known = Stewards([n for n in lines if n.strip()], PRINCIPALS.values())
        return known.verify(signed.key, _statement(signed), signed.signature).name
    except ClawLawError as error:
        raise RefusedError(
            f"the approval does not count: {error}",
            remedy=f"{path}, mode 0600, lists the stewards; {AGAIN}",
        ) from error


def _check(signed: Signed, plan: Plan, platform: str, now: int) -> None:
    for what, approved, found in (
        ("platform", signed.platform, platform),
        ("plan", signed.plan, plan.digest),
        ("policy", signed.policy, policy_of().digest),
    ):
        if approved != found:
            raise RefusedError(
                f"the approval is for {what} {approved}, this run has {found}",
                remedy=AGAIN,
            )
    if now + PATIENCE < signed.made:
        raise RefusedError(
            "the clock is behind: the approval was signed"
            f" {(signed.made - now) / 1000:.0f} s after now",
            remedy="set the clock of this machine, then run it again",
        )
    if now >= signed.expires or signed.expires - signed.made > LONGEST:
        raise RefusedError(
            "the approval has expired, or would count for more than eight hours",
            remedy=AGAIN,
        )


def _statement(signed: Signed) -> bytes:
    said: dict[str, Json] = msgspec.json.decode(msgspec.json.encode(signed))
    del said["signature"], said["platform"]
    return statement(signed.platform, ABOUT, said)


def _use(path: Path, file: bytes) -> None:
    """Note the use on the disk, in a file that was not there: one of two runs can."""
    try:
        create_private(path, file)
    except PrivateFileError as error:
        if os.path.lexists(path):
            raise RefusedError(
                f"the approval was used before: {path.name}", remedy=AGAIN
            ) from error
        raise ForgeError(
            f"that the approval is used cannot be recorded: {error}",
            remedy="make the disk of the applied state writable, and run it again",
        ) from error
