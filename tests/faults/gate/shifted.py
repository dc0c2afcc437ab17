"""Runs a command of this project with a wall clock that a file sets.

    python shifted.py FILE PYTHON -m clawlaw ...

The file holds seconds that are added to the wall clock of this process, read again at
each look at it; the monotonic clock goes on as it does when somebody sets the time.
"""

import runpy
import sys
import time
from pathlib import Path


def main() -> None:
    """Shift the clock, then be the command."""
    file = Path(sys.argv[1])
    real = time.time_ns
    time.time_ns = lambda: real() + int(float(file.read_text()) * 1e9)
    time.time = lambda: time.time_ns() / 1e9
    sys.argv = sys.argv[4:]  # without the interpreter and -m
    runpy.run_module("clawlaw", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
