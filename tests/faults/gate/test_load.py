"""Too many, too slow, too much at once: the gate answers whoever behaves."""

import contextlib
import os
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from tests.integration.gate.house import House

from clawlaw.evidence.schema import Decided, Refused, Summary

IDLE = 2000
SLOW = 200


@contextlib.contextmanager
def connections(house: House, number: int) -> Iterator[list[socket.socket]]:
    """Many connections that say nothing yet."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    made = []
    try:
        for _ in range(number):
            own = socket.socket(socket.AF_UNIX)
            made.append(own)
            own.connect(str(house.folder / "gate.sock"))
            own.settimeout(20)
        yield made
    finally:
        for own in made:
            own.close()


def slowest(house: House, times: int) -> float:
    """Seconds of the slowest of some proposals."""
    worst = 0.0
    connection = house.connection()
    for number in range(times):
        begin = time.perf_counter()
        answer = house.propose(path=f"f{number}", connection=connection)
        assert answer["verdict"] == "allow"
        worst = max(worst, time.perf_counter() - begin)
    connection.close()
    return worst


def test_two_thousand_idle_and_two_hundred_slow_connections(
    make_house: Callable[..., House],
) -> None:
    house = make_house(limits={"read": 2, "idle": 60})
    house.start()
    with connections(house, IDLE) as many:
        assert slowest(house, 20) < 2
        for own in many[:SLOW]:
            own.sendall(b"POST /v1/proposals HTTP/1.1\r\nHost: g\r\nContent-Le")
        assert slowest(house, 20) < 2
        ended = [own.recv(65_536) for own in many[:SLOW]]  # the gate ends these
        assert all(answer.startswith(b"HTTP/1.1 408") for answer in ended)
        quiet = many[-1]
        quiet.sendall(b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n")
        assert quiet.recv(65_536).startswith(b"HTTP/1.1 200")
    house.stop()
    (summary,) = [e.body for e in house.entries() if isinstance(e.body, Summary)]
    assert (summary.reason, summary.count) == ("malformed", SLOW)


def test_a_byte_now_and_then_does_not_keep_a_connection(
    make_house: Callable[..., House],
) -> None:
    """Neither in the head nor in the body: the deadline is of the whole request."""
    house = make_house(limits={"read": 2})
    house.start()
    head = b"POST /v1/proposals HTTP/1.1\r\nHost: g\r\n"
    with connections(house, 40) as many:
        for own in many[:20]:
            own.sendall(head + b"X: ")
        for own in many[20:]:
            own.sendall(head + b"Content-Length: 900\r\n\r\n")
        left, until = set(many), time.monotonic() + 60
        while left and time.monotonic() < until:
            for own in list(left):
                try:
                    own.sendall(b"a")
                except OSError:
                    left.discard(own)
            slowest(house, 1)  # others are served meanwhile
            time.sleep(0.2)
        assert not left
        assert all(own.recv(12) == b"HTTP/1.1 408" for own in many)


def test_more_connections_than_allowed_are_turned_away(
    make_house: Callable[..., House],
) -> None:
    house = make_house(limits={"connections": 20})
    house.start()
    with connections(house, 40) as many:
        answers: Counter[bool] = Counter()
        for own in many:
            with contextlib.suppress(OSError):
                own.sendall(b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n")
            try:
                answers[bool(own.recv(65_536))] += 1
            except ConnectionError:
                answers[False] += 1
        assert answers == {True: 20, False: 20}


def test_garbage_of_every_length_ends_its_connection_alone(house: House) -> None:
    noise = os.urandom(70_000)
    for size in (1, 7, 64, 1000, 20_000, 70_000):
        with connections(house, 1) as (own,), contextlib.suppress(OSError):
            own.sendall(noise[:size] + b"\r\n\r\n")
            while own.recv(65_536):
                pass
    assert house.propose(path="a")["verdict"] == "allow"


def test_a_permit_that_many_bring_at_once_is_redeemed_once(house: House) -> None:
    permit = house.propose("exec", command="ls", mediated=True)["permit"]
    answers: list[int] = []

    def redeem() -> None:
        answers.append(house.ask("POST", "/v1/permits/redeem", {"permit": permit})[0])

    threads = [threading.Thread(target=redeem) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(answers) == {200: 1, 409: 15}
    house.stop()
    house.start()  # and not by a copy after a restart
    assert house.ask("POST", "/v1/permits/redeem", {"permit": permit})[0] == 409


def test_two_agents_on_one_path_are_decided_one_after_the_other(house: House) -> None:
    def work(who: str) -> None:
        connection = house.connection()
        for number in range(60):
            house.propose(
                ("write", "read")[number % 2],
                session=f"of-{who}",
                path="src/shared.py",
                connection=connection,
                who=who,
                **({"content": f"x = {number}\n"} if number % 2 == 0 else {}),
            )
        connection.close()

    threads = [
        threading.Thread(target=work, args=(w,)) for w in ("developer", "operator")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.stop()
    decided = [e.body for e in house.entries() if isinstance(e.body, Decided)]
    assert len(decided) == 120
    owners = Counter(d.record.proposal.principal for d in decided)
    assert owners == {"developer": 60, "operator": 60}
    assert not [e for e in house.entries() if isinstance(e.body, Refused)]
    house.start()  # the order in the log is one that gives the same histories
