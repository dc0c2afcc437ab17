from typing import Any

import pytest

from forge.testbed.failures import diagnose


def event(kind: str, **res: Any) -> dict[str, Any]:
    data = {"host": "worker-01", "task": "Copy the binary", "res": res}
    return {"event": kind, "event_data": data}


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("write: No space left on device", "free disk space on worker-01"),
        ("sha256 is a, pinned is b", "look at versions.yml"),
        ("Connection timed out during banner exchange", "see that worker-01 runs"),
        ("Host key verification failed.", "`make down`, then `make up`"),
        ("something else", "read the cause"),
    ],
)
def test_a_failure_names_host_cause_and_remedy(message: str, remedy: str) -> None:
    failure = diagnose(event("runner_on_failed", msg=message))
    assert failure is not None
    assert failure.host == "worker-01"
    assert failure.task == "Copy the binary"
    assert failure.cause == message
    assert remedy in failure.remedy
    assert "worker-01: Copy the binary" in str(failure)


def test_an_unreachable_host_is_said_to_be_so() -> None:
    failure = diagnose(event("runner_on_unreachable", msg="Connection refused"))
    assert failure is not None
    assert failure.cause == "unreachable: Connection refused"


def test_the_last_line_of_standard_error_is_kept() -> None:
    failure = diagnose(event("runner_on_failed", msg="non-zero", stderr="a\nreason"))
    assert failure is not None
    assert failure.cause == "non-zero | reason"


def test_the_item_of_a_loop_that_failed_is_named() -> None:
    results = [{"failed": False, "msg": "fine"}, {"failed": True, "msg": "broken"}]
    failure = diagnose(event("runner_on_failed", msg="One failed", results=results))
    assert failure is not None
    assert failure.cause == "broken"


def test_secret_output_stays_secret() -> None:
    failure = diagnose(event("runner_on_failed", censored="hidden", msg="pw"))
    assert failure is not None
    assert "pw" not in failure.cause


@pytest.mark.parametrize("kind", ["runner_on_ok", "playbook_on_stats", "verbose"])
def test_other_events_are_no_failure(kind: str) -> None:
    assert diagnose(event(kind, msg="x")) is None


def test_an_ignored_error_is_no_failure() -> None:
    ignored = event("runner_on_failed", msg="x")
    ignored["event_data"]["ignore_errors"] = True
    assert diagnose(ignored) is None
