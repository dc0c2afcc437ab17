"""Arithmetic of a Mac that serves models. Pure.

Graphics and processor share one memory. macOS lets the graphics side hold no more than
about two thirds of it, three quarters on larger machines, unless
``iogpu.wired_limit_mb`` says otherwise; a model that does not fit below that limit is
read from disk again and again.
"""

from forge.errors import InputError

MIB_PER_GIB = 1024
# What macOS, the gate and its agents need, whatever the size of the machine ...
RESERVE_MIB = 8 * MIB_PER_GIB
# ... and what grows with it: page tables, file cache, buffers of the engines.
RESERVE_PART = 16


def wired_limit_mb(memory_gb: float) -> int:
    """Return the limit of memory that the graphics side may hold.

    The larger one of two thirds of the memory, about what macOS itself allows, and the
    memory less 8 GiB less a sixteenth of it.

    ======== ============ =========
    memory   limit (MiB)  of it
    ======== ============ =========
    16 GiB   10922        67 %
    64 GiB   53248        81 %
    192 GiB  176128       90 %
    ======== ============ =========

    Args:
        memory_gb: Memory of the machine in GiB, as ``forge_memory_gb`` states it.

    Returns:
        Mebibytes, the unit of ``iogpu.wired_limit_mb``.

    Raises:
        InputError: The memory is not positive.
    """
    total = int(memory_gb * MIB_PER_GIB)
    if total <= 0:
        raise InputError(
            f"memory of {memory_gb} GB", remedy="state forge_memory_gb for the host"
        )
    return max(total * 2 // 3, total - RESERVE_MIB - total // RESERVE_PART)
