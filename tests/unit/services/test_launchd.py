"""A service as a LaunchDaemon: golden plists, and that its module takes them."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from forge.errors import InputError
from forge.services.render import launchd_daemon

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests/fixtures/services"
sys.path.insert(0, str(ROOT / "collections"))
rules: Any = importlib.import_module(
    "ansible_collections.forge.platform.plugins.module_utils.launchd_plist"
)

SERVICES: dict[str, dict[str, Any]] = {
    "ollama": {
        "name": "ollama",
        "description": "Ollama, for the gate alone",
        "command": ["/opt/ollama/bin/ollama", "serve"],
        "environment": {"OLLAMA_HOST": "127.0.0.1:11434", "HOME": "/var/lib/ollama"},
        "user": "_ollama",
        "group": "_ollama",
        "working_dir": "/var/lib/ollama",
        "folders": ["/var/lib/ollama"],
        "limits": {"memory_mb": 6144, "nofile": 20000},
    },
    # The gate of the boundary, as roles/clawlaw starts it under systemd.
    "clawlaw": {
        "name": "clawlaw",
        "description": "ClawLaw gate",
        "command": ["/opt/clawlaw/current/bin/clawlaw", "gate", "--config",
                    "/etc/clawlaw/gate.yaml"],
        "user": "_clawlaw",
        "group": "_clawlaw",
        "folders": ["/var/lib/clawlaw"],
        "limits": {"nofile": 20000},
        "stop_seconds": 30,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_plist_is_the_golden_file(name: str) -> None:
    daemon = launchd_daemon(SERVICES[name])
    golden = GOLDEN / f"dev.forge.{name}.plist"
    text = rules.text(rules.complete(daemon["label"], daemon["plist"]))
    if os.environ.get("FORGE_WRITE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text(), "write it anew: FORGE_WRITE_GOLDEN=1"


@pytest.mark.parametrize("name", SERVICES)
def test_the_module_takes_the_plist(name: str) -> None:
    daemon = launchd_daemon(SERVICES[name])
    assert rules.problems(daemon["label"], daemon["plist"]) == []


def test_memory_is_advice_in_bytes() -> None:
    limits = launchd_daemon(SERVICES["ollama"])["plist"]["SoftResourceLimits"]
    assert limits == {"NumberOfFiles": 20000, "ResidentSetSize": 6144 * 1024 * 1024}
    plist = launchd_daemon(SERVICES["clawlaw"])["plist"]
    assert plist["HardResourceLimits"] == {"NumberOfFiles": 20000}
    assert "EnvironmentVariables" not in plist


def test_log_and_its_rotation_name_the_same_file() -> None:
    daemon = launchd_daemon(SERVICES["ollama"], 20, 3)
    assert daemon["log"] == daemon["plist"]["StandardErrorPath"]
    assert daemon["rotation"] == (
        "/var/log/forge/ollama.log\t_ollama:_ollama\t640\t3\t20480\t*\tN\n"
    )


def test_what_cannot_be_a_service_is_refused() -> None:
    with pytest.raises(InputError, match="user: 'a b'"):
        launchd_daemon({**SERVICES["ollama"], "user": "a b"})
