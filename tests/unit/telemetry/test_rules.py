"""The rules are whole: runbooks, severities, Prometheus' own form, a test for each."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge.cli import PARTS
from forge.errors import InputError
from forge.telemetry import rules

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / rules.RULES
TESTS = FOLDER.parent / "tests"
ALL = list(rules.rules(FOLDER))
ALERTS = [rule for rule in ALL if "alert" in rule]
RECORDS = [rule for rule in ALL if "record" in rule]
PARTS_OF_A_RUNBOOK = ["## What it means", "## Look at", "## Fix"]


def named(rule: dict[str, Any]) -> str:
    return f"{rule['alert']}-{rule['labels']['severity']}"


def expectations() -> list[dict[str, Any]]:
    """Every expectation of every promtool test."""
    return [
        expected
        for file in sorted(TESTS.glob("*.yaml"))
        for test in yaml.safe_load(file.read_text())["tests"]
        for expected in test["promql_expr_test"]
    ]


@pytest.mark.parametrize("rule", ALERTS, ids=named)
def test_an_alert_links_a_runbook_that_says_what_to_do(rule: dict[str, Any]) -> None:
    wanted = rules.runbook(rule["alert"])
    assert rule["annotations"]["runbook_url"] == str(wanted)
    text = (ROOT / wanted).read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    assert [line for line in text.splitlines() if line in PARTS_OF_A_RUNBOOK] == (
        PARTS_OF_A_RUNBOOK
    )
    assert "```sh" in text


@pytest.mark.parametrize("rule", ALERTS, ids=named)
def test_an_alert_has_a_severity_that_is_routed(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    assert {"summary", "description"} <= set(rule["annotations"])


@pytest.mark.parametrize("rule", ALERTS, ids=named)
def test_an_alert_is_seen_to_fire_and_not_to(rule: dict[str, Any]) -> None:
    name, severity = rule["alert"], rule["labels"]["severity"]
    own = [e for e in expectations() if f'alertname="{name}"' in e["expr"]]
    fires = [
        sample["labels"]
        for expected in own
        for sample in expected["exp_samples"]
        if "firing" in expected["expr"]
    ]
    assert any(f'severity="{severity}"' in labels for labels in fires), "never fires"
    assert any(not expected["exp_samples"] for expected in own), "never is silent"


@pytest.mark.parametrize("rule", RECORDS, ids=lambda rule: rule["record"])
def test_a_record_has_a_value_in_a_test(rule: dict[str, Any]) -> None:
    name = rule["record"]
    by_window = re.sub(r"ratio_\w+$", "ratio_.*", name)
    assert any(
        (name in expected["expr"] or by_window in expected["expr"])
        and expected["exp_samples"]
        for expected in expectations()
    )


def test_the_form_of_prometheus_is_made_from_the_objects() -> None:
    assert (ROOT / rules.PLAIN).read_text() == rules.plain(FOLDER), (
        "run `forge telemetry rules --write`"
    )


@pytest.mark.parametrize(
    ("alert", "file"),
    [("NodeDown", "node-down"), ("ThermalSloBurn", "thermal-slo-burn")],
)
def test_a_runbook_is_named_as_its_alert(alert: str, file: str) -> None:
    assert rules.runbook(alert) == Path(f"docs/runbooks/{file}.md")


def test_commands_of_runbooks_exist() -> None:
    told = "\n".join((ROOT / rules.runbook(r["alert"])).read_text() for r in ALERTS)
    parts = set(re.findall(r"(?:^|`)forge ([a-z]+)", told, re.MULTILINE))
    assert parts
    assert parts <= set(PARTS)


def test_what_is_no_rule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rules"):
        rules.groups(tmp_path)
    (tmp_path / "a.yaml").write_text("kind: ConfigMap\n")
    with pytest.raises(InputError, match="not a PrometheusRule"):
        rules.groups(tmp_path)


def test_two_groups_of_one_name_are_refused(tmp_path: Path) -> None:
    said = {"kind": "PrometheusRule", "spec": {"groups": [{"name": "a", "rules": []}]}}
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(said))
    with pytest.raises(InputError, match="one name: a"):
        rules.groups(tmp_path)
