"""Answers that began and are not settled, on the disk: a killed proxy finds them again.

One file for each, durable before an engine is asked, gone once its outcome is recorded.
An outcome is taken from the agent alone, and its token is not kept: the file has the
token's digest, and what a killed process left is reported when that agent asks again.
"""

import asyncio
import contextlib
import hashlib
from pathlib import Path
from typing import Any

from clawlaw.inference import strict
from clawlaw.private import PrivateFileError, create_private, read_private


class Journal:
    """A folder of them, or nothing.

    Attributes:
        unread: Files that are not of this journal, which are left where they are.
    """

    def __init__(self, folder: str) -> None:
        """Find what a process before this one left behind.

        Args:
            folder: Of this account alone; "": nothing is kept.

        Raises:
            PrivateFileError: It cannot be used.
        """
        self._folder = Path(folder) if folder else None
        self._lost: dict[str, list[dict[str, Any]]] = {}
        self.unread: list[str] = []
        if self._folder is None:
            return
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for path in sorted(self._folder.iterdir()):
                self._find(path)
        except OSError as error:
            raise PrivateFileError(
                f"{folder}: {error.strerror}; give a folder of the proxy's own"
            ) from error

    def _find(self, path: Path) -> None:
        try:
            data = read_private(path)
            said = strict.loads_object(data) if data else None
        except (PrivateFileError, strict.StrictError) as error:
            self.unread.append(f"{path.name}: {error}")
            return
        if said is None:  # killed while it was written: no engine was asked
            path.unlink(missing_ok=True)
            return
        token, outcome = said.get("token"), said.get("outcome")
        if isinstance(outcome, dict) and self._path(str(outcome.get("id"))) == path:
            self._lost.setdefault(str(token), []).append(outcome)
        else:
            self.unread.append(f"{path.name}: no outcome")

    async def begin(self, token: str, outcome: dict[str, Any]) -> None:
        """Note an answer down; on the disk when this returns.

        Args:
            token: Of the agent.
            outcome: To be reported where nothing else will be.

        Raises:
            PrivateFileError: It cannot be written.
        """
        if self._folder is None:
            return
        kept = {name: value for name, value in outcome.items() if name != "permit"}
        said = strict.dumps({"token": _digest(token), "outcome": kept}).encode()
        await asyncio.to_thread(create_private, self._path(outcome["id"]), said)

    def end(self, name: str) -> None:
        """Its outcome is recorded.

        A file that stays, for whatever reason, does no harm: the gate takes an outcome
        once, and the next process forgets what the gate knows.
        """
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._path(name).unlink()

    def lost(self, token: str) -> list[dict[str, Any]]:
        """Outcomes of an agent that a killed process owes; each is given out once."""
        return self._lost.pop(_digest(token), []) if self._lost else []

    def _path(self, name: str) -> Path:
        assert self._folder is not None  # noqa: S101  # looked at by the callers
        return self._folder / name.encode().hex()  # whatever the gate calls it

    def __len__(self) -> int:
        """How many outcomes are owed."""
        return sum(map(len, self._lost.values()))


def _digest(token: str) -> str:
    return hashlib.sha256(b"journal\0" + token.encode()).hexdigest()
