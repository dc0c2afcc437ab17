"""One run of a playbook between its plan and the record of what it applied."""

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from clawlaw.private import PrivateFileError, read_private, replace_private
from forge.change import applied, asking, gather, newest, windows
from forge.change.facts import host_facts
from forge.change.model import Plan, Scope
from forge.change.permit import Permit, RefusedError
from forge.change.plan import plan_of
from forge.change.proposal import Run
from forge.change.snapshot import Snapshot, read_hostvars
from forge.change.store import MOST_BYTES, RECORD_FILE, Store, state_folder
from forge.change.verdict import Path as Way
from forge.change.verdict import Verdict, decide
from forge.errors import InputError
from forge.topology.schema import WindowData

PROPOSED: Final = "proposed.json"  # beside the applied state, while a run is at work
NAME: Final = "forge_name"
# Facts of the run's first plays, which no plan shows.
RUN: Final = frozenset({"forge_topology", "forge_plan", "forge_verdict"})


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """What a run proposed, for the record at its end.

    Attributes:
        hosts: Those that it may touch.
        proposed: Facts of every host.
        begun: Digest of the record with which it begins.
    """

    run: str
    plan: Plan
    hosts: tuple[str, ...]
    proposed: dict[str, dict[str, str]]
    begun: str = ""


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """The records of a run that is about to begin, by their digests.

    Attributes:
        basis: The one before; ``none`` for the first.
        begun: The one with which it begins.
        done: The one that it writes if the gate allowed it and it ends well.
        sequence: Number of ``begun``.
    """

    basis: str
    begun: str
    done: str
    sequence: int

    def record(self, platform: str) -> dict[str, Any]:
        """Return what the gate's log gets of it, before ``begun`` is written."""
        said = {"platform": platform, "begun": self.begun, "done": self.done}
        return {"kind": "state", "digest": self.begun, "record": said}


class Job:
    """One run: its plan, and the folder that records what is applied."""

    def __init__(
        self,
        store: Store,
        plan: Plan,
        proposed: Snapshot,
        declared: Iterable[WindowData] = (),
        records: Sequence[applied.Applied] = (),
    ) -> None:
        """Keep what was prepared.

        Args:
            store: Where the applied state is.
            plan: Of the run.
            proposed: What it proposes.
            declared: Windows for changes.
            records: What is applied: the stored record, and the one that a killed run
                announced and did not write any more.
        """
        self.store = store
        self.plan = plan
        self.proposed = proposed
        self._windows = tuple(declared)
        self._records = tuple(records)

    @classmethod
    def prepare(
        cls,
        checkout: Path,
        hostvars: Mapping[str, Any],
        groups: Mapping[str, Iterable[str]],
        scope: Scope,
        extra_vars: Sequence[str],
    ) -> Self:
        """Make the plan of a run; nothing is written, but for a key on first use.

        Raises:
            ForgeError: The applied state is not trusted, or the input is invalid.
        """
        names = {str(hostvars[host].get(NAME, "")) for host in groups["all"]}
        if len(names) != 1:
            raise InputError(
                f"{NAME} is not one for all hosts: {', '.join(sorted(names))}",
                remedy="set it in group_vars/all",
            )
        store = Store(state_folder(names.pop()))
        key, records = store.key(), _records(store)
        newest.refuse_older(store.folder, records[0] if records else None)
        record = records[-1] if records else None
        around = gather.surroundings(checkout, key=key, extra_vars=extra_vars)
        proposed = read_hostvars(hostvars, groups, around, key)
        # A first installation that failed is tried again, with another tree as well.
        before = asking.basis(record, proposed)
        plan = plan_of(proposed, before, around, scope)
        return cls(store, plan, proposed, windows.declared(before), records)

    def holds(self) -> list[str]:
        """Return the digests of which the gate's log has one, if it has any.

        Empty where nothing is recorded: every host is unknown to the plan then.
        """
        if not self._records:
            return []
        digests = [record.digest() for record in reversed(self._records)]
        return digests + newest.untold(self.store.folder, digests[-1])

    def refuse_another(self, said: Mapping[str, str]) -> None:
        """Refuse a record that is not the one which the gate's log has.

        Args:
            said: ``run``, ``begun``, ``done`` and ``entry``, as the gate has them.

        Raises:
            AppliedStateError: Always.
        """
        record = self._records[0]
        raise applied.AppliedStateError(
            f"{self.store.folder / RECORD_FILE} is not what was applied last: it is"
            f" number {record.sequence}, {record.digest()}, of run {record.run}; the"
            f" gate's log has {said['begun']} or {said['done']} of run {said['run']}"
            f" (entry {said['entry']}). It was edited or put back, or another"
            " controller is at work",
            remedy=(
                "restore the folder of the controller's state as that run left it, or"
                " remove the file: every host is then unknown to the plan that the"
                " gate judges"
            ),
        )

    def asked(self, commit: str, now: int) -> Run:
        """Return what the proposal says beside the plan.

        A plan without a change is as welcome outside the windows as within.
        """
        declared = self._windows if self.plan.changes else ()
        opens, closes = windows.window(declared, now)
        return Run(commit=commit, opens=opens, closes=closes)

    def preview(self, now: int, run: Run) -> Verdict:
        """Return what the laws say to the plan, without asking the gate."""
        return decide(self.plan, Way.PREVIEW, now=now, run=run)

    def announce(self, run: str) -> Announced:
        """Keep what this run begins with, for the gate to be told of.

        A run that is killed before :meth:`begin` leaves its word with the gate: the
        next one goes on from what is kept here.

        Raises:
            AppliedStateError: It cannot be written: nothing may be touched.
        """
        hosts = self.plan.scope.hosts or tuple(sorted(self.proposed.hosts))
        before = self._records[-1] if self._records else None
        record = applied.begin(before, self.plan, hosts, run)
        done = applied.finish(record, self.proposed, self.plan, hosts, run)
        pending = Pending(
            run=run, plan=self.plan, hosts=hosts, proposed=self.proposed.hosts,
            begun=record.digest(),
        )  # fmt: skip
        path = self.store.folder / PROPOSED
        try:
            replace_private(path, msgspec.json.encode(pending))
        except (OSError, PrivateFileError) as error:
            raise applied.AppliedStateError(f"{path}: {error}") from error
        self._records = (*self._records, record)
        return Announced(
            basis=record.previous, begun=pending.begun, done=done.digest(),
            sequence=record.sequence,
        )  # fmt: skip

    def begin(self) -> None:
        """Record that the hosts of this run are unknown until it ends well.

        Raises:
            AppliedStateError: It cannot be written: nothing may be touched.
        """
        stored = self.store.read()
        for record in self._records:
            if stored is None or record.sequence > stored.sequence:
                self.store.write(record)


def _records(store: Store) -> tuple[applied.Applied, ...]:
    """Return the stored record, and the one that a killed run did not write any more.

    That run told the gate of it: the next one goes on from it, with unknown hosts.
    """
    stored = store.read()
    found = () if stored is None else (stored,)
    path = store.folder / PROPOSED
    if not path.exists():
        return found
    try:
        pending = _pending(path)
    except applied.AppliedStateError:  # of another version: what is stored counts
        return found
    if stored is not None and stored.run == pending.run:
        return found
    begun = applied.begin(stored, pending.plan, pending.hosts, pending.run)
    return (*found, begun) if begun.digest() == pending.begun else found


def _pending(path: Path) -> Pending:
    try:
        return msgspec.json.decode(read_private(path, MOST_BYTES), type=Pending)
    except (PrivateFileError, msgspec.DecodeError) as error:
        raise applied.AppliedStateError(f"{path}: {error}") from error


def told(plan: Plan, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as the result of a task, without the gate's permit."""
    fields = msgspec.to_builtins(verdict)
    del fields["permit"]
    allowed = verdict.verdict == "allow" or verdict.path is Way.PREVIEW
    return {
        **fields,
        "changed": False,
        "failed": not allowed,
        "exit_status": 0 if allowed else verdict.exit_status,
        "first": plan.is_first,
        "blast": msgspec.to_builtins(plan.blast),
        "msg": message(plan, verdict),
    }


def message(plan: Plan, verdict: Verdict) -> str:
    """Return what a person reads of a verdict."""
    first = ", nothing was applied before" if plan.is_first else ""
    lines = [
        f"{verdict.verdict.upper()} by {verdict.path}: {verdict.reason}",
        f"plan {plan.digest}, {len(plan.changes)} changes{first}",
    ]
    for said in verdict.findings:
        waived = ", approved" if said.is_waived else ""
        at = f" ({', '.join(said.hosts)})" if said.hosts else ""
        lines.append(f"  {said.verdict}{waived}: {said.reason}{at}")
    blast = msgspec.to_builtins(plan.blast)
    for name, found in blast.items():
        if isinstance(found, list | tuple) and found and not plan.is_first:
            lines.append(f"  {name.replace('_', ' ')}: {', '.join(found)}")
    if verdict.verdict != "allow" and verdict.remedy:
        lines.append(f"remedy: {verdict.remedy}")
    if verdict.escalation:
        lines.append(f"approve: clawlaw steward approve {verdict.escalation}")
    return "\n".join(lines)


def refuse_names(names: Iterable[str]) -> None:
    """Refuse extra variables that no plan would show: what a run says to itself.

    Raises:
        InputError: It names them.
    """
    found = sorted(name for name in names if name.startswith("__") or name in RUN)
    if found:
        raise InputError(
            f"extra variables {', '.join(found)}: only a run itself sets these",
            remedy="leave them out of -e",
        )


def finish(
    folder: Path, granted: Permit, gates: Collection[str]
) -> tuple[list[str], str]:
    """Record what a run that ended well has applied.

    A host whose gate was never seen to stand stays unknown: a run of another part ends
    well without it, and the next one must not look for a gate that nobody installed.

    Args:
        folder: Of the platform's state.
        granted: The run's permit.
        gates: Hosts on which this run saw a gate.

    Returns:
        Its hosts, whose facts are known now, and the digest of the record.

    Raises:
        AppliedStateError: The record is not what this run began.
    """
    path = folder / PROPOSED
    pending = _pending(path)
    if (pending.run, pending.plan.digest) != (granted.run, granted.plan):
        raise RefusedError("another run began meanwhile: what is applied is unknown")
    store = Store(folder)
    record = store.read()
    if record is None:
        raise applied.AppliedStateError("the applied state of this run is gone")
    proposed = Snapshot(pending.proposed)
    seen = {*gates, *record.known().hosts}
    if granted.path == Way.GATE:
        seen |= proposed.hosts.keys()
    missing = set(asking.gate_hosts(host_facts(proposed).values())) - seen
    done = tuple(host for host in pending.hosts if host not in missing)
    fresh = applied.finish(record, proposed, pending.plan, done, granted.run)
    store.write(fresh)
    with contextlib.suppress(OSError):
        path.unlink()
    return list(done), fresh.digest()
