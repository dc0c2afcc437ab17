"""Verification: what is changed, what is missing, what is not protected."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clawlaw.cli import main
from clawlaw.evidence.frame import HEADER_SIZE
from clawlaw.evidence.note import Checkpoint, Signer, open_note, sign
from clawlaw.evidence.schema import Checkpointed, Closed, Started, Stopped
from clawlaw.evidence.segment import read_frames, segment_paths
from clawlaw.evidence.verify import verify

from .conftest import ORIGIN, SMALL, Opener, Writer, decided

type Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def notes(open_log: Opener) -> list[bytes]:
    """A log of three boots with 33 entries and three heads, and these heads."""
    kept = []
    for boot in range(3):
        with open_log(segment_bytes=SMALL) as log:
            writer = Writer(log)
            writer.write(Started("1", "fdatasync", observe=boot == 1, clean=True))
            for number in range(4):
                item = boot * 10 + number * 2
                writer.write(
                    decided(item, observe=boot == 1),
                    decided(item + 1, observe=boot == 1),
                )
            kept.append(writer.sign())
            writer.write(Stopped("end"))
    return kept


@pytest.fixture
def keys(signer: Signer, tmp_path: Path) -> Path:
    path = tmp_path / "log.pub"
    path.write_text(f"# of the log\n{signer.verifier.encode()}\n")
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, Any]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        text, _ = capsys.readouterr()
        return code, json.loads(text) if "--json" in arguments else text

    return call


def test_an_untouched_log_is_intact(
    folder: Path, notes: list[bytes], signer: Signer
) -> None:
    held = [open_note(note, [signer.verifier]) for note in notes]
    report = verify(segment_paths(folder), held, [signer.verifier])
    assert report.problems == []
    assert report.complete
    assert (report.entries, report.protected) == (33, 31)
    assert report.kinds == {
        "started": 3, "decided": 24, "checkpointed": 3, "stopped": 3
    }  # fmt: skip
    assert report.heads == 3
    assert report.observed == 8
    assert report.durability == {"fdatasync"}
    assert not report.interrupted
    assert not report.open


def test_without_a_checkpoint_completeness_is_not_known(
    folder: Path, notes: list[bytes]
) -> None:
    assert notes
    report = verify(segment_paths(folder))
    assert report.intact
    assert report.complete is None
    assert report.protected == 0


def test_every_byte_of_every_segment_counts(
    folder: Path, notes: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One flipped bit anywhere, in steps that meet every field of the frames."""
    monkeypatch.setattr("clawlaw.evidence.verify._PAUSE", 0.0)
    assert notes
    paths = segment_paths(folder)
    for path in paths:
        path.chmod(0o600)
        whole = path.read_bytes()
        ends = [frame.end for frame in read_frames(path)]
        headers = {end + at for end in (0, *ends[:2]) for at in range(HEADER_SIZE)}
        for at in sorted(headers | set(range(0, len(whole), 97))):
            if at >= len(whole):
                continue
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
            assert not verify(paths).intact, (path, at)
        path.write_bytes(whole)
    assert verify(paths).intact


def test_damage_in_one_segment_does_not_hide_the_next(
    folder: Path, notes: list[bytes]
) -> None:
    assert notes
    paths = segment_paths(folder)
    for path in (paths[1], paths[3]):
        path.chmod(0o600)
        data = bytearray(path.read_bytes())
        data[data.index(b"session-")] ^= 1
        path.write_bytes(data)
    named = {problem.segment for problem in verify(paths).problems}
    assert {paths[1].name, paths[3].name} <= named
    assert paths[0].name not in named


def _cut(folder: Path) -> Path:
    """Take the end of the log away, at the end of a frame; the last segment left."""
    paths = segment_paths(folder)
    paths[-1].unlink()
    first = next(read_frames(paths[-2]))
    paths[-2].chmod(0o600)
    paths[-2].write_bytes(paths[-2].read_bytes()[: first.end])
    return paths[-2]


def test_cutting_whole_entries_off_is_only_seen_by_a_checkpoint(
    folder: Path, notes: list[bytes], signer: Signer
) -> None:
    _cut(folder)
    paths = segment_paths(folder)
    held = [open_note(note, [signer.verifier]) for note in notes]
    assert verify(paths).intact
    report = verify(paths, held)
    assert report.intact
    assert report.complete is False
    assert [h.state for h in report.held] == ["matches", "matches", "beyond"]


def test_a_log_written_again_is_not_what_was_signed(
    folder: Path, notes: list[bytes], open_log: Opener, signer: Signer
) -> None:
    held = [open_note(notes[0], [signer.verifier])]
    for path in segment_paths(folder):
        path.unlink()
    with open_log() as log:
        Writer(log).write(*[Closed(f"s-{i}") for i in range(40)])
    report = verify(segment_paths(folder), held)
    assert report.intact
    assert [h.state for h in report.held] == ["differs"]


def test_a_forged_head_in_the_log_is_named(
    folder: Path, open_log: Opener, signer: Signer
) -> None:
    with open_log() as log:
        writer = Writer(log)
        writer.write(Closed("s"))
        forged = sign(Checkpoint(ORIGIN, 1, bytes(32)), signer)
        writer.write(Checkpointed(forged.decode()))
        writer.write(Checkpointed(forged.decode().replace("1", "2", 1)))
    said = [
        p.what for p in verify(segment_paths(folder), (), [signer.verifier]).problems
    ]
    assert "signed head of 1 differs" in said
    assert any("is not of this note" in what for what in said)


def test_entries_that_are_none_or_lie_are_named(open_log: Opener, folder: Path) -> None:
    with open_log() as log:
        log.append([b"{}", b"\xff"])
        Writer(log).write(Closed("s"))
        entry = list(log.read())[-1][1]
        log.append([entry.replace(b"179000", b"178000")])
    said = [problem.what for problem in verify(segment_paths(folder)).problems]
    assert len(said) == 4
    assert "entry 3 says 2" in said
    assert "the entry's time is before its predecessor's" in said


def test_an_open_log_can_be_verified(open_log: Opener, folder: Path) -> None:
    with open_log() as log:
        Writer(log).write(Closed("a"), Closed("b"))
        report = verify(segment_paths(folder))
        assert report.intact
        assert report.open
        assert report.entries == 2


def test_a_torn_tail_is_a_problem_until_it_is_set_aside(
    open_log: Opener, folder: Path
) -> None:
    log = open_log()
    Writer(log).write(Closed("a"), Closed("b"))
    os.close(log._fd)
    os.close(log._lock)
    path = segment_paths(folder)[-1]
    path.write_bytes(path.read_bytes().rstrip(b"\0")[:-9])
    [problem] = verify([path]).problems
    assert problem.entry == 1
    assert "left by an interrupted write" in problem.what
    open_log().close()
    report = verify(segment_paths(folder))
    assert report.intact
    assert report.interrupted == [path.name]
    assert report.torn == ["00000000.torn"]


def test_exit_codes_of_verify(
    run: Run, folder: Path, notes: list[bytes], keys: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.note"
    kept.write_bytes(notes[-1])
    code, said = run("verify", folder, "--json")
    assert (code, said["integrity"]["intact"]) == (0, True)
    assert said["completeness"]["complete"] is None
    code, said = run("verify", folder, "--json", "--key", keys, "--checkpoint", kept)
    assert code == 0
    assert said["completeness"]["unprotected"] == 2
    assert said["observed"] == 8
    code, _ = run("verify", folder, "--json", "--checkpoint", kept)
    assert code == 2
    code, _ = run("verify", tmp_path / "nothing", "--json")
    assert code == 2
    last = _cut(folder)
    code, said = run("verify", folder, "--json", "--key", keys, "--checkpoint", kept)
    assert (code, said["completeness"]["complete"]) == (5, False)
    last.write_bytes(b"CLF1" + last.read_bytes()[4:].replace(b"o", b"0", 1))
    code, said = run("verify", folder, "--json")
    assert (code, said["integrity"]["intact"]) == (1, False)


def test_verify_names_tail_and_observe_mode(
    run: Run, folder: Path, notes: list[bytes], keys: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.note"
    kept.write_bytes(notes[1])
    code, text = run("verify", folder, "--key", keys, "--checkpoint", kept)
    assert code == 0
    assert "complete: the first 20 entries are those signed by" in text
    assert "13 entries from 20 on are unprotected" in text
    assert "observe mode  8 decisions were recorded and not enforced" in text
