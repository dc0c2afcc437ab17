"""Judges of command lines whose danger stands in a small language of its own.

A profile names its judge by the key here; the judge then reads all arguments of the
program. Each accepts a listed part of its language and calls everything else opaque.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from clawlaw.core.shell.lang import (
    awk,
    curl,
    database,
    dc,
    find,
    git,
    jq,
    make,
    node,
    perl,
    python,
    sed,
    tar,
    xargs,
)
from clawlaw.core.shell.words import Context, Invocation

type Judge = Callable[[Invocation, Context], None]

HANDLERS: Final[Mapping[str, Judge]] = MappingProxyType(
    {
        "awk": awk.judge,
        "curl": curl.judge,
        "dc": dc.judge,
        "find": find.judge,
        "git": git.judge,
        "jq": jq.judge,
        "make": make.judge,
        "mysql": database.mysql,
        "node": node.judge,
        "perl": perl.judge,
        "psql": database.psql,
        "python": python.judge,
        "sed": sed.judge,
        "sqlite": database.sqlite,
        "tar": tar.judge,
        "xargs": xargs.judge,
    }
)
