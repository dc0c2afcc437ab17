"""Cases of the specification about the log: what an attacker changes must be seen.

Each writes real decisions to a real log, changes its file, and verifies it as
`clawlaw verify` does. What the log alone cannot show, the checkpoint kept elsewhere
does.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.core.decode import decode_proposal
from clawlaw.evidence.frame import HEADER_SIZE
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer, open_note
from clawlaw.evidence.schema import (
    Decided,
    Entry,
    Stopped,
    decode_entry,
    encode_entry,
)
from clawlaw.evidence.segment import segment_paths
from clawlaw.evidence.verify import Report, verify
from clawlaw.gate.evaluator import Evaluator
from clawlaw.gate.standard import NOW, standard_tree

from .reference import Fixture, reference

ORIGIN = "conformance.test/gate"
DAY = 86_400_000  # milliseconds
LINK = 40  # offset of the link in the header of a frame
TOOLS = [
    ("write", {"path": "/workspace/a", "content": "text"}),
    ("write", {"path": "/etc/passwd", "content": "text"}),
    ("exec", {"command": "ls"}),
    ("delete", {"path": "/workspace/a"}),
]


def signer(seed: int = 0) -> Signer:
    return Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32)))


@dataclass
class Written:
    """A log that was closed, and the checkpoint that somebody else kept."""

    file: Path
    note: bytes

    def report(self) -> Report:
        kept = open_note(self.note, [signer().verifier])
        return verify(segment_paths(self.file.parent), [kept], [signer().verifier])

    def frames(self) -> list[tuple[int, int]]:
        """(begin, end) of each frame, the opening one first."""
        data, found, at = self.file.read_bytes(), [], 0
        while data[at : at + 4] == b"CLF1":
            end = at + HEADER_SIZE + int.from_bytes(data[at + 8 : at + 12])
            found.append((at, end))
            at = end
        return found

    def change(self, how: Callable[[bytes, list[tuple[int, int]]], bytes]) -> Report:
        self.file.write_bytes(how(self.file.read_bytes(), self.frames()))
        return self.report()


def write(folder: Path, by: Signer, tools: list[tuple[str, dict[str, str]]]) -> Written:
    """Decide actions and record every decision, whatever its verdict."""
    evaluator = Evaluator(
        reference(("/workspace",)),
        standard_tree("/workspace", "/home/agent", sandbox=False),
    )
    with Log.open(folder, ORIGIN, by) as log:
        for number, (tool, arguments) in enumerate(tools):
            raw = {
                "principal": "agent", "session": "case", "cwd": "/workspace",
                "tool": tool, "arguments": arguments,
            }  # fmt: skip
            done = evaluator.evaluate(decode_proposal(msgspec.json.encode(raw)))
            body = Decided(f"d{number}", done.record())
            log.append([encode_entry(Entry(1, number, NOW + number, "boot", body))])
        note = log.checkpoint()
    return Written(segment_paths(folder)[0], note)


def on_a_log(check: Callable[[Written], None]) -> Callable[[Fixture], None]:
    """A property of a log in a folder of its own."""

    def run(_: Fixture) -> None:
        with tempfile.TemporaryDirectory() as folder:
            written = write(Path(folder) / "log", signer(), TOOLS)
            assert written.report().intact
            assert written.report().complete
            check(written)

    return run


def edited_reason(written: Written, entry: int) -> None:
    def edit(data: bytes, frames: list[tuple[int, int]]) -> bytes:
        begin, end = frames[1 + entry]
        at = data.index(b'"reason":"', begin, end) + len(b'"reason":"')
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    assert not written.change(edit).intact


def edited_link(written: Written, frame: int) -> None:
    def edit(data: bytes, frames: list[tuple[int, int]]) -> bytes:
        at = frames[frame][0] + LINK
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    assert not written.change(edit).intact


def deletion(written: Written) -> None:
    report = written.change(
        lambda data, frames: data[: frames[2][0]] + data[frames[2][1] :]
    )
    assert not report.intact


def insertion(written: Written) -> None:
    report = written.change(
        lambda data, frames: data[: frames[2][1]] + data[frames[2][0] :]
    )
    assert not report.intact


def tail_cut(written: Written) -> None:
    def cut(data: bytes, frames: list[tuple[int, int]]) -> bytes:
        end = frames[len(TOOLS)][0]
        return data[:end] + bytes(len(data) - end)

    report = written.change(cut)
    assert report.entries == len(TOOLS) - 1
    assert report.complete is False


def full_rewrite(written: Written) -> None:
    folder = written.file.parent
    written.file.unlink()
    again = write(folder, signer(1), list(reversed(TOOLS)))
    again.note = written.note
    assert again.report().intact  # nobody can tell from the files alone
    assert again.report().complete is False


def serialisation(written: Written) -> None:
    before = written.report()
    with Log.open(written.file.parent, ORIGIN, signer()) as log:
        read = [decode_entry(payload) for _, payload in log.read()]
        assert [entry.seq for entry in read] == list(range(len(TOOLS)))
        assert log.root() == before.root
    assert written.report().complete


def every_verdict(written: Written) -> None:
    with Log.open(written.file.parent, ORIGIN, signer()) as log:
        bodies = [decode_entry(payload).body for _, payload in log.read()]
    verdicts = [b.record.decision["verdict"] for b in bodies if isinstance(b, Decided)]
    assert verdicts == ["allow", "deny", "escalate", "escalate"]


def never_pruned(written: Written) -> None:
    folder = written.file.parent
    tail = encode_entry(Entry(1, len(TOOLS), NOW + 91 * DAY, "boot", Stopped("later")))
    with Log.open(folder, ORIGIN, signer()) as log:
        log.append([tail])
    for _ in range(3):  # each run begins a segment
        with Log.open(folder, ORIGIN, signer()) as log:
            found = [decode_entry(payload) for _, payload in log.read()]
    assert [entry.seq for entry in found] == list(range(len(TOOLS) + 1))
    assert found[-1].time - found[0].time > 90 * DAY
    assert written.report().complete


LOG_PROPERTIES = {
    "log_bad_first_link": on_a_log(lambda written: edited_link(written, 0)),
    "log_deletion": on_a_log(deletion),
    "log_edited_hash": on_a_log(lambda written: edited_link(written, 2)),
    "log_edited_rationale": on_a_log(lambda written: edited_reason(written, 1)),
    "log_every_verdict": on_a_log(every_verdict),
    "log_full_rewrite": on_a_log(full_rewrite),
    "log_insertion": on_a_log(insertion),
    "log_last_entry_edit": on_a_log(lambda w: edited_reason(w, len(TOOLS) - 1)),
    "log_never_pruned": on_a_log(never_pruned),
    "log_serialisation": on_a_log(serialisation),
    "log_tail_cut": on_a_log(tail_cut),
}
