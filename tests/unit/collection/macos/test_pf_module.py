"""forge.platform.pf_anchor against a double of pfctl."""

import importlib
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

BODY = "pass quick on lo0 all no state\nblock drop in quick all\n"
APPLE = {"com.apple/250.ApplicationFirewall": ["block drop in quick all"]}
PLUGINS = "ansible_collections.forge.platform.plugins"


class Mac:
    def __init__(self, folder: Path, play: Any) -> None:
        self.state_file = folder / "double.json"
        self.file = folder / "anchors" / "dev.forge"
        self.play = play
        self.set(anchors=APPLE, enabled=False, calls=[])

    def state(self) -> Any:
        return json.loads(self.state_file.read_text())

    def set(self, **state: object) -> None:
        self.state_file.write_text(json.dumps(state))

    def run(self, content: str = BODY, *, check: bool = False, **more: object) -> Any:
        options = {"content": content, "path": str(self.file), **more}
        (answer,) = self.play(("pf_anchor", options), check=check)
        return answer


@pytest.fixture
def mac(tmp_path: Path, play: Any) -> Mac:
    return Mac(tmp_path, play)


def test_an_anchor_is_loaded_once_and_pf_filters(mac: Mac) -> None:
    checked = mac.run(check=True)
    assert not mac.file.exists()
    assert mac.state()["anchors"] == APPLE
    first, second = mac.run(), mac.run()
    assert checked["diff"]["after"] == first["diff"]["after"] == mac.file.read_text()
    assert (first["changed"], second["changed"]) == (True, False)
    assert (first["enabled"], second["enabled"]) == (False, True)
    state = mac.state()
    assert state["enabled"] is True
    assert state["anchors"]["com.apple/forge"][1:] == BODY.splitlines()
    # Those of Apple stay.
    assert state["anchors"].items() >= APPLE.items()
    assert state["calls"].count(["-E"]) == 1
    assert mac.file.stat().st_mode & 0o777 == 0o644


def test_an_anchor_that_was_flushed_is_loaded_again(mac: Mac) -> None:
    mac.run()
    mac.set(**{**mac.state(), "anchors": APPLE})
    assert mac.run()["changed"] is True
    assert "com.apple/forge" in mac.state()["anchors"]
    # It counts who wants it: enabled once more, it would need two to disable it.
    assert mac.state()["calls"].count(["-E"]) == 1


def test_rules_that_pfctl_refuses_change_nothing(mac: Mac) -> None:
    mac.run()
    before = mac.file.read_text()
    answer = mac.run("let everybody in\n")
    assert answer["failed"]
    assert "pfctl refuses the anchor com.apple/forge; nothing was ch" in answer["msg"]
    assert "syntax error" in answer["msg"]
    assert mac.file.read_text() == before
    assert mac.state()["anchors"]["com.apple/forge"][1:] == BODY.splitlines()


def test_rules_come_back_unless_they_are_confirmed(tmp_path: Path) -> None:
    """The undo's shell words, with pfctl replaced by what notes its arguments."""
    rules = importlib.import_module(f"{PLUGINS}.module_utils.pf_anchor")
    path, kept, mark = (tmp_path / name for name in ("file", "kept", "mark"))
    path.write_text("new")
    kept.write_text("old")
    mark.touch()
    noted = tmp_path / "noted"
    for previous in (str(kept), None):
        script = rules.undo_script("a/b", str(path), previous, str(mark), 0)
        assert "/sbin/pfctl" in script
        script = script.replace("/sbin/pfctl", f"echo >>{noted}")
        subprocess.run(["/bin/sh", "-c", script], check=True)
        if previous is not None:
            assert path.read_text() == "old"
            assert not mark.exists()
            # Confirmed: the mark is gone, so that nothing happens.
            path.write_text("new")
            subprocess.run(["/bin/sh", "-c", script], check=True)
            assert path.read_text() == "new"
            mark.touch()
    assert not path.exists()
    assert noted.read_text().splitlines() == [f"-a a/b -f {kept}", "-a a/b -F rules"]


def test_a_run_that_is_to_be_confirmed_says_how(
    tmp_path: Path, module_play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac = Mac(tmp_path, module_play)
    module = importlib.import_module(f"{PLUGINS}.modules.pf_anchor")
    started: list[list[str]] = []
    monkeypatch.setattr(module, "RUN", str(tmp_path / "run"))
    starter = SimpleNamespace(DEVNULL=-3, Popen=lambda w, **_: started.append(w))
    monkeypatch.setattr(module, "subprocess", starter)
    mac.run()
    assert started == []
    answer = mac.run(BODY + BODY, confirm_seconds=30)
    assert Path(answer["confirm_file"]).exists()
    ((_, _, script),) = started
    assert script.startswith("sleep 30; if [ -e ")
    assert (tmp_path / "run/previous").read_text() != mac.file.read_text()
    again = mac.run(BODY, confirm_seconds=30)
    # The mark of the run before is gone, so that its undo finds none.
    assert not Path(answer["confirm_file"]).exists()
    assert Path(again["confirm_file"]).exists()
