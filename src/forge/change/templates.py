"""Which variables a template reads, and whether it asks something outside them.

Raw inventories hold templates: a value can change although its text does not. The words
of a template are looked at, not its grammar; so a word that only looks like a variable
makes for one change too many, and none is missed that names what it reads.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from forge.change.snapshot import VARS

_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_WORD = re.compile(r"[^\W\d]\w*")
# What depends on files, time, chance, or the world.
_OUTSIDE = frozenset(
    {
        "ansible_date_time",
        "ansible_facts",
        "fileglob",
        "lookup",
        "now",
        "password_hash",
        "pipe",
        "q",
        "query",
        "random",
        "random_mac",
        "shuffle",
        "url",
    }
)
# What reads variables by names that are made up while it runs, or other hosts'.
_INDIRECT = frozenset({"vars", "varnames", "hostvars", "extract", "groups"})


class Reads(NamedTuple):
    """What the templates in one value read."""

    names: frozenset[str]
    outside: bool
    indirect: bool


@lru_cache(maxsize=4096)
def reads(text: str) -> Reads | None:
    """Return what a fact's text reads; None if there is no template in it."""
    if "{{" not in text and "{%" not in text:
        return None
    # Canonical JSON writes an inner quote as \"; words do not care.
    names = frozenset(
        word for found in _TEMPLATE.findall(text) for word in _WORD.findall(found)
    )
    outside, indirect = bool(names & _OUTSIDE), bool(names & _INDIRECT)
    # One that never ends is a syntax error, found when somebody reads the variable.
    return Reads(names, outside=outside or not names, indirect=indirect)


def followers(
    facts: Mapping[str, str], changed: Iterable[str], anywhere: frozenset[str]
) -> dict[str, bool]:
    """Return the variables of a host whose value may change though their text does not.

    Args:
        facts: Of the host, as proposed.
        changed: Names of its variables whose text changes.
        anywhere: Names of variables that change on any host; ``groups`` among them if
            groups or hosts do.

    Returns:
        Name to whether nothing can be told about it, rather than that it may change
        with another variable.
    """
    templates = {
        subject.removeprefix(VARS): seen
        for subject, text in facts.items()
        if subject.startswith(VARS) and (seen := reads(text)) is not None
    }
    found: dict[str, bool] = {}
    moving = set(changed)
    pending = {name: read for name, read in templates.items() if name not in moving}
    while pending:
        new = {
            name: read.outside
            for name, read in pending.items()
            if read.outside
            or read.names & moving
            or (read.indirect and (anywhere or moving))
        }
        if not new:
            break
        found |= new
        moving |= new.keys()
        pending = {n: r for n, r in pending.items() if n not in new}
    return found
