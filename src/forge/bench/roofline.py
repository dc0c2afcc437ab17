"""What a host can reach: a token reads every weight once, so memory is the roof.

    tokens a second <= bandwidth / bytes that one token reads

For one stream of a dense model, without the cache of keys and values, which is read as
well: a host stays below. Several streams in a batch share one reading of the weights.

Source: S. Williams et al., Roofline, CACM 52(4), 2009.
"""

import time
from typing import Final

BLOCK: Final = 256 << 20  # bytes: no cache holds them
ROUNDS: Final = 5


def measured(block: int = BLOCK, rounds: int = ROUNDS) -> float:
    """Bytes a second that one core copies: read and written, the best of rounds.

    Less than what all cores or a GPU reach; said beside the number.
    """
    source, target = bytearray(block), bytearray(block)
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        target[:] = source
        best = min(best, time.perf_counter() - begin)
    return 2 * block / best


def tokens_per_second(bandwidth: float, read_bytes: int) -> float:
    """The roof of one stream; bandwidth in bytes a second."""
    return bandwidth / read_bytes
