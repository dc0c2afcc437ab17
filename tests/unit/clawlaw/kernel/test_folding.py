"""Folding is the same on every Python (docs/adr/0018-unicode-3-2-for-folding.md)."""

import hashlib

from clawlaw.core.text import fold

# Of Python 3.12 (Unicode 15.0) and 3.13 (15.1). It changes with the rules of folding,
# never with the interpreter; all 1,114,112 code points were compared once as well.
EXPECTED = "c97641b4020c2d264d0282fd9148e39131489a9b6d061b7559290a250e65aea1"


def test_every_script_folds_as_it_was_written_down() -> None:
    whole = hashlib.sha256()
    sparse = (*range(0x3400, 0x20000, 7), *range(0x20000, 0x110000, 251))
    for code in (*range(0x3400), *sparse):
        folded = fold(f"a{chr(code)}b")
        whole.update(folded.text.encode("utf-8", "surrogatepass"))
        whole.update(b"1" if folded.strange else b"0")
    assert whole.hexdigest() == EXPECTED
