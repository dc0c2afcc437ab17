"""What ``forge_change_windows`` may say: when changes are made, in UTC."""

import re
from typing import Final

from forge.topology.findings import did_you_mean
from forge.topology.schema import Reader, WindowData

WINDOWS: Final = "forge_change_windows"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK: Final = 7 * 24 * 60  # minutes
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def check_windows(reader: Reader, raw: object) -> None:
    """Report what is wrong with the windows; only the change gate reads them."""
    item: WindowData
    for index, item in reader.entries(raw, WindowData, "all", WINDOWS):
        field = f"{WINDOWS}[{index}]"
        wrong = [day for day in item.days if day not in DAYS]
        if wrong or not item.days:
            message = f"{wrong[0]} is not a day" if wrong else "names no day"
            fix = did_you_mean(wrong[0], DAYS) if wrong else f"of {', '.join(DAYS)}"
            reader.complain("all", f"{field}.days", message, fix)
        elif not _TIME.fullmatch(item.opens):
            message = f"{item.opens} is not a time of a day"
            reader.complain("all", f"{field}.opens", message, 'write "22:00", in UTC')
        elif not 1 <= item.minutes <= WEEK:
            message = f"{item.minutes} minutes are no window"
            reader.complain("all", f"{field}.minutes", message, f"write 1 to {WEEK}")
