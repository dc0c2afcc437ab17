"""Every case in tests/fixtures/sequences, effect by effect, through the patterns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from clawlaw.core import composition
from clawlaw.core.actions import AnyEffect
from clawlaw.core.decision import Verdict

FOLDER = Path(__file__).resolve().parents[3] / "fixtures" / "sequences"
FILES = sorted(FOLDER.glob("*.yaml"))
WORLD = (
    "secret",
    "internal",
    "sandbox",
    "settings",
    "files",
    "programs",
    "baseline",
    "hosts",
)
CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}")
    for path in FILES
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]


def test_every_pattern_has_cases_that_stop_and_cases_that_do_not() -> None:
    for module in composition.PATTERNS:
        name = module.PATTERN.name
        cases = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
        assert {"stops" in case for case in cases} == {True, False}, name


@pytest.mark.parametrize(("pattern", "case"), CASES)
def test_sequence(
    pattern: str,
    case: dict[str, Any],
    world: Callable[..., Any],
    steps_of: Callable[[Any], Any],
) -> None:
    here = world(**{key: case[key] for key in WORLD if key in case})
    stopped = None
    for number, step in enumerate(steps_of(case), 1):
        effects = msgspec.convert(step.pop("effects"), list[AnyEffect])
        text = step.pop("result", None)
        untrusted = step.pop("untrusted", False)
        wanted = "refused" in step and Verdict.DENY
        wanted = wanted or ("asked" in step and Verdict.ESCALATE) or Verdict.ALLOW
        verdict, findings = here.act(effects, **step)
        if text is not None:
            session = step.get("session", "a")
            here.result(text, effects, session, untrusted=untrusted)
        if findings:
            stopped = number, verdict, findings
            break
        assert verdict is wanted
    if "stops" not in case:
        assert stopped is None
        return
    assert stopped is not None
    number, verdict, findings = stopped
    assert number == case["stops"]
    assert verdict.name.lower() == case["verdict"]
    told = [f for f in findings if f.rule == f"composition.{pattern}"]
    assert told
    assert list(told[0].because) == case.get("because", [])
    assert case.get("says", "") in told[0].reason
