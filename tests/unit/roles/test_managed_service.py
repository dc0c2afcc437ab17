"""The role managed_service in check mode on a host without the service."""

from pathlib import Path
from typing import Any

import pytest

SERVICE: dict[str, Any] = {
    "managed_service_name": "role-check",
    "managed_service_command": ["/opt/role-check/bin/serve", "--port", "1"],
    "managed_service_environment": {"PORT": 1},
    "managed_service_folders": ["/var/lib/role-check"],
    "managed_service_health": {"port": 1, "seconds": 1},
    "managed_service_accepts": True,
}


def on(system: str) -> dict[str, Any]:
    return {"hosts": {"localhost": {"os": system}}}


@pytest.mark.parametrize(
    ("system", "wanted"),
    [
        (
            "debian",
            ['+ExecStart="/opt/role-check/bin/serve" "--port" "1"',
             "+User=role-check", '+ReadWritePaths="/var/lib/role-check"'],
        ),
        (
            "macos",
            ["+\t<string>_role-check</string>", "+\t<string>dev.forge.role-check</",
             "launchd: bootstrap it",
             "+firewall.program /opt/role-check/bin/serve = on",
             "+/Users/_role-check UserShell: /usr/bin/false",
             "+/var/log/forge/role-check.log\t_role-check:_role-check\t640"],
        ),
    ],
)  # fmt: skip
def test_check_mode_shows_what_would_be_made(
    check_role: Any, system: str, wanted: list[str]
) -> None:
    status, output = check_role("managed_service", on(system), SERVICE)
    assert status == 0, output
    for text in wanted:
        assert text in output, output
    assert not Path("/var/lib/role-check").exists()


def test_nothing_is_left_to_remove_where_nothing_was_made(check_role: Any) -> None:
    status, output = check_role(
        "managed_service", on("macos"), {**SERVICE, "managed_service_state": "absent"}
    )
    assert status == 0, output
    assert "changed=0" in output


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"managed_service_folders": ["/var/lib"]}, "/var/lib belongs to the system"),
        ({"managed_service_command": ["serve"]}, "'serve' is not an absolute path"),
    ],
)
def test_bad_input_is_refused(
    check_role: Any, wrong: dict[str, Any], problem: str
) -> None:
    variables = {**SERVICE, **wrong}
    status, output = check_role("managed_service", on("debian"), variables)
    assert status != 0
    assert problem in output.replace("\\'", "'").replace("''", "'")
    assert "Make" not in output
