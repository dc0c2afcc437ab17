"""The memory and disk that a model needs: integer arithmetic, nothing else.

What is counted is what grows with the declaration: the file, which engines map or
load whole, and the cache of keys and values of every token in every parallel
request. Buffers of the computation are not counted; they and everything else on the
host live in the share of memory that models may not use.
"""

import msgspec

GIB = 2**30  # memory is sold in these, and called GB
GB = 10**9  # disks are sold in these

# macOS lets the GPU wire about two thirds to three quarters of the memory
# (iogpu.wired_limit_mb); a host that runs other things as well has less to give.
DEFAULT_MEMORY_PERCENT = 50
MEMORY_PERCENT_MAX = 90


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What one model takes of a host's memory, with the factors.

    Attributes:
        file: Size of the weights, bytes.
        context: Tokens of one request, prompt and answer.
        kv_bytes_per_token: Bytes of keys and values of one token, all layers.
        parallel: Requests that are served at once.
    """

    file: int
    context: int
    kv_bytes_per_token: int
    parallel: int

    @property
    def kv_cache(self) -> int:
        """Bytes of keys and values when every request is as long as it may be."""
        return self.context * self.kv_bytes_per_token * self.parallel

    @property
    def total(self) -> int:
        """Bytes of memory in all."""
        return self.file + self.kv_cache


def memory_budget(memory_gb: int, percent: int) -> int:
    """Return the bytes that models may take of ``memory_gb`` of memory."""
    return memory_gb * GIB * percent // 100


def disk_need(sizes: list[int]) -> int:
    """Return the bytes on disk of models of these sizes.

    An old version is kept until the new one is verified, one model at a time: so the
    largest is there twice.
    """
    return sum(sizes) + max(sizes, default=0)


def gib(count: int) -> str:
    """Return bytes as GiB with two decimals, rounded up: a need is never shown less."""
    hundredths = -(-count * 100 // GIB)
    return f"{hundredths // 100}.{hundredths % 100:02} GiB"
