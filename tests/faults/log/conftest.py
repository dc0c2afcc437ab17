"""A writer that can be killed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("writer.py")


def environment() -> dict[str, str]:
    """That of a child that imports this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}


def start_writer(
    folder: Path, *arguments: object, before: tuple[str, ...] = ()
) -> "subprocess.Popen[bytes]":
    """A writer of the log in another process; its output is what it promised."""
    command = [*before, sys.executable, str(WRITER), str(folder)]
    return subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, env=environment()
    )
