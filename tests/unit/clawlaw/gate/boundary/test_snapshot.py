"""A start from any snapshot stands where a replay of the whole log does."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.policy import Policy
from clawlaw.evidence.lag import Head, Heads
from clawlaw.evidence.note import Signer
from clawlaw.evidence.schema import Adjusted
from clawlaw.gate.answers import LIVE, Answer, EscalationError
from clawlaw.gate.evaluator import Evaluator
from clawlaw.gate.keeper import Keeper
from clawlaw.gate.ledger import Ledger
from clawlaw.gate.peers import Peer
from clawlaw.gate.protection import Protection
from clawlaw.gate.rebuild import RebuildError
from clawlaw.gate.snapshot import NAME, SnapshotError, Snapshots
from clawlaw.gate.state import GateState
from clawlaw.gate.stewardship import activate

AGENT = Peer("developer", frozenset({"propose", "outcome", "executor"}))
SIGNER = Signer("example.org/gate", Ed25519PrivateKey.from_private_bytes(b"k" * 32))
PUSH = "git push origin main"
COMMANDS = (
    "ls",
    PUSH,
    "sudo reboot",
    "cat ~/.ssh/id_rsa",
    "pytest -q",
    "curl https://docs.python.org/3/",
    "echo x > made.py",
    "python made.py",
)
STEPS = st.one_of(
    st.tuples(
        st.just("propose"),
        st.integers(0, 2),
        st.sampled_from(COMMANDS),
        st.booleans(),
    ),
    st.tuples(st.just("model"), st.integers(0, 2), st.integers(1, 5_000)),
    st.tuples(st.just("outcome"), st.sampled_from(["", "see evil.example/x?k=1"])),
    st.tuples(st.just("answer"), st.sampled_from(["approve", "deny", "revoke"])),
    st.tuples(st.just("close"), st.integers(0, 2)),
    st.tuples(st.just("child"), st.integers(0, 2)),
    st.tuples(st.just("quarantine"), st.integers(0, 2)),
    st.tuples(st.just("raise"), st.integers(0, 2)),
    st.tuples(st.just("wait"), st.integers(1, 40_000_000)),
)


class Life:
    """Lives through steps; keeps a snapshot after each."""

    def __init__(self, subject: Any) -> None:
        self.subject = subject
        self.open: list[tuple[str, str]] = []  # allowed: id, permit
        self.asked: list[str] = []
        self.number = 0
        self.taken = [self.take()]

    def take(self) -> bytes:
        self.subject.gate.flush()
        return keeper(self.subject, self.subject.state).take(clean=False)

    def step(self, step: tuple[Any, ...]) -> None:
        self.subject.wall.now += 7
        getattr(self, f"do_{step[0]}")(*step[1:])
        self.taken.append(self.take())

    def heard(self, answer: dict[str, Any]) -> None:
        if answer["verdict"] == "allow":
            self.open.append((answer["id"], answer.get("permit", "")))
        if "escalation" in answer:
            self.asked.append(answer["escalation"]["id"])

    def do_propose(self, session: int, command: str, mediated: bool) -> None:  # noqa: FBT001  # drawn
        self.heard(
            self.subject.propose(
                "exec",
                command=command,
                mediated=mediated,
                session=f"s{session}",
                id=f"call{len(self.taken)}",
            )
        )

    def do_model(self, session: int, tokens: int) -> None:
        self.heard(
            self.subject.propose(
                "model_generate",
                model="small",
                tokens=tokens,
                mediated=True,
                session=f"s{session}",
            )
        )

    def do_outcome(self, text: str) -> None:
        if self.open:
            name, permit = self.open.pop()
            said = {"id": name, "text": text, "untrusted": bool(text)}
            if permit:
                said["permit"] = permit
            self.subject.ask(self.subject.gate.outcome, AGENT, **said)

    def do_answer(self, word: str) -> None:
        state = self.subject.state
        if not self.asked:
            return
        now = state.ledger.now()
        expires = now + 60_000 if word == "approve" else 0
        said = Answer(word, "because", "ann+0a1b2c3d", expires, "s")  # type: ignore[arg-type]  # drawn
        try:
            body = state.escalations.answer(self.asked[-1], said, now)
        except EscalationError:
            return
        state.ledger.add(body)

    def do_close(self, session: int) -> None:
        ask = self.subject.gate.close_session
        self.subject.ask(ask, AGENT, session=f"s{session}")

    def do_child(self, session: int) -> None:
        self.number += 1
        said = {"session": f"c{self.number}", "parent": f"s{session}"}
        self.subject.ask(self.subject.gate.open_session, AGENT, **said)

    def do_quarantine(self, session: int) -> None:
        self.subject.state.quarantine(f"s{session}", "test")

    def do_raise(self, session: int) -> None:
        state, name = self.subject.state, f"s{session}"
        if not state.evaluator.knows(name):
            return
        ceiling = 30_000_000 + self.number
        self.number += 1
        present = state.evaluator.session(name).scope.budgets.get("tokens", 0)
        if present < ceiling:
            body = Adjusted(name, "increase", "ann", "tokens", ceiling)
            state.record(body, lambda: state.evaluator.adjust(name, "tokens", ceiling))

    def do_wait(self, milliseconds: int) -> None:
        self.subject.wall.now += milliseconds
        self.subject.state.tick()


def keeper(
    subject: Any,
    state: GateState,
    snapshots: Snapshots | None = None,
    protection: Protection | None = None,
) -> Keeper:
    alone = Protection(SIGNER.verifier, (), needed=1, limit=1, file="", folder="")
    return Keeper(snapshots, subject.log, state, protection or alone)


def fresh(subject: Any, policy: Policy | None = None) -> GateState:
    ledger = Ledger(subject.log, subject.wall, "again")
    evaluator = Evaluator(policy or subject.policy)
    return GateState(subject.settings, evaluator, ledger)


def memory(state: GateState) -> Any:
    """Everything that a gate remembers, seen without the code under test."""
    evaluator, sessions, asked = state.evaluator, state.sessions, state.escalations
    found = msgspec.json.encode(
        {
            "history": evaluator.history,
            "room": evaluator._room,
            "sessions": list(evaluator._sessions.items()),
            "openings": list(evaluator._openings.items()),
            "raised": evaluator._raised,
            "known": list(sessions._known.items()),
            "count": sessions._count,
            "allowed": {k: v for k, v in state.allowed._by_session.items() if v},
            "by id": state.allowed._by_id,
            "calls": {k: list(v.items()) for k, v in state.allowed._calls.items()},
            "cases": [c for c in asked._cases.values() if c.status in LIVE],
            "finished": [asked._cases[name] for name in asked._finished],
            "granted": [list(found.items()) for found in asked._granted.values()],
            "waiting": sorted(asked._waiting.values()),
            "live": asked._live,
            "time": state.ledger.newest,
        }
    )
    return json.loads(found)


def started(subject: Any, snapshots: Snapshots | None) -> tuple[Any, int]:
    """What a start makes, and how many entries it did not read."""
    state = fresh(subject)
    kept = keeper(subject, state, snapshots)
    known = kept.rebuild().known
    assert len(state.permits) == 0
    return memory(state), known


@settings(max_examples=40)
@given(steps=st.lists(STEPS, max_size=25), at=st.data())
def test_any_snapshot_and_the_rest_make_what_the_whole_log_makes(
    make: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[Any, ...]],
    at: st.DataObject,
) -> None:
    life = Life(make())
    for step in steps:
        life.step(step)
    whole, known = started(life.subject, None)
    assert known == 0
    assert memory(life.subject.state) == whole
    data = life.taken[at.draw(st.integers(0, len(steps)), "snapshot")]
    snapshots = Snapshots(tmp_path_factory.mktemp("state"), SIGNER, 1)
    snapshots.write(signed_by(data))
    again, known = started(life.subject, snapshots)
    assert known == json.loads(data)["size"]
    assert again == whole


def signed_by(data: bytes) -> bytes:
    """A snapshot of no place, as one of the log."""
    return data.replace(b'"origin":""', b'"origin":"example.org/gate"')


@pytest.fixture
def lived(subject: Any) -> Life:
    """A gate with a session, labels, an open action, an approval and a denial."""
    life = Life(subject)
    for step in (
        ("propose", 0, "ls", True),
        ("propose", 0, "pytest -q", True),
        ("outcome", "see evil.example"),
        ("propose", 1, PUSH, True),
        ("answer", "approve"),
        ("propose", 0, "sudo reboot", True),
        ("raise", 0),
    ):
        life.step(step)
    return life


@pytest.fixture
def place(lived: Life, tmp_path: Path) -> Snapshots:
    found = Snapshots(tmp_path, SIGNER, 1)
    kept = keeper(lived.subject, lived.subject.state, found)
    kept.stop()
    return found


def test_all_that_was_remembered_is_again(lived: Life, place: Snapshots) -> None:
    whole, _ = started(lived.subject, None)
    assert whole["raised"]
    assert whole["by id"]
    assert whole["granted"]
    assert started(lived.subject, place) == (whole, lived.subject.log.size)


def test_an_approval_survives_and_is_used_once(lived: Life, place: Snapshots) -> None:
    subject = lived.subject
    state = fresh(subject)
    assert keeper(subject, state, place).rebuild().known == subject.log.size
    subject.gate = type(subject.gate)(state, lambda _p: subject.tree, subject.hooks)
    call: dict[str, Any] = {"command": PUSH, "mediated": True, "session": "s1"}
    assert subject.propose("exec", **call)["verdict"] == "allow"
    assert subject.propose("exec", **call)["verdict"] == "escalate"


def test_an_approval_used_after_the_snapshot_stays_used(
    lived: Life, place: Snapshots
) -> None:
    subject = lived.subject
    call: dict[str, Any] = {"command": PUSH, "mediated": True, "session": "s1"}
    assert subject.propose("exec", **call)["verdict"] == "allow"
    state = fresh(subject)
    assert 0 < keeper(subject, state, place).rebuild().known < subject.log.size
    assert not state.escalations.grants


@pytest.mark.parametrize("where", range(0, 100, 7))
def test_a_torn_snapshot_is_not_used(
    lived: Life, place: Snapshots, tmp_path: Path, where: int
) -> None:
    whole, _ = started(lived.subject, None)
    path = tmp_path / NAME
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * where // 100])
    assert started(lived.subject, place) == (whole, 0)


@pytest.mark.parametrize("where", range(0, 100, 3))
def test_a_flipped_bit_is_not_used(
    lived: Life, place: Snapshots, tmp_path: Path, where: int
) -> None:
    whole, _ = started(lived.subject, None)
    path = tmp_path / NAME
    data = bytearray(path.read_bytes())
    data[len(data) * where // 100] ^= 1 << where % 8
    path.write_bytes(data)
    assert started(lived.subject, place) == (whole, 0)


def test_an_older_log_is_replayed_whole(lived: Life, place: Snapshots) -> None:
    del lived.subject.log.entries[-2:]
    _, known = started(lived.subject, place)
    assert known == 0


def test_another_log_of_the_same_size_is_replayed_whole(
    lived: Life, place: Snapshots, make: Callable[..., Any]
) -> None:
    other = Life(make())
    for _ in range(lived.subject.log.size):
        other.step(("propose", 2, "ls", True))
    del other.subject.log.entries[lived.subject.log.size + 3 :]
    whole, _ = started(other.subject, None)
    assert started(other.subject, place) == (whole, 0)


@pytest.mark.parametrize("field", ["digest", "kernel"])
def test_another_policy_or_kernel_is_replayed_whole(
    lived: Life, place: Snapshots, field: str
) -> None:
    other = dataclasses.replace(lived.subject.policy, **{field: "sha256:" + "0" * 64})
    with pytest.raises(SnapshotError, match="of another"):
        place.read(other)
    state = fresh(lived.subject, other)
    assert keeper(lived.subject, state, place).rebuild().known == 0


def test_another_key_or_log_is_not_believed(
    lived: Life, place: Snapshots, tmp_path: Path
) -> None:
    policy = lived.subject.policy
    assert place.read(policy) is not None
    key = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    with pytest.raises(SnapshotError, match="did not sign"):
        Snapshots(tmp_path, Signer("example.org/gate", key), 1).read(policy)
    same = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    with pytest.raises(SnapshotError, match="did not sign"):
        Snapshots(tmp_path, Signer("example.org/other", same), 1).read(policy)


def test_others_must_not_read_it(lived: Life, place: Snapshots, tmp_path: Path) -> None:
    (tmp_path / NAME).chmod(0o640)
    assert started(lived.subject, place)[1] == 0


def test_a_wrong_entry_after_it_stops_the_start(lived: Life, place: Snapshots) -> None:
    lived.subject.log.entries.append(b"{}")
    with pytest.raises(RebuildError, match=r"entry \d+ of the log"):
        started(lived.subject, place)


def test_a_run_that_changed_its_policy_takes_none(lived: Life, tmp_path: Path) -> None:
    subject = lived.subject
    found = Snapshots(tmp_path / "other", SIGNER, 1)
    (tmp_path / "other").mkdir()
    other = dataclasses.replace(subject.policy, digest="sha256:" + "0" * 64)
    activate(subject.gate, other, "reload")
    activate(subject.gate, subject.policy, "reload")
    subject.gate.flush()
    keeper(subject, subject.state, found).stop()
    assert found.read(subject.policy) is None


def test_it_is_taken_again_when_the_log_has_grown(lived: Life, tmp_path: Path) -> None:
    found = Snapshots(tmp_path, SIGNER, 3)
    kept = keeper(lived.subject, lived.subject.state, found)
    sizes = set()
    for _ in range(4):
        kept.ticked()
        if kept._writing is not None:
            kept._writing.join()
        snapshot = found.read(lived.subject.policy)
        assert snapshot is not None
        sizes.add(snapshot.size)
        lived.step(("propose", 0, "ls", True))
    assert len(sizes) == 2


def test_nothing_is_taken_of_what_is_not_durable(lived: Life, tmp_path: Path) -> None:
    found = Snapshots(tmp_path, SIGNER, 1)
    state = lived.subject.state
    state.close("s0")
    keeper(lived.subject, state, found).stop()
    assert found.read(lived.subject.policy) is None


def test_what_witnesses_had_must_still_be_known(lived: Life, place: Snapshots) -> None:
    witness = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    key = Signer("witness.example", witness).cosigner.encode()
    watched = Protection(
        SIGNER.verifier, (key,), needed=1, limit=1000, file="/nowhere", folder="/no"
    )
    subject = lived.subject
    # Taken by a gate without witnesses: nothing is known of what waits for them.
    assert keeper(subject, fresh(subject), place, watched).rebuild().known == 0
    waits = Head(5, "00" * 32, 10)
    assert not watched.resume(Heads(3, 5, (waits,)))
    assert watched.resume(Heads(0, 5, (waits,)))
    assert watched.lag(30) == 20
    assert watched.heads() == Heads(0, 5, (waits,))


def test_a_child_of_an_ended_parent_keeps_its_bounds(subject: Any) -> None:
    open_session = subject.gate.open_session
    scope = {"purpose": "develop", "paths": ["/workspace/a"], "budgets": {"actions": 5}}
    subject.ask(open_session, AGENT, session="s", scope=scope)
    subject.ask(open_session, AGENT, session="c", parent="s")
    subject.ask(subject.gate.close_session, AGENT, session="s")
    before = subject.state.evaluator.session("c").scope
    activate(subject.gate, subject.policy, "start")
    assert subject.state.evaluator.session("c").scope == before
