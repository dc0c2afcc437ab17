"""A log of millions of entries: written, and verified by `clawlaw verify` as it is.

    python benchmarks/evidence_long.py [--entries N] [--decisions N] [FOLDER]

Most entries are small (a session's end), every so many is a real decision of the
policy `forge`, and every 10,000th is a signed head, which is verified as well. Time and
peak memory are those of the command's own process. FOLDER is on a disk that has room;
default: here. What is written is deleted at the end.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from evidence import entry as decision
from evidence import record

from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer
from clawlaw.evidence.schema import Checkpointed, Closed, Entry, encode_entry
from clawlaw.evidence.segment import segment_paths

BATCH = 1_000  # entries of one sync
HEADS = 10_000  # entries between two signed heads
START = 1_790_000_000_000  # milliseconds; the time of the first entry
MIB = 1 << 20


def write(folder: Path, signer: Signer, entries: int, every: int) -> None:
    """Append entries; each `every`th is a decision."""
    made = record()
    signed = 0
    with Log.open(folder, signer.name, signer) as log:
        while log.size < entries:
            first = log.size
            log.append(
                [
                    decision(number, made)
                    if number % every == 0
                    else _small(number, Closed(f"s{number}"))
                    for number in range(first, min(first + BATCH, entries - 1))
                ]
            )
            if log.size >= signed + HEADS or log.size == entries - 1:
                signed = log.size
                head = Checkpointed(log.checkpoint().decode())
                log.append([_small(log.size, head)])


def _small(number: int, body: Closed | Checkpointed) -> bytes:
    return encode_entry(Entry(1, number, START + number, "boot", body))


def verify(folder: Path, key: Path) -> tuple[float, int, dict[str, object]]:
    """Run the command: seconds, peak resident bytes, and what it said."""
    said = folder.with_name("said.json")
    command = [sys.executable, "-m", "clawlaw", "verify", str(folder)]
    command += ["--key", str(key), "--json"]
    begin = time.monotonic()
    child = os.posix_spawn(
        sys.executable,
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, str(said), os.O_CREAT | os.O_WRONLY, 0o600)
        ],
    )
    _, status, used = os.wait4(child, 0)
    seconds = time.monotonic() - begin
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"clawlaw verify ended with {status}: {said.read_text()}")
    scale = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return seconds, used.ru_maxrss * scale, json.loads(said.read_text())


def main() -> None:
    """Write, verify, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--decisions", type=int, default=100, help="each Nth entry")
    parser.add_argument("folder", nargs="?", default=".")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="bench-") as base:
        log, key = Path(base) / "log", Path(base) / "log.pub"
        signer = Signer("bench", Ed25519PrivateKey.generate())
        key.write_text(signer.verifier.encode() + "\n")
        begin = time.monotonic()
        write(log, signer, given.entries, given.decisions)
        wrote = time.monotonic() - begin
        size = sum(path.stat().st_size for path in segment_paths(log))
        print(f"written   {given.entries:,} entries in {wrote:.0f} s, ", end="")
        print(f"{size / MIB:,.0f} MiB")
        seconds, peak, said = verify(log, key)
        print(f"verified  {said['entries']:,} entries in {seconds:.0f} s, ", end="")
        print(f"{given.entries / seconds:,.0f}/s, {size / MIB / seconds:.0f} MiB/s")
        print(f"peak      {peak / MIB:.0f} MiB of memory")
        print(f"heads     {said['heads']} signed heads agree")


if __name__ == "__main__":
    main()
