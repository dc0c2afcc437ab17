"""Waiting for a service: real answers over the loopback, and reasons to give up."""

import importlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

health: Any = importlib.import_module(
    "ansible_collections.forge.platform.plugins.module_utils.health"
)


@contextmanager
def server(*statuses: int) -> Iterator[tuple[int, list[str]]]:
    """Answer each request with the next status, the last one again and again."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(statuses[min(len(asked), len(statuses)) - 1])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listener = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield listener.server_port, asked
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def options(**values: object) -> dict[str, Any]:
    return {"url": None, "host": "127.0.0.1", "port": None, "seconds": 5, **values}


def closed_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port: int = line.getsockname()[1]
        return port


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PAUSE", 0.01)


def test_it_waits_until_the_status_is_fine() -> None:
    with server(503, 500, 404, 204) as (port, asked):
        _, problem = health.wait(options(url=f"http://127.0.0.1:{port}/a?b=c"))
    assert problem == ""
    assert asked == ["/a?b=c"] * 4


def test_the_root_is_asked_where_no_path_is_given() -> None:
    with server(200) as (port, asked):
        assert health.attempt(options(url=f"http://127.0.0.1:{port}")) == ""
    assert asked == ["/"]


def test_it_gives_up_with_the_last_problem() -> None:
    with server(503) as (port, _):
        url = f"http://127.0.0.1:{port}/"
        _, problem = health.wait(options(url=url, seconds=0))
    assert problem == f"{url} answers 503 for 0 s"


def test_a_port_is_enough() -> None:
    with server(500) as (port, asked):
        assert health.wait(options(port=port))[1] == ""
    assert asked == []


def test_a_closed_port_is_named() -> None:
    port = closed_port()
    _, problem = health.wait(options(port=port, seconds=0))
    assert problem.startswith(f"127.0.0.1:{port} does not answer (ConnectionRefused")


def test_a_service_that_ended_is_not_waited_for() -> None:
    port = closed_port()
    _, problem = health.wait(options(port=port, seconds=999), lambda: "it has failed")
    assert problem.startswith("it has failed; 127.0.0.1:")


def test_another_scheme_is_an_error() -> None:
    with pytest.raises(ValueError, match="not an address of http"):
        health.attempt(options(url="ftp://127.0.0.1/"))


def test_without_url_and_port_nothing_is_asked() -> None:
    assert not health.is_asked(options())
    assert not health.is_asked(None)
    assert health.is_asked(options(port=1))
