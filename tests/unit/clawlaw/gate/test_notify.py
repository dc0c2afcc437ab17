"""Notices against a real server on loopback: never in the way, a few tries, no more."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, override

import pytest

from clawlaw.evidence.schema import Escalated
from clawlaw.gate.notify import WAITING, Notifier, Webhook, WebhookError

ASKED = Escalated("e1", "d1", "sha256:a", "sha256:p", ("a.ask",), 9, 1, "coder", "s1")
QUICK = (0.01, 0.01)


class Receiver:
    """What arrived, and what is answered."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        self.statuses: list[int] = []
        self.hold = threading.Event()
        self.hold.set()
        self.address = ""

    def arrived(self, count: int) -> None:
        _until(lambda: len(self.received) >= count)


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.005)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server's name
            kept.hold.wait(10)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.received.append((self.path, json.loads(body)))
            self.send_response(kept.statuses.pop(0) if kept.statuses else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        kept.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield kept
        kept.hold.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def notifier(receiver: Receiver) -> Iterator[Callable[[str], Notifier]]:
    made: list[Notifier] = []

    def start(style: str = "") -> Notifier:
        webhook = Webhook.parse(f"{style}{receiver.address}/topic?x=1")
        made.append(Notifier(webhook, QUICK))
        return made[-1]

    yield start
    for each in made:
        each.close()
        assert not each._thread.is_alive()


type Start = Callable[..., Notifier]


def test_plain_notice_names_the_escalation(receiver: Receiver, notifier: Start) -> None:
    notifier().notify(ASKED, "Bash", "a steward must see it")
    receiver.arrived(1)
    ((path, said),) = receiver.received
    assert path == "/topic?x=1"
    assert said["escalation"] == "e1"
    assert said["principal"] == "coder"
    assert said["gates"] == ["a.ask"]
    assert "clawlaw steward show e1" in said["text"]


def test_slack_gets_its_text_alone(receiver: Receiver, notifier: Start) -> None:
    notifier("slack+").notify(ASKED, "Bash", "why")
    receiver.arrived(1)
    ((_, said),) = receiver.received
    assert list(said) == ["text"]


def test_ntfy_gets_its_topic_at_the_root(receiver: Receiver, notifier: Start) -> None:
    notifier("ntfy+").notify(ASKED, "Bash", "why")
    receiver.arrived(1)
    ((path, said),) = receiver.received
    assert path == "/"
    assert said["topic"] == "topic"
    assert {"title", "message"} < set(said)


def test_busy_server_is_tried_again(receiver: Receiver, notifier: Start) -> None:
    receiver.statuses = [503, 429]
    made = notifier()
    made.notify(ASKED, "Bash", "why")
    _until(lambda: made.sent == 1)
    assert len(receiver.received) == 3


def test_tries_are_bounded(receiver: Receiver, notifier: Start) -> None:
    receiver.statuses = [500] * 9
    made = notifier()
    made.notify(ASKED, "Bash", "why")
    _until(lambda: made.failed == 1)
    assert len(receiver.received) == 3


@pytest.mark.parametrize("status", [301, 307, 400, 404])
def test_refusal_and_redirect_end_it(
    receiver: Receiver, notifier: Start, status: int
) -> None:
    receiver.statuses = [status]
    made = notifier()
    made.notify(ASKED, "Bash", "why")
    _until(lambda: made.failed == 1)
    assert len(receiver.received) == 1


def test_server_that_is_gone_is_given_up(notifier: Start) -> None:
    del notifier
    made = Notifier(Webhook.parse("http://127.0.0.1:1/x"), QUICK)
    made.notify(ASKED, "Bash", "why")
    _until(lambda: made.failed == 1)
    made.close()


def test_server_that_hangs_holds_nobody_up(receiver: Receiver, notifier: Start) -> None:
    receiver.hold.clear()
    made = notifier()
    begun = time.monotonic()
    for _ in range(WAITING + 50):
        made.notify(ASKED, "Bash", "why")
    assert time.monotonic() - begun < 10
    assert made.dropped >= 49
    begun = time.monotonic()
    made.close(0.05)
    assert time.monotonic() - begun < 10
    receiver.hold.set()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a webhook is"),
        ("ftp://example.org/x", "a webhook is"),
        ("http://example.org/x", "only on loopback"),
        ("https:///x", "names a host"),
        ("https://user:word@example.org/x", "no user or password"),
        ("ntfy+https://example.org/", "ends in its topic"),
        ("https://example.org:99999/", "no address"),
    ],
)
def test_address_that_is_no_webhook_is_refused(text: str, problem: str) -> None:
    with pytest.raises(WebhookError, match=problem):
        Webhook.parse(text)


def test_webhook_over_tls_is_accepted() -> None:
    found = Webhook.parse("slack+https://hooks.example.org/services/a/b")
    assert found.style == "slack"
    assert found.address.path == "/services/a/b"
