"""Every profile that comes with the gate does what its examples say."""

import pytest

from clawlaw.core.actions import Opaque, ProcessExec
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


def takes_options(line: str) -> bool:
    """Whether options of a line's program are more than words to it."""
    first = effects_of(builtin(), line).effects[0]
    assert isinstance(first, ProcessExec)
    # A runner's words are for the project's own code, which the sandbox bounds; a
    # cloud's client is judged by its operation; the rest has no options at all.
    if first.code in {"project", "unknown"}:
        return False
    profile = builtin().lookup(first.program)
    return profile is not None and first.program not in OPTIONLESS


CLOUDS = {"aws", "az", "gcloud", "gsutil"}
CHANGES = {"umount", "xcode-select", "tmutil", "hdiutil"}  # whatever the words are
OPTIONLESS = (
    CLOUDS
    | CHANGES
    | {"dd", "expr", "seq", "sleep", "test", "yes", "launchctl", "make"}
)
UNDERSTOOD = [line for line in lines(RAW) if not opaque(line) and takes_options(line)]


@pytest.mark.parametrize("line", UNDERSTOOD)
def test_an_option_that_is_not_listed_is_never_passed_over(line: str) -> None:
    program, _, rest = line.partition(" ")
    assert opaque(f"{program} --no-such-option-at-all {rest}")
