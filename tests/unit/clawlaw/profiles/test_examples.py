"""Every profile that comes with the gate does what its examples say."""

import pytest
from clawlaw.core.actions import Opaque
from clawlaw.policy.profile_examples import check, effects_of, lines
from clawlaw.policy.profiles import build, builtin, read_files

RAW = read_files()


def test_examples() -> None:
    assert check(builtin(), RAW) == []


def test_a_wrong_example_is_reported() -> None:
    raw = {"a.yaml": b"family: a\nprofiles: {x: {examples: {x --help: [opaque]}}}"}
    (problem,) = check(build(raw, {}), raw)
    assert problem == "a.yaml:2: x --help: expected ['opaque'], got []"


def test_a_profile_without_examples_is_reported() -> None:
    raw = {"a.yaml": b"family: a\nprofiles: {x: {flags: ab}}"}
    assert check(build(raw, {}), raw) == ["a.yaml:2: x: no examples"]


def opaque(line: str) -> bool:
    return any(isinstance(e, Opaque) for e in effects_of(builtin(), line).effects)


UNDERSTOOD = [line for line in lines(RAW) if not opaque(line)]


@pytest.mark.parametrize("line", UNDERSTOOD)
def test_an_option_that_is_not_listed_is_never_passed_over(line: str) -> None:
    program, _, rest = line.partition(" ")
    assert opaque(f"{program} --no-such-option-at-all {rest}")
