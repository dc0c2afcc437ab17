"""The profile for macOS, by a file that a person can read; it is not run here."""

from pathlib import Path

import pytest

from clawlaw.executor import seatbelt
from clawlaw.executor.bounds import Bounds

GOLDEN = Path(__file__).parents[3] / "fixtures" / "executor" / "seatbelt.sb"
BOUNDS = Bounds(
    cwd="/Users/agent/work",
    home="/Users/agent",
    write=("/Users/agent/work",),
    read=("/Users/agent/.cargo/registry",),
    hide=("/Users/agent/work/.env",),
    keep=("/Users/agent/work/.git/hooks",),
    network="gate",
    socket="/private/var/run/clawlaw/executor.sock",
)


def test_the_profile_is_the_golden_one() -> None:
    assert seatbelt.profile(BOUNDS) == GOLDEN.read_text()


def test_what_is_denied_comes_after_what_is_allowed() -> None:
    text = seatbelt.profile(BOUNDS)
    assert text.index("(deny default)") < text.index("(allow")
    assert text.rindex("(allow file-write*") < text.index("(deny file-write*")
    assert text.index('"/Users/agent/work/.env"') > text.rindex("(allow")


def test_parentheses_stand_in_pairs() -> None:
    text = seatbelt.profile(BOUNDS)
    assert text.count("(") == text.count(")")


def test_without_the_gate_no_connection_is_allowed() -> None:
    text = seatbelt.profile(Bounds(cwd="/", home="/Users/agent"))
    assert "(deny network*)" in text
    assert "network-outbound" not in text


def test_a_path_cannot_end_its_text() -> None:
    text = seatbelt.profile(Bounds(cwd="/", home="/", write=('/a") (allow default)',)))
    assert '(subpath "/a\\") (allow default)")' in text
    with pytest.raises(seatbelt.ProfileError):
        seatbelt.profile(Bounds(cwd="/", home="/", write=("/a\n(allow default)",)))


def test_the_command_has_a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_TOKEN", "secret")
    words = seatbelt.command(BOUNDS, ["/bin/bash", "-c", "true"])
    assert words[:2] == ["/usr/bin/env", "-i"]
    assert words[-3:] == ["/bin/bash", "-c", "true"]
    assert not any("GATE_TOKEN" in word for word in words)
