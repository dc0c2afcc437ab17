"""Structured logs: one JSON object a line, on standard error.

What happened to the gate, never what was in a request: ids, counts, names of places.
The evidence log tells what was decided.
"""

import json
import sys
import time


def note(event: str, **fields: object) -> None:
    """Write one line.

    Args:
        event: What happened, in a word or two.
        fields: With what; nothing that came from an agent but ids.
    """
    line = {"time": int(time.time() * 1000), "event": event, **fields}
    try:
        sys.stderr.write(json.dumps(line, default=str) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads; the evidence log is another matter
        return
