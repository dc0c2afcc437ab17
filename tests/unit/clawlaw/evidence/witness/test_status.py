"""`clawlaw anchor --status`: how far witnesses and store have come."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clawlaw.cli import main
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer, cosign
from clawlaw.evidence.schema import Checkpointed, Entry, encode_entry

ORIGIN = "gate.test/log"

type MakeSigner = Callable[[str, int], Signer]
type Ask = Callable[[], tuple[int, dict[str, object]]]


@pytest.fixture
def heads(log: Log, signer: MakeSigner, tmp_path: Path) -> Callable[..., None]:
    """Grow the log, sign its head, and have some of the witnesses co-sign it."""
    number = 0

    def grow(*seconds: int) -> None:
        nonlocal number
        number += 1
        log.append([os.urandom(40).hex().encode() for _ in range(number)])
        note = log.checkpoint()
        body = Checkpointed(note.decode())
        log.append([encode_entry(Entry(1, log.size, number, "b", body))])
        for each, ago in enumerate(seconds, start=2):
            own = signer(f"w{each}.test", each)
            note = cosign(note, own, int(time.time()) - ago)
        if seconds:
            (tmp_path / "witnessed.note").write_bytes(note)

    return grow


@pytest.fixture
def ask(
    log: Log, signer: MakeSigner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Ask:
    keys = [signer(f"w{n}.test", n).cosigner.encode() for n in (2, 3)]
    said = {
        "document": "anchor",
        "log": str(log.folder),
        "key": signer(ORIGIN, 1).verifier.encode(),
        "witnessed": str(tmp_path / "witnessed.note"),
        "needed": 2,
        "witnesses": [{"url": "https://127.0.0.1:1", "key": key} for key in keys],
    }
    config = tmp_path / "anchor.yaml"
    config.write_text(json.dumps(said))
    config.chmod(0o600)

    def run() -> tuple[int, dict[str, object]]:
        capsys.readouterr()
        code = main(["anchor", "--status", "--config", str(config), "--json"])
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return code, found

    return run


def test_before_anything_is_cosigned(heads: Callable[..., None], ask: Ask) -> None:
    heads()
    code, found = ask()
    assert (code, found["good"], found["protected"]) == (1, False, 0)
    assert found["witnesses"] == {"w2.test": None, "w3.test": None}
    assert found["store"] == "not configured"


def test_one_of_two_is_not_enough(heads: Callable[..., None], ask: Ask) -> None:
    heads(7)
    code, found = ask()
    assert (code, found["good"]) == (1, False)


def test_what_is_cosigned_and_what_is_behind(
    heads: Callable[..., None], ask: Ask
) -> None:
    heads(100, 50)
    heads()
    code, found = ask()
    assert (code, found["good"]) == (0, True)
    assert (found["signed"], found["protected"], found["behind"]) == (4, 1, 3)
    ages = found["witnesses"]
    assert isinstance(ages, dict)
    assert 100 <= ages["w2.test"] < 160
    assert 50 <= ages["w3.test"] < 110


def test_a_head_that_was_changed_is_refused(
    heads: Callable[..., None], ask: Ask, tmp_path: Path
) -> None:
    heads(1, 1)
    note = (tmp_path / "witnessed.note").read_bytes()
    (tmp_path / "witnessed.note").write_bytes(note.replace(b"\n1\n", b"\n2\n"))
    code, found = ask()
    assert code == 2
    assert "is not of this note" in json.dumps(found)
