"""The labels as plain integers: flags of `enum` cost a microsecond an operation."""

from typing import Final

from clawlaw.core.state import SHIFT, Label

UNTRUSTED: Final = int(Label.UNTRUSTED)
SECRET: Final = int(Label.SECRET)
DOWNLOADED: Final = int(Label.DOWNLOADED)
WRITTEN: Final = int(Label.WRITTEN)
PERSONAL: Final = int(Label.PERSONAL)
INTERNAL: Final = int(Label.INTERNAL)
EXECUTABLE: Final = int(Label.EXECUTABLE)
CODE: Final = int(Label.CODE)
STAGED: Final = int(Label.STAGED)

ALL: Final = (1 << SHIFT) - 1
PRIVATE: Final = SECRET | PERSONAL | INTERNAL
# What reading a labelled file makes known to a session.
CONTEXT: Final = UNTRUSTED | PRIVATE
# What a file may be run by.
MADE: Final = WRITTEN | CODE
FETCHED: Final = UNTRUSTED | DOWNLOADED
BY_NAME: Final = {"SECRET": SECRET, "PERSONAL": PERSONAL, "INTERNAL": INTERNAL}
OF_SERVICE: Final = {
    **{k.lower(): v for k, v in BY_NAME.items()},
    "untrusted": UNTRUSTED,
}
