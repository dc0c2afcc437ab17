"""A Mac for tests: the double of launchctl, its state, and the module on it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the plist is root's")
MAN = pytest.mark.doc("https://keith.github.io/xcode-man-pages/launchctl.1.html")
PLIST = pytest.mark.doc("https://keith.github.io/xcode-man-pages/launchd.plist.5.html")
GITHUB = "https://github.com"

LABEL = "dev.forge.example"
SETTINGS: dict[str, Any] = {
    "leaves_after": 2,
    "exit_code": None,
    "starts_after": 0,
    "forgets_run_at_load": False,
    "passing_errors": 0,
    "taken_code": 5,
    "bootout_code": 0,
    "races": 0,
    "wedges": False,
    "label_shows_late": 0,
    "unprivileged": False,
    "old_format": False,
    "disabled_words": ["disabled", "enabled"],
}
NEVER = {"load", "unload", "setenv", "unsetenv", "start", "stop", "remove", "submit"}


class Mac:
    """The doubles' state, and the module on it."""

    def __init__(self, folder: Path, play: Any) -> None:
        self.state_file = folder / "double.json"
        self.file = folder / f"{LABEL}.plist"
        self.play = play
        self.state_file.write_text(
            json.dumps(
                {"services": {}, "disabled": {}, "calls": [], "settings": SETTINGS,
                 "began": 0}
            )
        )  # fmt: skip

    def state(self) -> Any:
        return json.loads(self.state_file.read_text())

    def set(self, **settings: object) -> None:
        state = self.state()
        state["settings"].update(settings)
        self.state_file.write_text(json.dumps(state))

    def write(self, **parts: object) -> None:
        self.state_file.write_text(json.dumps({**self.state(), **parts}))

    def task(self, state: str = "started", **options: object) -> tuple[str, Any]:
        plist = {
            "ProgramArguments": ["/opt/example/bin/example", "serve", "--port=1"],
            "EnvironmentVariables": {"HOME": "/var/lib/example"},
            "RunAtLoad": True,
            "KeepAlive": True,
        }
        changes: Any = options.pop("plist", {})
        return "launchd", {
            "label": LABEL,
            "path": str(self.file),
            "state": state,
            "plist": {**plist, **changes},
            "seconds": 5,
            **options,
        }

    def run(self, *tasks: Any, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.play(*tasks, **more)
        return found

    def calls(self) -> list[list[str]]:
        """What launchctl was told, without what it was only asked."""
        told = [c for c in self.state()["calls"] if not c[0].startswith("print")]
        assert not {call[0] for call in told} & NEVER
        return told

    def verbs(self) -> list[str]:
        return [call[0] for call in self.calls()]


def facts(answer: dict[str, Any], *names: str) -> list[Any]:
    assert not answer.get("failed"), answer.get("msg")
    return [answer["service"][name] for name in names]


def failure(answer: dict[str, Any]) -> str:
    assert answer.get("failed"), answer
    return str(answer["msg"])
