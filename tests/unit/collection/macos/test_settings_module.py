"""forge.platform.macos_settings against doubles of pmset, socketfilterfw and sysctl."""

import json
from pathlib import Path
from typing import Any

import pytest

GITHUB = "https://github.com"
STATE: dict[str, Any] = {
    "power": {"AC Power": {"sleep": 10, "autorestart": 0, "womp": 1}},
    "firewall": {"globalstate": False, "stealthmode": False, "blockall": False},
    "words": "new",
    "apps": {},
    "sysctl": {"iogpu.wired_limit_mb": "0"},
    "calls": [],
}
OPTIONS: dict[str, Any] = {
    "power": {"sleep": 0, "autorestart": 1, "womp": 1},
    "firewall": {"enabled": True, "stealth": True},
    "firewall_allow": ["/opt/ollama/bin/ollama"],
    "sysctl": {"iogpu.wired_limit_mb": 53248},
}


class Mac:
    def __init__(self, folder: Path, play: Any) -> None:
        self.file = folder / "double.json"
        self.play = play
        self.file.write_text(json.dumps(STATE))

    def state(self) -> Any:
        return json.loads(self.file.read_text())

    def set(self, **changes: object) -> None:
        self.file.write_text(json.dumps({**self.state(), **changes}))

    def run(self, options: Any, **more: Any) -> Any:
        (answer,) = self.play(("macos_settings", options), **more)
        assert not answer.get("failed"), answer
        return answer


@pytest.fixture
def mac(tmp_path: Path, play: Any) -> Mac:
    return Mac(tmp_path, play)


@pytest.mark.doc("https://keith.github.io/xcode-man-pages/pmset.1.html")
@pytest.mark.parametrize("words", ["old", "new"])
def test_settings_are_set_once(mac: Mac, words: str) -> None:
    mac.set(words=words)
    checked = mac.run(OPTIONS, check=True)
    assert mac.state()["calls"] == []
    first, second = mac.run(OPTIONS), mac.run(OPTIONS)
    assert checked["diff"] == first["diff"]
    assert first["diff"]["before"].splitlines() == [
        "firewall.enabled = off",
        "firewall.program /opt/ollama/bin/ollama = absent",
        "firewall.stealth = off",
        "power.autorestart = 0",
        "power.sleep = 10",
        "sysctl.iogpu.wired_limit_mb = 0",
    ]
    assert (first["changed"], second["changed"]) == (True, False)
    state = mac.state()
    assert state["power"]["AC Power"] == {"sleep": 0, "autorestart": 1, "womp": 1}
    assert state["firewall"]["stealthmode"] is True
    assert state["apps"] == {"/opt/ollama/bin/ollama": True}
    assert state["sysctl"] == {"iogpu.wired_limit_mb": "53248"}
    # What was right already was not set again.
    assert ["pmset", "-a", "womp", "1"] not in state["calls"]


def test_a_setting_of_one_source_of_power_is_not_enough(mac: Mac) -> None:
    mac.set(power={"Battery Power": {"sleep": 10}, "AC Power": {"sleep": 0}})
    answer = mac.run({"power": {"sleep": 0}})
    assert answer["diff"]["before"] == "power.sleep = 0/10\n"
    assert mac.state()["power"]["Battery Power"] == {"sleep": 0}


def test_what_this_mac_does_not_have_is_left_alone(mac: Mac) -> None:
    mac.set(power={"AC Power": {"sleep": 0}}, sysctl={})
    options = {"power": {"autorestart": 1}, "sysctl": {"iogpu.wired_limit_mb": 1}}
    answer = mac.run(options)
    assert answer["changed"] is False
    assert answer["unsupported"] == [
        "power.autorestart",
        "sysctl.iogpu.wired_limit_mb",
    ]


@pytest.mark.doc(f"{GITHUB}/dan-snelson/Mac-Health-Check/pull/8")
def test_a_firewall_that_blocks_everything_is_on(mac: Mac) -> None:
    mac.set(
        firewall={"globalstate": True, "stealthmode": True, "blockall": True},
    )
    options = {"firewall": {"enabled": True, "block_all": True}}
    assert mac.run(options)["changed"] is False
    off = mac.run({"firewall": {"block_all": False}})
    assert off["diff"]["after"] == "firewall.block_all = off\n"
    assert mac.run({"firewall": {"enabled": True, "block_all": False}})["changed"] is (
        False
    )


@pytest.mark.doc(f"{GITHUB}/ParetoSecurity/pareto-mac/issues/139")
def test_an_answer_that_says_neither_is_no_answer(mac: Mac, tmp_path: Path) -> None:
    """ALF: Error, kStealthEnableKey does not return the correct type."""
    program = tmp_path / "socketfilterfw"
    program.write_text("#!/bin/sh\necho 'ALF: Error, no correct type.'\n")
    program.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    answer = mac.run({"firewall": {"stealth": True}}, PATH=path)
    assert answer["unsupported"] == ["firewall.stealth"]


def test_a_blocked_program_is_let_through(mac: Mac) -> None:
    mac.set(apps={"/opt/x": False})
    assert mac.run({"firewall_allow": ["/opt/x"]})["changed"] is True
    assert mac.state()["apps"] == {"/opt/x": True}


def test_a_program_is_forgotten(mac: Mac) -> None:
    mac.set(apps={"/opt/x": True, "/opt/y": True})
    first, second = (mac.run({"firewall_forget": ["/opt/x"]}) for _ in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert mac.state()["apps"] == {"/opt/y": True}
