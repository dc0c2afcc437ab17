"""Tells people that an escalation waits: one webhook, never in a decision's way.

`notify` only puts a notice into a bounded queue; a thread of its own sends it, a few
times at most. What cannot be told is counted and lost: the escalation itself is in
the log, and its deadline denies. A notice leaves the boundary, so it holds ids, the
tool and what the rules say, and nothing that the agent wrote.
"""

import http.client
import json
import queue
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from clawlaw.core.errors import ClawLawError
from clawlaw.evidence.schema import Escalated

TIMEOUT = 5  # seconds, of connecting and of each read
PAUSES = (1.0, 4.0)  # seconds between tries; one more try than pauses
WAITING = 256  # notices; more are dropped
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})

type Style = Literal["json", "ntfy", "slack"]


class WebhookError(ClawLawError):
    """An address is no webhook; the message says what is."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to, and in which form.

    Attributes:
        style: "ntfy" publishes JSON to the server's root with the topic of the path;
            "slack" sends `text` alone; "json" sends everything.
        address: Without the style.
    """

    style: Style
    address: SplitResult

    @classmethod
    def parse(cls, text: str) -> "Webhook":
        """Read `https://...`, `slack+https://...` or `ntfy+https://HOST/TOPIC`.

        Raises:
            WebhookError: Another scheme, no host, no topic; plain HTTP beyond
                loopback.
        """
        style: Style = "json"
        rest = text
        for known in ("ntfy", "slack"):
            if text.startswith(f"{known}+"):
                style, rest = known, text.removeprefix(f"{known}+")
        try:
            found = urlsplit(rest)
            local = found.hostname in {"127.0.0.1", "::1", "localhost"}
            _ = found.port
        except ValueError as error:
            raise WebhookError(f"the webhook is no address: {error}") from error
        if found.scheme != "https" and not (found.scheme == "http" and local):
            raise WebhookError(
                "a webhook is https://..., slack+https://... or "
                "ntfy+https://HOST/TOPIC; plain http only on loopback"
            )
        if not found.hostname or found.username or found.password:
            raise WebhookError("a webhook names a host, and no user or password")
        if style == "ntfy" and found.path.strip("/") in {"", "/"}:
            raise WebhookError("an ntfy webhook ends in its topic")
        return cls(style, found)

    def request(self, asked: Escalated, tool: str, reason: str) -> tuple[str, bytes]:
        """Path and body of one notice."""
        title = f"{asked.principal} waits for {asked.needed} steward(s)"
        text = f"{title}: {tool}, {reason} (clawlaw steward show {asked.id})"
        path = self.address.path or "/"
        if self.address.query:
            path += f"?{self.address.query}"
        said: dict[str, Any] = {"text": text}
        if self.style == "ntfy":
            path = "/"
            said = {
                "topic": self.address.path.strip("/"),
                "title": title,
                "message": text,
                "priority": 4,
                "tags": ["raised_hand"],
            }
        elif self.style == "json":
            said |= {
                "escalation": asked.id,
                "decision": asked.decision,
                "principal": asked.principal,
                "session": asked.session,
                "tool": tool,
                "reason": reason,
                "gates": list(asked.gates),
                "needed": asked.needed,
                "deadline": asked.deadline,
            }
        return path, json.dumps(said).encode()


class Notifier:
    """Sends notices from a thread of its own.

    Attributes:
        sent: Notices that were taken by the other side.
        failed: Given up after the last try.
        dropped: Not even tried, the queue was full.
    """

    def __init__(self, webhook: Webhook, pauses: tuple[float, ...] = PAUSES) -> None:
        """Start the thread; it does not keep the process alive."""
        self.sent = self.failed = self.dropped = 0
        self._webhook = webhook
        self._pauses = pauses
        self._queue: queue.Queue[tuple[str, bytes] | None] = queue.Queue(WAITING)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
        self._thread.start()

    def notify(self, asked: Escalated, tool: str, reason: str) -> None:
        """Tell of an escalation; returns at once, whatever becomes of it."""
        try:
            self._queue.put_nowait(self._webhook.request(asked, tool, reason))
        except queue.Full:
            self.dropped += 1

    def close(self, wait: float = 2.0) -> None:
        """Stop; what waits is given up after a moment.

        Args:
            wait: Seconds.
        """
        with suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(wait)
        self._ending.set()

    def _run(self) -> None:
        while not self._ending.is_set():
            notice = self._queue.get()
            if notice is None:
                return
            if self._deliver(*notice):
                self.sent += 1
            else:
                self.failed += 1

    def _deliver(self, path: str, body: bytes) -> bool:
        for pause in (*self._pauses, None):
            status = self._post(path, body)
            if status is not None and status not in TRANSIENT:
                return 200 <= status < 300  # noqa: PLR2004  # taken
            if pause is None or self._ending.wait(pause):
                break
        return False

    def _post(self, path: str, body: bytes) -> int | None:
        """Status of one try; `None`: nobody answered. Redirects are not followed."""
        address = self._webhook.address
        host, port = address.hostname or "", address.port
        connection: http.client.HTTPConnection
        if address.scheme == "https":
            connection = http.client.HTTPSConnection(
                host, port, timeout=TIMEOUT, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, body, headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
