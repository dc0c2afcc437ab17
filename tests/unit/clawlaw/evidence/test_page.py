"""The page on evidence names every kind of entry, and every field, as they are."""

from pathlib import Path
from typing import get_args

from clawlaw.evidence.frame import HEADER_SIZE
from clawlaw.evidence.schema import AnyBody

PAGE = (Path(__file__).parents[4] / "docs/evidence.md").read_text()


def test_the_table_of_entries_is_that_of_the_schema() -> None:
    rows = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 3 and cells[0] != "`kind`":
            fields = [name.strip(" `") for name in cells[2].split(",")]
            rows[cells[0].strip("`")] = fields
    expected = {
        str(body.__struct_config__.tag): list(body.__struct_fields__)
        for body in get_args(AnyBody.__value__)
    }
    assert rows == expected


def test_the_size_of_a_header_is_as_written() -> None:
    assert f"a header of {HEADER_SIZE} bytes" in PAGE
