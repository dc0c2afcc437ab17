"""A witness that is killed, or whose disk is full, never forgets what it signed."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.core.merkle import consistency_proof, leaf_hash, tree_root
from clawlaw.evidence.keys import make_signer
from clawlaw.evidence.note import Checkpoint, Signer, sign
from clawlaw.evidence.witness import Witness, WitnessError, encode_request
from clawlaw.evidence.witness_http import WitnessClient
from clawlaw.private import PrivateFileError

ROOT = Path(__file__).parents[3]
ORIGIN = "gate.test/log"
KILLS = int(os.environ.get("LOG_KILLS", "50")) // 10
LEAVES = [leaf_hash(str(n).encode()) for n in range(2000)]
LOG = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))


def head(size: int) -> bytes:
    return sign(Checkpoint(ORIGIN, size, tree_root(LEAVES[:size])), LOG)


def request(old: int, size: int) -> bytes:
    return encode_request(old, consistency_proof(LEAVES, old, size), head(size))


def test_full_disk_signs_nothing_and_forgets_nothing(small_disk: Path) -> None:
    own = Signer("w.test", Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32))
    folder = small_disk / "seen"
    witness = Witness(folder, own, [(ORIGIN, LOG.verifier)])
    witness.add(request(0, 5), 1)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    with pytest.raises(PrivateFileError, match="No space left"):
        witness.add(request(5, 9), 2)
    again = Witness(folder, own, [(ORIGIN, LOG.verifier)])
    last = again.last(ORIGIN)
    assert last is not None
    assert f"{ORIGIN}\n5\n".encode() in last
    filler.unlink()
    again.add(request(5, 9), 3)
    assert sorted(p.suffix for p in folder.iterdir()) == [".note"]


class Killed:
    """A witness as a process, and the largest head that it signed for anybody."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "witness.pem"
        self.signer = make_signer(self.key, "w.test")
        (folder / "logs").write_text(LOG.verifier.encode() + "\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        url = f"http://127.0.0.1:{self.port}"
        self.client = WitnessClient(url, self.signer.cosigner)
        self.signed = 0

    def start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "clawlaw", "witness", "serve", "w.test"]
        command += ["--key", str(self.key), "--folder", str(self.folder / "seen")]
        command += ["--logs", str(self.folder / "logs")]
        command += ["--listen", f"127.0.0.1:{self.port}"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return process
            time.sleep(0.02)
        raise AssertionError("the witness did not start")

    def ask_until_it_dies(self) -> None:
        with contextlib.suppress(WitnessError):  # it may die before the first answer
            last = self.client.last(ORIGIN)
            size = last.size if last else 0
            while True:
                proof = consistency_proof(LEAVES, size, size + 1)
                self.client.add(size, proof, head(size + 1))
                size += 1
                self.signed = max(self.signed, size)


def test_killed_witness_remembers_every_head_that_it_signed(tmp_path: Path) -> None:
    killed = Killed(tmp_path)
    chance = random.Random(7)  # noqa: S311  # instants of a test
    for _ in range(KILLS):
        process = killed.start()
        asker = threading.Thread(target=killed.ask_until_it_dies)
        asker.start()
        time.sleep(chance.uniform(0.02, 0.3))
        process.kill()
        process.wait()
        asker.join()
    process = killed.start()
    try:
        last = killed.client.last(ORIGIN)
        assert last is not None
        proof = consistency_proof(LEAVES, last.size, last.size + 1)
        assert killed.client.add(last.size, proof, head(last.size + 1))
    finally:
        process.terminate()
        process.wait()
    assert killed.signed > KILLS
    assert last.size >= killed.signed
    assert len(list((tmp_path / "seen").iterdir())) == 1
