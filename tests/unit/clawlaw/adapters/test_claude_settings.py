"""Managed settings of Claude Code: every way around the hooks is closed."""

from typing import Any

import pytest

from clawlaw.adapters.claude_hooks import EVENTS
from clawlaw.adapters.claude_settings import (
    SettingsError,
    check_version,
    differences,
    merged,
    parse,
    render,
    without,
)

GATE = "127.0.0.1:8181"


def wanted(**found: Any) -> dict[str, Any]:
    return merged(found, GATE, ["/etc/clawlaw"])


def test_every_event_that_takes_http_blocks_when_its_hook_fails() -> None:
    hooks = wanted()["hooks"]
    assert set(hooks) == set(EVENTS) - {"SessionStart"}
    for groups in hooks.values():
        ((hook,),) = [group["hooks"] for group in groups]
        assert "matcher" not in groups[0]
        assert hook["type"] == "http"
        assert hook["url"] == f"http://{GATE}/v1/hooks/claude-code"
        assert hook["onFailure"] == "block"


def test_no_token_stands_in_a_file_that_everybody_reads() -> None:
    text = render(wanted()).decode()
    assert "Bearer $CLAWLAW_TOKEN" in text


def test_the_settings_are_as_they_were_recorded() -> None:
    settings = wanted()
    assert {k: v for k, v in settings.items() if k not in {"hooks", "permissions"}} == {
        "allowManagedHooksOnly": True,
        "allowManagedMcpServersOnly": True,
        "allowManagedPermissionRulesOnly": True,
        "allowedHttpHookUrls": [f"http://{GATE}/*"],
        "allowedMcpServers": [],
        "disableAllHooks": False,
        "disableSideloadFlags": True,
        "disableSkillShellExecution": True,
        "httpHookAllowedEnvVars": ["CLAWLAW_TOKEN"],
        "requiredMinimumVersion": "2.1.295",
        "strictKnownMarketplaces": [],
    }
    assert settings["permissions"]["disableBypassPermissionsMode"] == "disable"
    assert "Read(//etc/clawlaw/**)" in settings["permissions"]["deny"]


def test_what_an_administrator_wrote_stays() -> None:
    group = {"matcher": "Bash", "hooks": [{"type": "command", "command": "/opt/x"}]}
    settings = wanted(
        companyAnnouncements=["hello"],
        allowedMcpServers=[{"serverName": "tracker"}],
        permissions={"deny": ["WebSearch"], "defaultMode": "plan"},
        hooks={"PreToolUse": [group], "Stop": [group]},
    )
    assert settings["companyAnnouncements"] == ["hello"]
    assert settings["allowedMcpServers"] == [{"serverName": "tracker"}]
    assert settings["permissions"]["deny"][0] == "WebSearch"
    assert settings["permissions"]["defaultMode"] == "plan"
    assert settings["hooks"]["PreToolUse"][0] == group
    assert settings["hooks"]["Stop"] == [group]


@pytest.mark.parametrize(
    "way",
    [
        {"disableAllHooks": True},
        {"allowManagedHooksOnly": False},
        {"disableSkillShellExecution": False},
        {"permissions": {"disableBypassPermissionsMode": "allow"}},
        {"requiredMinimumVersion": "2.1.163"},
        {"httpHookAllowedEnvVars": []},
    ],
)
def test_a_way_around_is_closed_and_named(way: dict[str, Any]) -> None:
    settings = wanted(**way)
    (name,) = way
    assert any(d.place.startswith(name) for d in differences(way, settings))
    assert differences(settings, wanted(**settings)) == []


def test_a_newer_requirement_is_not_lowered() -> None:
    settings = wanted(requiredMinimumVersion="2.2.0")
    assert settings["requiredMinimumVersion"] == "2.2.0"


def test_settings_of_the_gate_twice_are_the_same_bytes() -> None:
    once = wanted()
    assert render(merged(once, GATE, ["/etc/clawlaw"])) == render(once)


def test_another_port_replaces_the_hook_and_does_not_add_one() -> None:
    moved = merged(wanted(), "127.0.0.1:9000")
    (group,) = moved["hooks"]["PreToolUse"]
    assert group["hooks"][0]["url"].startswith("http://127.0.0.1:9000/")


def test_without_the_gate_the_rest_stays() -> None:
    group = {"hooks": [{"type": "command", "command": "/opt/x"}]}
    left = without(wanted(hooks={"Stop": [group]}))
    assert left["hooks"] == {"Stop": [group]}
    assert left["allowManagedHooksOnly"] is True
    assert "hooks" not in without(wanted())


def test_a_hook_that_was_weakened_is_a_difference() -> None:
    changed = parse(render(wanted()))
    del changed["hooks"]["PreToolUse"][0]["hooks"][0]["onFailure"]
    (difference,) = differences(changed, wanted())
    assert difference.place == "hooks.PreToolUse[0].hooks[0].onFailure"
    assert str(difference).endswith(': missing, must be "block"')


def test_a_matcher_that_lets_tools_by_is_a_difference() -> None:
    changed = parse(render(wanted()))
    changed["hooks"]["PreToolUse"][0]["matcher"] = "Bash"
    (difference,) = differences(changed, wanted())
    assert difference.place == "hooks.PreToolUse[0].matcher"


def test_a_long_value_is_shown_shortened() -> None:
    assert all(len(str(d)) < 300 for d in differences({}, wanted()))


@pytest.mark.parametrize("version", ["2.1.295", "v2.1.296", "2.2.0", "3.0.0"])
def test_a_version_that_blocks_is_taken(version: str) -> None:
    assert check_version(version) >= (2, 1, 295)


@pytest.mark.parametrize("version", ["2.1.294", "2.0.999", "1.9.300", "v0.0.1"])
def test_an_older_version_is_refused(version: str) -> None:
    with pytest.raises(SettingsError, match="lets the action through"):
        check_version(version)


@pytest.mark.parametrize("version", ["", "2.1", "2.1.x", "latest", "2.1.295-beta"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(SettingsError, match="no version"):
        check_version(version)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"null"])
def test_a_file_that_the_client_would_not_read_is_refused(data: bytes) -> None:
    with pytest.raises(SettingsError):
        parse(data)


@pytest.mark.parametrize(
    "found",
    [{"hooks": []}, {"permissions": 1}, {"hooks": {"PreToolUse": {}}},
     {"allowedHttpHookUrls": "*"}],
)  # fmt: skip
def test_a_setting_of_another_type_is_not_guessed(found: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="correct it first"):
        wanted(**found)
