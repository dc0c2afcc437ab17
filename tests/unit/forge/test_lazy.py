import sys

import pytest

from forge.lazy import late


def test_the_module_is_imported_at_the_first_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    convert = late("colorsys", "rgb_to_hsv")
    assert "colorsys" not in sys.modules
    assert convert(0.0, 0.0, b=1.0)[2] == 1.0
    assert "colorsys" in sys.modules


def test_a_missing_module_is_an_import_error_when_called() -> None:
    function = late("forge.not_there", "x")
    with pytest.raises(ImportError, match=r"forge\.not_there"):
        function()
