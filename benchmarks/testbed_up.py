"""Measure the testbed: from no hosts to verified, again, and its peak memory.

    python benchmarks/testbed_up.py

Takes down the testbed of this checkout first, and leaves it up. The cache is used as it
is: run it once to warm the cache, and again to measure.
"""

import subprocess
import sys
import threading
import time
from pathlib import Path

SAMPLE_SECONDS = 0.5


def used_mib() -> int:
    """Return the memory of this machine that is not available, in MiB."""
    rows = dict(
        line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines()
    )
    kib = int(rows["MemTotal"].split()[0]) - int(rows["MemAvailable"].split()[0])
    return kib // 1024


class Memory(threading.Thread):
    """Samples the memory in use; ``peak`` is the most seen, in MiB."""

    def __init__(self) -> None:
        """Begin with what is in use now."""
        super().__init__(daemon=True)
        self.base = self.peak = used_mib()
        self.ended = threading.Event()

    def run(self) -> None:
        """Sample until ``ended`` is set."""
        while not self.ended.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, used_mib())


def timed(*words: str) -> float:
    """Run one ``forge`` command; return its seconds, or exit with its status."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "forge", *words], stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    return time.monotonic() - started


def main() -> None:
    """Print one line for each measurement."""
    timed("testbed", "down")
    memory = Memory()
    memory.start()
    up = timed("testbed", "up")
    site = timed("testbed", "site")
    again = timed("testbed", "up")
    memory.ended.set()
    memory.join()
    print(f"up, from no hosts to verified    {up:6.0f} s")
    print(f"site.yml again, nothing changes  {site:6.0f} s")
    print(f"up again, nothing changes        {again:6.0f} s")
    print(f"peak memory above the machine's  {memory.peak - memory.base:6.0f} MiB")


if __name__ == "__main__":
    main()
