"""The uploader and `verify --remote` against servers that really lock."""

import json
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import msgspec
import pytest

from clawlaw.cli import main
from clawlaw.evidence import objects
from clawlaw.evidence.anchor import CHECKPOINTS, SEGMENTS, Anchor, sealed
from clawlaw.evidence.anchor_config import StorePart
from clawlaw.evidence.errors import StoreError
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Checkpoint, Signer, sign
from clawlaw.evidence.objects import Store
from clawlaw.evidence.schema import Checkpointed, Entry, Stopped, encode_entry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ORIGIN = "gate.test/log"
NOW = 1_700_000_000_000
PREFIX = "gate/one/"

type MakeSigner = Callable[[str, int], Signer]


def record(log: Log, body: Any) -> None:
    log.append([encode_entry(Entry(1, log.size, NOW, "b", body))])


def grow(log: Log, count: int) -> None:
    for _ in range(count):
        record(log, Stopped(os.urandom(400).hex()))
    record(log, Checkpointed(log.checkpoint().decode()))


@dataclass
class Case:
    """A log with its store, and the commands that look at both."""

    log: Log
    store: Store
    client: "S3Client"
    signer: Signer
    config: Path
    capsys: pytest.CaptureFixture[str]

    def anchor(self, store: Store | None = None) -> Anchor:
        return Anchor(
            self.log.folder, self.signer.verifier, [], store or self.store, None
        )

    def verify(self, *folder: Path) -> tuple[int, Any]:
        self.capsys.readouterr()
        given = ["verify", *map(str, folder), "--remote", str(self.config), "--json"]
        code = main(given)
        return code, json.loads(self.capsys.readouterr().out)

    def attack(self, name: str, body: bytes | None) -> None:
        """Put something over an object, or delete it."""
        bucket = self.store.part.bucket
        if body is None:
            self.client.delete_object(Bucket=bucket, Key=PREFIX + name)
        else:
            self.client.put_object(Bucket=bucket, Key=PREFIX + name, Body=body)


@pytest.fixture
def case(
    log: Log,
    store: Store,
    client: "S3Client",
    signer: MakeSigner,
    capsys: pytest.CaptureFixture[str],
) -> Case:
    own = signer(ORIGIN, 1)
    config = log.folder.with_name("anchor.yaml")
    config.touch(0o600)
    part = json.dumps(msgspec.to_builtins(store.part))
    config.write_text(
        f"document: anchor\nlog: {log.folder}\nkey: {own.verifier.encode()}\n"
        f"store: {part}\n"
    )
    return Case(log, store, client, own, config, capsys)


def names(store: Store, under: str) -> list[str]:
    return [v.name for v in store.versions(under)]


def test_sealed_segments_and_heads_are_put_once(case: Case) -> None:
    made = case.anchor()
    for _ in range(3):
        grow(case.log, 12)
        assert made.round().problems == []
    expected = [SEGMENTS + p.name for p in sealed(case.log.folder)]
    assert len(expected) > 3
    assert names(case.store, SEGMENTS) == expected
    assert len(names(case.store, CHECKPOINTS)) == 3
    assert all(case.store.locked(v) for v in case.store.versions(""))
    # Another process finds everything done.
    done = case.anchor().round()
    assert (done.put, done.problems) == ([], [])


def test_interrupted_round_is_finished_by_the_next(case: Case) -> None:
    class Failing(Store):
        """Goes away after a few objects, once before and once after the put."""

        left = 3

        @override
        def put(self, name: str, path: Path) -> bool:
            if self.left == 0:
                raise StoreError("gone")
            self.left -= 1
            done = super().put(name, path)
            if self.left == 0:
                raise StoreError("gone after it was done")
            return done

    grow(case.log, 40)
    done = case.anchor(Failing(case.store.part)).round()
    assert done.problems == ["gone after it was done"]
    assert len(done.put) == 2
    assert case.anchor().round().problems == []
    expected = [SEGMENTS + p.name for p in sealed(case.log.folder)]
    assert names(case.store, SEGMENTS) == expected


def test_server_that_is_away_loses_nothing(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "TRIES", 1)
    part: StorePart = msgspec.structs.replace(
        case.store.part, endpoint="http://127.0.0.1:1"
    )
    made = case.anchor(Store(part))
    grow(case.log, 12)
    done = made.round()
    assert done.head is not None
    assert "Could not connect" in done.problems[0]
    made._store = case.store
    assert made.round().problems == []


def test_server_that_hangs_is_given_up(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "TRIES", 1)
    monkeypatch.setattr(objects, "READ_TIMEOUT", 0.3)
    grow(case.log, 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        held: list[socket.socket] = []
        accept = threading.Thread(target=lambda: held.append(silent.accept()[0]))
        accept.start()
        part = msgspec.structs.replace(
            case.store.part, endpoint=f"http://127.0.0.1:{port}"
        )
        done = case.anchor(Store(part)).round()
        accept.join()
        held[0].close()
    assert "Read timeout" in done.problems[0]


def test_remote_log_is_whole_and_says_what_is_not_there_yet(case: Case) -> None:
    grow(case.log, 30)
    assert case.anchor().round().problems == []
    code, said = case.verify(case.log.folder)
    assert code == 0
    remote, local = said["remote"], said["local"]
    assert remote["integrity"]["intact"]
    assert remote["newest"] == 30
    assert remote["locked_until"]
    assert 0 < remote["entries"] < 31
    assert local["completeness"] == {
        "complete": True,
        "protected": 30,
        "unprotected": 1,
        "checkpoints": [{"size": 30, "signed_by": [ORIGIN], "state": "matches"}],
    }


def test_segments_under_a_head_are_shown_to_be_complete(case: Case) -> None:
    for _ in range(4):
        grow(case.log, 9)
        assert case.anchor().round().problems == []
    code, said = case.verify()
    assert code == 0
    assert said["remote"]["completeness"]["complete"] is True
    assert said["local"] is None


def test_markers_and_newer_versions_do_not_fool_it(case: Case) -> None:
    for _ in range(3):
        grow(case.log, 12)
        assert case.anchor().round().problems == []
    before = case.verify(case.log.folder)[1]
    for name in names(case.store, ""):
        case.attack(name, b"forged")
        case.attack(name, None)
    code, said = case.verify(case.log.folder)
    assert code == 0
    attempts = said["remote"].pop("attempts")
    assert before["remote"].pop("attempts") == []
    assert said == before
    assert sum("deleted" in a for a in attempts) >= 4
    assert sum("put over it" in a for a in attempts) >= 4


def test_invented_heads_and_segments_do_not_fool_it(
    case: Case, signer: MakeSigner
) -> None:
    grow(case.log, 30)
    assert case.anchor().round().problems == []
    before = case.verify(case.log.folder)[1]
    forged = sign(Checkpoint(ORIGIN, 10**9, case.log.root()), signer(ORIGIN, 66))
    for number in (10**9, 10**12):
        case.store.put(f"{CHECKPOINTS}{number:020d}", _file(case, forged))
        case.attack(f"{CHECKPOINTS}{number + 1:020d}", b"unlocked")
    case.attack(f"{SEGMENTS}notes.txt", b"hello")
    code, said = case.verify(case.log.folder)
    assert code == 0
    assert len(said["remote"].pop("attempts")) == 5
    before["remote"].pop("attempts")
    assert said == before


def _file(case: Case, data: bytes) -> Path:
    path = case.config.with_name("forged")
    path.write_bytes(data)
    return path


def test_log_that_was_cut_or_replaced_is_found_out(
    case: Case, tmp_path: Path, signer: MakeSigner
) -> None:
    grow(case.log, 30)
    assert case.anchor().round().problems == []
    short = tmp_path / "short"
    short.mkdir()
    for path in sealed(case.log.folder)[:2]:
        (short / path.name).write_bytes(path.read_bytes())
    code, said = case.verify(short)
    assert code == 5
    assert said["local"]["integrity"]["intact"]
    assert said["local"]["completeness"]["checkpoints"][0]["state"] == "beyond"
    with Log.open(tmp_path / "other", ORIGIN, signer(ORIGIN, 1)) as other:
        grow(other, 40)
        code, said = case.verify(other.folder)
    assert code == 5
    assert said["local"]["completeness"]["checkpoints"][0]["state"] == "differs"


def test_missing_and_unlocked_segments_are_problems(case: Case) -> None:
    grow(case.log, 30)
    paths = sealed(case.log.folder)
    bucket = case.store.part.bucket
    case.store.put(SEGMENTS + paths[0].name, paths[0])
    case.store.put(SEGMENTS + paths[2].name, paths[2])
    case.client.put_object(
        Bucket=bucket,
        Key=PREFIX + SEGMENTS + paths[1].name,
        Body=paths[1].read_bytes(),
    )
    code, said = case.verify()
    assert code == 1
    missing = said["remote"]["missing"]
    assert any("no version of it is locked" in m for m in missing)
    assert any("is not in the store" in m for m in missing)
    assert any("no head of this log" in m for m in missing)


def test_person_is_shown_the_attempts(case: Case) -> None:
    grow(case.log, 12)
    assert case.anchor().round().problems == []
    case.attack(names(case.store, SEGMENTS)[0], None)
    case.capsys.readouterr()
    assert main(["verify", str(case.log.folder), "--remote", str(case.config)]) == 0
    text = case.capsys.readouterr().out
    assert "in the store" in text
    assert "read past it" in text
    assert "in the folder" in text
