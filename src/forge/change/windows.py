"""When changes are made: the window that is open, or the one that comes next.

The windows of what is applied count, not those that a plan proposes: no run opens the
window that it needs.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from forge.change.applied import Applied
from forge.change.snapshot import VARS
from forge.errors import InputError
from forge.topology.schema import WindowData
from forge.topology.windows import DAYS, WINDOWS

_AROUND: Final = range(-len(DAYS), len(DAYS) + 1)  # days; no window is over a week long


def declared(record: Applied | None) -> tuple[WindowData, ...]:
    """Return the windows that the newest run recorded; none if it declared none.

    Args:
        record: Of what is applied; None while the room is being installed.

    Raises:
        InputError: What was recorded is no list of windows.
    """
    known = [host for host in record.hosts.values() if host.facts] if record else []
    if not known:
        return ()
    newest = max(known, key=lambda host: host.run)
    text = newest.facts.get(f"{VARS}{WINDOWS}", "[]")
    try:
        return msgspec.json.decode(text, type=tuple[WindowData, ...])
    except msgspec.DecodeError as error:
        raise InputError(
            f"{WINDOWS}, as run {newest.run} applied it: {error}",
            remedy="see docs/inventory.md",
        ) from error


def window(windows: Iterable[WindowData], now: int) -> tuple[int, int]:
    """Return when the window that is open, or comes next, opens and closes.

    Args:
        windows: As declared, in UTC.
        now: Milliseconds since the epoch.

    Returns:
        Both in milliseconds since the epoch; zeros if none is declared.
    """
    spans = [span for each in windows for span in _spans(each, now) if now < span[1]]
    if not spans:
        return 0, 0
    opened = [span for span in spans if span[0] <= now]
    return max(opened, key=lambda span: span[1]) if opened else min(spans)


def _spans(each: WindowData, now: int) -> Iterable[tuple[int, int]]:
    today = datetime.fromtimestamp(now / 1000, UTC).date()
    hour, minute = map(int, each.opens.split(":"))
    for offset in _AROUND:
        day = today + timedelta(days=offset)
        if DAYS[day.weekday()] in each.days:
            opens = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
            start = int(opens.timestamp()) * 1000
            yield start, start + each.minutes * 60_000
