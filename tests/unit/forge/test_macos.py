"""The limit of memory that models may hold on a Mac."""

import pytest

from forge import macos
from forge.errors import InputError


@pytest.mark.parametrize(
    ("memory", "limit"), [(16, 10922), (64, 53248), (192, 176128), (512, 483328)]
)
def test_the_table_of_the_documentation(memory: float, limit: int) -> None:
    assert macos.wired_limit_mb(memory) == limit


def test_it_is_never_below_what_macos_allows_itself() -> None:
    for memory in range(8, 513, 8):
        limit = macos.wired_limit_mb(memory)
        assert memory * 1024 * 2 // 3 <= limit
        assert limit <= memory * 1024 - 5 * 1024 or memory < 16


@pytest.mark.parametrize("memory", [0, -1])
def test_an_unknown_memory_is_refused(memory: float) -> None:
    with pytest.raises(InputError, match="forge_memory_gb"):
        macos.wired_limit_mb(memory)
