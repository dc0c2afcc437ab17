"""A steward's side of the desk: asks the gate over its Unix socket, and signs.

Nothing is signed that was not shown: the action's digest is computed here from the
proposal and the facts that are displayed, and must be the one that the gate names.
"""

import http.client
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from clawlaw.core.canonical import Json
from clawlaw.core.errors import ClawLawError
from clawlaw.core.kernel import action_digest
from clawlaw.gate.answers import Answer, Word
from clawlaw.gate.desk_view import CaseView, DeskView
from clawlaw.gate.stewards import StewardKey, answer_statement, statement

TIMEOUT = 10  # seconds
MAX_BYTES = 64 << 20  # of one answer of the gate
BASE = "/v1/steward/"
PATH = f"{BASE}escalations"


class DeskClientError(ClawLawError):
    """The gate did not do what was asked; the message says why and what to do."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class DeskClient:
    """Speaks to one gate."""

    def __init__(self, path: Path) -> None:
        """Remember the path of the stewards' socket; connects when asked."""
        self.path = path

    def view(self, *, finished: bool = False) -> DeskView:
        """What waits at the gate.

        Raises:
            DeskClientError: The gate cannot be reached, or refuses.
        """
        return self._decode(self._ask("GET", PATH + ("?all=1" if finished else "")))

    def case(self, escalation: str) -> tuple[DeskView, CaseView]:
        """One escalation with what was shown around it.

        Raises:
            DeskClientError: No such escalation, or the gate cannot be reached.
        """
        view = self._decode(self._ask("GET", f"{PATH}/{quote(escalation, safe='')}"))
        if len(view.escalations) != 1 or view.escalations[0].asked.id != escalation:
            raise DeskClientError(f"{escalation}: the gate shows another escalation")
        return view, view.escalations[0]

    def answer(
        self,
        shown: tuple[DeskView, CaseView],
        word: Word,
        reason: str,
        key: StewardKey,
        *,
        life: int = 0,
    ) -> dict[str, Any]:
        """Sign an answer to what was shown, and give it.

        Args:
            shown: From :meth:`case`.
            word: Of the answer.
            reason: One line.
            key: The steward's.
            life: Milliseconds that an approval counts, by the gate's clock.

        Returns:
            What the gate says: `id`, `state`.

        Raises:
            DeskClientError: What was shown is not what would be signed, or the gate
                refuses.
        """
        view, case = shown
        check_shown(case, word)
        expires = view.now + life if word == "approve" else 0
        answer = Answer(word, reason.strip(), key.steward.key, expires)
        said = answer_statement(view.gate, case.asked, answer)
        signed = msgspec.structs.replace(answer, signature=key.sign(said))
        place = f"{PATH}/{quote(case.asked.id, safe='')}/answer"
        found: dict[str, Any] = json.loads(
            self._ask("POST", place, msgspec.json.encode(signed))
        )
        return found

    def act(
        self, about: str, where: str, said: dict[str, Json], key: StewardKey
    ) -> dict[str, Any]:
        """Do something else that only stewards may, signed as of now.

        Args:
            about: Kind of the statement: "budget", "close", "policy", "quarantine".
            where: Path below `/v1/steward/`.
            said: What the act changes; `session` is in the path as well.
            key: The steward's.

        Raises:
            DeskClientError: The gate cannot be reached, or refuses.
        """
        view = self.view()
        bound: dict[str, Json] = {**said, "key": key.steward.key, "at": view.now}
        signature = key.sign(statement(view.gate, about, bound))
        body = {k: v for k, v in bound.items() if k != "session"}
        data = json.dumps(body | {"signature": signature}).encode()
        found: dict[str, Any] = json.loads(self._ask("POST", BASE + where, data))
        return found

    def _ask(self, method: str, place: str, body: bytes | None = None) -> bytes:
        connection = _Connection(self.path)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, place, body, headers)
            answer = connection.getresponse()
            data = answer.read(MAX_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise DeskClientError(
                f"{self.path}: the gate does not answer "
                f"({getattr(error, 'strerror', None) or type(error).__name__}); is it "
                "running, and may this user open the stewards' socket?"
            ) from error
        finally:
            connection.close()
        if len(data) > MAX_BYTES:
            raise DeskClientError(f"{self.path}: an answer above {MAX_BYTES} bytes")
        if answer.status != http.client.OK:
            raise DeskClientError(_refusal(answer.status, data))
        return data

    def _decode(self, data: bytes) -> DeskView:
        try:
            return msgspec.json.decode(data, type=DeskView)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DeskClientError(
                f"{self.path}: not the answer of a gate of this version: {error}"
            ) from error


def check_shown(case: CaseView, word: Word) -> None:
    """Refuse to sign a digest that is not of what is displayed.

    Raises:
        DeskClientError: The gate names another action than it shows.
    """
    if word != "approve":
        return
    name = case.asked.id
    if case.proposal is None or case.facts is None:
        raise DeskClientError(f"{name}: it is {case.state}, answers are over")
    if action_digest(case.proposal, case.facts) != case.asked.action:
        raise DeskClientError(
            f"{name}: the gate shows one action and asks about another; sign nothing "
            "and look at the gate"
        )


def _refusal(status: int, data: bytes) -> str:
    try:
        error = json.loads(data)["error"]
        said = [f"{error['where']}: {error['what']}".removeprefix(": ")]
        return "\n  ".join(said + [error["remedy"]] * bool(error["remedy"]))
    except (ValueError, KeyError, TypeError):
        return f"the gate answered HTTP {status} and no reason"
