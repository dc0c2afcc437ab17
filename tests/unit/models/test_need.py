"""The arithmetic of memory and disk."""

from forge.models.need import GIB, Need, disk_need, gib, memory_budget


def test_memory_is_the_file_and_the_cache_of_every_request() -> None:
    need = Need(file=4_920_000_000, context=8192, kv_bytes_per_token=131072, parallel=2)
    assert need.kv_cache == 2 * GIB
    assert need.total == 4_920_000_000 + 2 * GIB


def test_budget_is_a_share_of_gib() -> None:
    assert memory_budget(48, 50) == 24 * GIB


def test_disk_holds_the_largest_model_twice() -> None:
    assert disk_need([10, 40, 5]) == 95
    assert disk_need([]) == 0


def test_shown_need_is_never_less_than_the_need() -> None:
    assert gib(1) == "0.01 GiB"
    assert gib(2 * GIB) == "2.00 GiB"
    assert gib(GIB + 1) == "1.01 GiB"
