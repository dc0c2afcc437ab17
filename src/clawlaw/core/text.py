"""One form for all spellings of a path, a host or a name, so that rules compare one.

Letter case, compatibility forms and characters that file systems ignore are folded
away. The tables are those of Unicode 3.2, which every Python carries unchanged for
RFC 3454: the same text folds alike on every version. Text with characters outside it
is marked, and what is marked never passes without a question.

Source: RFC 3454; Apple TN1150 (characters that HFS+ ignores).
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_TABLES = unicodedata.ucd_3_2_0
# What HFS+ and APFS leave out of a comparison, and other characters without width.
_IGNORED = dict.fromkeys((173, 847, 6158, *range(8203, 8208), *range(8234, 8239), *range(8288, 8293), *range(8298, 8304), *range(65024, 65040), 65279))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Folded:
    """Text in its comparable form.

    Attributes:
        text: Folded; of a path lexically normalised as well.
        strange: It held characters that the tables do not know, that have no width,
            or that only look like others.
    """

    text: str
    strange: bool


def fold(text: str) -> Folded:
    """Fold case, compatibility forms and ignorable characters.

    Returns:
        The folded text; `strange` where a character is not in Unicode 3.2, is
        ignorable, is a control character or is not ASCII after folding and so could
        be taken for another.
    """
    if text.isascii():
        return Folded(text.lower(), strange=not text.isprintable())
    kept = text.translate(_IGNORED)
    strange = kept != text or not kept.isprintable()
    strange = strange or any(_TABLES.category(c) == "Cn" for c in kept)
    form = _TABLES.normalize("NFKC", kept).casefold()
    return Folded(_TABLES.normalize("NFKC", form), strange=strange)


@lru_cache(maxsize=4096)
def fold_path(path: str) -> Folded:
    """Fold an absolute path and take out `.`, `..` and repeated slashes by text.

    Returns:
        "/" or "/a/b", without a slash at the end.
    """
    folded = fold(path)
    kept: list[str] = []
    for part in folded.text.split("/"):
        if part == "..":
            if kept:
                kept.pop()
        elif part not in {"", "."}:
            kept.append(part)
    return Folded("/" + "/".join(kept), folded.strange)
