"""Whether witnesses hold what the log says; beyond the limit, nothing is allowed.

An uploader outside of the gate leaves the newest co-signed head in a file. Nothing of
that file is believed that a signature does not show.
"""

import os
from pathlib import Path

from clawlaw.core.errors import ClawLawError
from clawlaw.evidence.errors import EvidenceError
from clawlaw.evidence.lag import Heads, WitnessLag, last_witnessed
from clawlaw.evidence.note import Checkpoint, Verifier
from clawlaw.evidence.reader import root_at
from clawlaw.gate.journal import note

MAX_NOTE = 64 << 10  # bytes


def minimum(
    log: Verifier, witnesses: tuple[str, ...], needed: int, file: str
) -> Checkpoint | None:
    """The head that the log must extend when it is opened; `None`: none is known.

    Args:
        log: Key of the log.
        witnesses: Published keys of those whose cosignatures count.
        needed: How many make a head protected.
        file: Where the uploader leaves co-signed heads.

    Raises:
        EvidenceError: What is there is no head that the witnesses co-signed.
        OSError: It is there and cannot be read.
    """
    if not witnesses or not Path(file).exists():
        return None
    known = [Verifier.parse(line) for line in witnesses]
    return last_witnessed(Path(file).read_bytes(), log, known, needed)


class Protection:
    """What the witnesses are known to have seen."""

    def __init__(
        self,
        log: Verifier,
        witnesses: tuple[str, ...],
        *,
        needed: int,
        limit: int,
        file: str,
        folder: str,
    ) -> None:
        """Begin with nothing witnessed.

        Args:
            log: Key of the log.
            witnesses: Published keys of those whose cosignatures count; none: nothing
                is asked, and nothing is ever late.
            needed: How many make a head protected.
            limit: Milliseconds that a head may wait for them.
            file: Where the uploader leaves co-signed heads.
            folder: Of the log.

        Raises:
            ClawLawError: A key is none, or the numbers cannot be met.
        """
        self._file = Path(file)
        self._seen: tuple[int, int, int] | None = None
        self._lag: WitnessLag | None = None
        if not witnesses:
            return
        if not file.startswith("/"):
            raise ClawLawError("evidence.witnessed: give the file of co-signed heads")
        known = [Verifier.parse(line) for line in witnesses]
        self._lag = WitnessLag(
            log, known, needed, limit, lambda size: root_at(Path(folder), size)
        )

    def signed(self, signed: bytes, time: int) -> None:
        """A head was signed and recorded."""
        if self._lag is not None:
            self._lag.signed(signed, time)

    def heads(self) -> Heads | None:
        """What was signed and what of it is witnessed; `None`: nobody is asked."""
        return None if self._lag is None else self._lag.heads()

    def resume(self, heads: Heads | None) -> bool:
        """Go on as it stood; false: what was witnessed then is not known now."""
        if self._lag is None:
            return True
        return heads is not None and self._lag.resume(heads)

    def look(self) -> None:
        """Read what the uploader left, where it is new."""
        if self._lag is None:
            return
        try:
            found = os.stat(self._file)  # noqa: PTH116  # one call, every second
            mark = found.st_ino, found.st_mtime_ns, found.st_size
            if mark == self._seen or found.st_size > MAX_NOTE:
                return
            self._seen = mark
            self._lag.seen(self._file.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, EvidenceError) as error:
            note("witnessed head refused", error=str(error))

    def lag(self, now: int) -> int:
        """Milliseconds that the witnesses are behind; 0 where none are configured."""
        return 0 if self._lag is None else self._lag.lag(now)

    def late(self, now: int) -> str:
        """Why nothing may be allowed now; "" where it may."""
        return "" if self._lag is None else self._lag.late(now)
