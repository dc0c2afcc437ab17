"""Runs of one gate that start fast: configuration and policy are read once.

    python forking.py CONFIG

A line on the input forks a run: everything of `clawlaw gate` from opening the log on,
in a process of its own that has nothing but configuration and policy from its parent.
Its process id is printed, and how it ended when it has.
"""

import os
import sys
from pathlib import Path

from clawlaw.gate.daemon import Daemon


def main() -> None:
    """Serve runs, one after the other, until the input ends."""
    daemon = Daemon(Path(sys.argv[1]))
    print("ready", flush=True)  # noqa: T201  # the test waits for it
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                daemon.run()
                status = 0
            finally:
                os._exit(status)
        print(child, flush=True)  # noqa: T201  # as above
        _, ended = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(ended), flush=True)  # noqa: T201  # as above


if __name__ == "__main__":
    main()
