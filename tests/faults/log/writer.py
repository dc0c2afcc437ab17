"""Appends to a log until it is killed, and says after each append what is durable.

    python writer.py FOLDER [SEED] [COUNT]

One line an append, written only when the append has returned: size and root. An entry
says its own number, so that a reader can tell which one is missing.
"""

import os
import random
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer

ORIGIN = "forge.test/faults"
SEGMENT = 16_384


def entry(number: int) -> bytes:
    """Bytes that only this entry has; 60 to 660 of them."""
    return f"{number}:".encode() + bytes([97 + number % 26]) * (60 + number * 37 % 600)


def open_log(folder: Path, **options: object) -> Log:
    """The log of these tests."""
    signer = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    return Log.open(folder, ORIGIN, signer, segment_bytes=SEGMENT, **options)  # type: ignore[arg-type]  # passed on


def main() -> None:
    """Append until the count is reached or somebody kills it."""
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0  # arguments
    left = int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 40  # as above
    draw = random.Random(seed)  # noqa: S311  # sizes of batches
    with open_log(Path(sys.argv[1])) as log:
        os.write(1, f"{log.size} {log.root().hex()}\n".encode())
        while left > 0:
            count = draw.choice((1, 1, 1, 2, 5, 17))
            left -= 1
            log.append([entry(log.size + i) for i in range(count)])
            os.write(1, f"{log.size} {log.root().hex()}\n".encode())


if __name__ == "__main__":
    main()
