"""What `clawlaw agents list` says of how an agent is known."""

from pathlib import Path

import pytest

from clawlaw.cli.agents import _token_state

DIGEST = "sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("uid", "tokens", "said"),
    [
        (None, (), "none: known by its certificate"),
        (903, (), "none: known by its uid"),
    ],
)
def test_agent_without_a_token_is_known_otherwise(
    uid: int | None, tokens: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    assert _token_state(tmp_path / "agent.token", uid, tokens) == said


def test_token_that_is_missing_or_not_wanted_is_told(tmp_path: Path) -> None:
    path = tmp_path / "agent.token"
    assert "No such file" in _token_state(path, 903, (DIGEST,))
    path.write_text("x" * 64)
    assert "903" in _token_state(path, 903, ())  # somebody else's file
