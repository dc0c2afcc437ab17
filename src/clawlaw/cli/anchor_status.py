"""How far the witnesses and the store have come, from files of this host alone."""

import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from clawlaw.cli.agent_files import as_owner
from clawlaw.evidence.anchor import newest_head
from clawlaw.evidence.anchor_config import AnchorConfig, read_config
from clawlaw.evidence.note import Signed, Verifier, open_note


class Status(Struct, frozen=True):
    """What is known here.

    Attributes:
        log: Origin.
        signed: Entries under the newest head that the log signed.
        protected: Entries under the newest head that the witnesses co-signed.
        root: Of that head, hex; "" where there is none.
        witnesses: Seconds since each co-signed it; `None`: it did not.
        needed: How many make it protected.
        store: Its endpoint, "" where none is configured.
    """

    log: str
    signed: int
    protected: int
    root: str
    witnesses: dict[str, int | None]
    needed: int
    store: str

    @property
    def good(self) -> bool:
        """Whether as many as are needed co-signed what is there."""
        known = [seconds for seconds in self.witnesses.values() if seconds is not None]
        return not self.witnesses or len(known) >= self.needed

    def fields(self) -> dict[str, Any]:
        """For programs."""
        return {
            "good": self.good,
            **msgspec.to_builtins(self),
            "behind": self.signed - self.protected,
            "store": self.store or "not configured",
        }


def status(file: Path) -> Status:
    """Read configuration, log and the newest co-signed head.

    Args:
        file: Configuration of the uploader.

    Raises:
        ClawLawError: One of them cannot be used.
        OSError: One of them cannot be read.
    """
    with as_owner(file):
        config = read_config(file)
    log = Verifier.parse(config.key)
    keys = [Verifier.parse(witness.key) for witness in config.witnesses]
    head = newest_head(Path(config.log))
    signed = open_note(head, [log]).checkpoint.size if head is not None else 0
    seen = _witnessed(config, [log, *keys])
    now = int(time.time())
    ages: dict[str, int | None] = {key.name: None for key in keys}
    if seen is not None:
        ages |= {k.name: now - seen.names[k.name] for k in keys if k.name in seen.names}
    return Status(
        log.name,
        signed,
        seen.checkpoint.size if seen is not None else 0,
        seen.checkpoint.root.hex() if seen is not None else "",
        ages,
        config.needed,
        config.store.endpoint if config.store is not None else "",
    )


def _witnessed(config: AnchorConfig, keys: list[Verifier]) -> Signed | None:
    file = Path(config.witnessed) if config.witnessed else None
    if file is None or not file.exists():
        return None
    return open_note(file.read_bytes(), keys)
