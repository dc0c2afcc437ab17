import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.k3s import token_finding

GOOD = "0123456789abcdef" * 4
HASH = "a" * 64


@pytest.mark.parametrize(
    "token", [GOOD, GOOD + "\n", f"K10{HASH}::server:{GOOD}", f"K10{HASH}::node:{GOOD}"]
)
def test_long_secret_is_taken_in_both_forms(token: str) -> None:
    assert token_finding(token) == ""


@pytest.mark.parametrize(
    "token",
    [
        "abcdef.0123456789abcdef",
        "a1b2c3.anything-that-is-long-enough",
        f"K10{HASH}::server:abcdef.0123456789abcdef",
    ],
)
def test_bootstrap_shape_is_refused(token: str) -> None:
    assert "bootstrap token" in token_finding(token)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("short", "has 5 characters"),
        (f"{GOOD} {GOOD}", "spaces"),
        (f"{GOOD}\n{GOOD}", "control characters"),
        (f"K10abc::server:{GOOD}", "starts like the secure form"),
        (f"K10{HASH}::server:", "starts like the secure form"),
    ],
)
def test_other_unusable_tokens_say_why(token: str, reason: str) -> None:
    assert reason in token_finding(token)


@given(st.text(alphabet=string.ascii_letters + string.digits + ".:- ", min_size=8))
def test_a_finding_never_repeats_the_token(token: str) -> None:
    finding = token_finding(token)

    assert token.strip() == "" or token.strip() not in finding


@given(st.from_regex(r"[a-z0-9]{6}\.[a-z0-9]{16}", fullmatch=True))
def test_every_bootstrap_token_is_refused(token: str) -> None:
    assert token_finding(token) != ""
