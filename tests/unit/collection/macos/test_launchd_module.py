"""forge.platform.launchd, each case from published behaviour.

The double of launchctl beside this file answers as the sources say; no launchd was
asked. What that leaves open: docs/macos.md.
"""

import importlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the plist is root's")
pytestmark = needs_root

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


@pytest.fixture
def mac(tmp_path: Path, play: Any, monkeypatch: pytest.MonkeyPatch) -> Mac:
    utils = "ansible_collections.forge.platform.plugins.module_utils"
    for name in ("launchd_host", "health"):
        monkeypatch.setattr(importlib.import_module(f"{utils}.{name}"), "PAUSE", 0.01)
    return Mac(tmp_path, play)


@pytest.fixture
def mac_through_ansible(tmp_path: Path, ansible_play: Any) -> Mac:
    return Mac(tmp_path, ansible_play)


def facts(answer: dict[str, Any], *names: str) -> list[Any]:
    assert not answer.get("failed"), answer.get("msg")
    return [answer["service"][name] for name in names]


def failure(answer: dict[str, Any]) -> str:
    assert answer.get("failed"), answer
    return str(answer["msg"])


@MAN
def test_a_daemon_is_installed_kept_changed_and_removed(
    mac_through_ansible: Mac,
) -> None:
    """A playbook from a host that never saw it to one that has nothing of it."""
    mac = mac_through_ansible
    wrong = mac.task(plist={"Nicee": 5})
    changed = mac.task(plist={"Umask": "027"}, seconds=30)
    tasks = mac.task(), mac.task(), wrong, changed, mac.task("absent")
    (checked,) = mac.run(tasks[0], check=True)
    assert (checked["changed"], mac.calls()) == (True, [])
    first, second, refused, third, gone = mac.run(*tasks)
    assert first["steps"] == checked["steps"]
    assert (first["changed"], second["changed"]) == (True, False)
    assert "did you mean Nice?" in failure(refused)
    assert "<string>027</string>" in third["diff"]["after"]
    assert facts(third, "running", "pid") == [True, 501]
    assert facts(gone, "loaded") == [False]
    assert mac.verbs() == ["bootstrap", "bootout", "bootstrap", "bootout"]
    assert not mac.file.exists()


@MAN
def test_a_second_run_changes_nothing(mac: Mac) -> None:
    first, second = mac.run(mac.task(), mac.task())
    assert first["steps"] == ["write the plist", "bootstrap it", "start it"]
    assert facts(first, "running", "pid", "runs", "last_exit", "throttled") == [
        True, 501, 1, "(never exited)", False,
    ]  # fmt: skip
    assert (second["changed"], second["steps"]) == (False, [])
    assert mac.file.stat().st_mode & 0o777 == 0o644
    assert mac.calls() == [["bootstrap", "system", str(mac.file)]]

    gone, again = mac.run(mac.task("absent"), mac.task("absent"))
    assert facts(gone, "loaded") == [False]
    assert (gone["changed"], again["changed"]) == (True, False)
    assert not mac.file.exists()
    assert mac.calls()[1:] == [["bootout", f"system/{LABEL}"]]


@MAN
def test_check_mode_says_the_same_and_tells_launchd_nothing(mac: Mac) -> None:
    (checked,) = mac.run(mac.task(), check=True)
    assert mac.calls() == []
    assert not mac.file.exists()
    (done,) = mac.run(mac.task())
    assert checked["steps"] == done["steps"]
    assert checked["diff"]["after"] == done["diff"]["after"] == mac.file.read_text()
    assert checked["diff"]["before"] == ""

    (checked,) = mac.run(mac.task("absent"), check=True)
    assert checked["changed"]
    assert mac.file.exists()
    assert mac.verbs() == ["bootstrap"]


@pytest.mark.doc(f"{GITHUB}/prassanna-ravishankar/repowire/pull/397")
def test_a_changed_plist_is_booted_out_and_bootstrapped(mac: Mac) -> None:
    mac.run(mac.task())
    (answer,) = mac.run(mac.task(plist={"ProgramArguments": ["/opt/example/new"]}))
    assert answer["steps"] == [
        "boot it out and wait until it has left",
        "write the plist", "bootstrap it", "start it",
    ]  # fmt: skip
    held = mac.state()["services"][LABEL]["plist"]
    assert held["ProgramArguments"] == ["/opt/example/new"]
    assert mac.verbs() == ["bootstrap", "bootout", "bootstrap"]
    assert "/opt/example/new" in answer["diff"]["after"]
    assert "/opt/example/bin/example" in answer["diff"]["before"]


@pytest.mark.doc(f"{GITHUB}/juspay/neurolink/pull/951")
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ProgramArguments", ["/opt/example/old"]),
        ("EnvironmentVariables", {"HOME": "/elsewhere"}),
    ],
)
def test_launchd_may_hold_another_definition_than_the_file(
    mac: Mac, key: str, value: object
) -> None:
    """The file was changed by a run that was interrupted, or by hand."""
    mac.run(mac.task())
    services = mac.state()["services"]
    services[LABEL]["plist"][key] = value
    mac.write(services=services)
    (answer,) = mac.run(mac.task())
    assert "write the plist" not in answer["steps"]
    assert mac.verbs() == ["bootstrap", "bootout", "bootstrap"]
    assert mac.run(mac.task())[0]["changed"] is False


@pytest.mark.doc(f"{GITHUB}/headroomlabs-ai/headroom/issues/1289")
@pytest.mark.doc(f"{GITHUB}/pingdotgg/t3code/pull/12005")
def test_bootout_is_waited_for_until_the_label_is_free(mac: Mac) -> None:
    mac.run(mac.task())
    mac.set(leaves_after=4)
    (answer,) = mac.run(mac.task(plist={"ExitTimeOut": 9}))
    assert facts(answer, "running", "runs") == [True, 1]
    # Asked again and again, told once: bootstrap never met the label.
    assert mac.verbs() == ["bootstrap", "bootout", "bootstrap"]


@pytest.mark.doc(f"{GITHUB}/kxn/codex-remote-feishu/issues/914")
def test_a_service_that_is_being_ended_is_not_taken_for_gone(mac: Mac) -> None:
    mac.run(mac.task())
    services = mac.state()["services"]
    services[LABEL].update(state="SIGTERMed", looks=3)
    mac.write(services=services)
    (answer,) = mac.run(mac.task())
    assert facts(answer, "state", "loaded") == ["running", True]


def test_a_daemon_that_never_leaves_keeps_its_plist(mac: Mac) -> None:
    mac.run(mac.task())
    before = mac.file.read_text()
    mac.set(leaves_after=9999)
    (answer,) = mac.run(mac.task(plist={"Nice": 5}, seconds=1))
    assert "has not within 1" in failure(answer)
    assert "ExitTimeOut" in answer["msg"]
    assert mac.file.read_text() == before


@pytest.mark.doc(f"{GITHUB}/osquery/osquery/issues/5698")
@pytest.mark.parametrize("code", [36, 37])
def test_bootout_in_progress_is_not_a_failure(mac: Mac, code: int) -> None:
    mac.run(mac.task())
    mac.set(bootout_code=code)
    (answer,) = mac.run(mac.task("absent"))
    assert facts(answer, "loaded") == [False]
    assert not mac.file.exists()


@pytest.mark.doc(f"{GITHUB}/DeterminateSystems/nix-installer/issues/1148")
def test_bootout_of_what_left_by_itself_is_not_a_failure(mac: Mac) -> None:
    mac.run(mac.task())
    # There at the look, gone at the bootout.
    mac.set(bootout_code=3, leaves_after=0)
    assert facts(mac.run(mac.task("absent"))[0], "loaded") == [False]


@pytest.mark.doc(f"{GITHUB}/DeterminateSystems/nix-installer/issues/530")
@pytest.mark.parametrize("words", [["disabled", "enabled"], ["true", "false"]])
@pytest.mark.doc(f"{GITHUB}/usnistgov/macos_security/issues/167")
def test_the_override_that_disables_it_is_cleared_first(
    mac: Mac, words: list[str]
) -> None:
    mac.set(disabled_words=words)
    mac.write(disabled={LABEL: True, "com.example.other": True})
    (answer,) = mac.run(mac.task())
    assert facts(answer, "running", "enabled") == [True, True]
    assert mac.verbs() == ["enable", "bootstrap"]
    assert mac.state()["disabled"]["com.example.other"] is True


@MAN
def test_a_stopped_daemon_stays_so_only_if_it_is_disabled(mac: Mac) -> None:
    mac.run(mac.task())
    (answer,) = mac.run(mac.task("stopped"))
    assert facts(answer, "loaded", "enabled") == [False, True]
    assert mac.file.exists()
    off, again = mac.run(
        mac.task("stopped", enabled=False), mac.task("stopped", enabled=False)
    )
    assert facts(off, "enabled") == [False]
    assert (off["steps"], again["changed"]) == (["disable it beyond reboots"], False)
    (wrong,) = mac.run(mac.task("started", enabled=False))
    assert "enabled: a daemon that is started needs it" in failure(wrong)


@pytest.mark.doc(f"{GITHUB}/bobmatnyc/trusty-tools/issues/2498")
@pytest.mark.doc(f"{GITHUB}/openbase-community/openbase/pull/15")
def test_what_run_at_load_did_not_start_is_kickstarted(mac: Mac) -> None:
    mac.set(forgets_run_at_load=True)
    (answer,) = mac.run(mac.task())
    assert facts(answer, "running", "runs") == [True, 1]
    assert mac.calls()[-1] == ["kickstart", f"system/{LABEL}"]


@pytest.mark.doc(f"{GITHUB}/headroomlabs-ai/headroom/issues/1289")
def test_a_kickstart_that_meets_a_start_is_not_a_failure(mac: Mac) -> None:
    mac.set(forgets_run_at_load=True, races=1)
    assert facts(mac.run(mac.task())[0], "running", "runs") == [True, 1]


@MAN
def test_present_leaves_the_start_to_its_keys(mac: Mac) -> None:
    task = mac.task("present", plist={"RunAtLoad": False, "KeepAlive": False})
    first, second = mac.run(task, task)
    assert facts(first, "loaded", "running", "state") == [True, False, "not running"]
    assert second["changed"] is False
    (started,) = mac.run(mac.task(plist={"RunAtLoad": False, "KeepAlive": False}))
    assert started["steps"] == ["start it"]
    assert facts(started, "running") == [True]


@MAN
def test_a_restart_kills_and_starts_once(mac: Mac) -> None:
    mac.run(mac.task())
    first, second = mac.run(mac.task("restarted"), mac.task("restarted"))
    assert first["changed"]
    assert second["changed"]
    assert facts(second, "pid", "runs") == [503, 3]
    assert mac.calls()[1:] == [["kickstart", "-k", f"system/{LABEL}"]] * 2


@pytest.mark.doc(f"{GITHUB}/kirodotdev/KiroCrew/issues/1698")
def test_a_restart_of_a_wedged_job_does_not_wait_forever(mac: Mac) -> None:
    mac.set(exit_code=78)
    mac.run(mac.task(seconds=1))
    mac.set(exit_code=None)
    (answer,) = mac.run(mac.task("restarted"))
    assert facts(answer, "running", "runs") == [True, 1]
    assert "kickstart" not in mac.verbs()


@pytest.mark.doc(f"{GITHUB}/kirodotdev/KiroCrew/issues/1698")
def test_a_call_that_never_returns_is_given_up_and_made_up_for(mac: Mac) -> None:
    mac.run(mac.task())
    # The look finds it running; the kickstart then meets a job that waits.
    mac.set(wedges=True)
    (answer,) = mac.run(mac.task("restarted", call_seconds=1))
    assert facts(answer, "running") == [True]
    assert mac.verbs() == ["bootstrap", "kickstart", "bootout", "bootstrap"]


@PLIST
@pytest.mark.doc(f"{GITHUB}/TOSS-Soft/toss-agent-runtime/issues/38")
def test_a_crash_that_launchd_throttles_is_said(mac: Mac, tmp_path: Path) -> None:
    log = tmp_path / "example.log"
    log.write_text("token=abc\ncannot open the database\n")
    mac.set(exit_code=1)
    (answer,) = mac.run(mac.task(plist={"StandardErrorPath": str(log)}, seconds=1))
    message = failure(answer)
    assert message.startswith(f"{LABEL}: it has no process after 1 s")
    assert "state is spawn scheduled, it was started 1 times" in message
    assert "its last exit was 1; launchd holds its next start back" in message
    assert message.endswith("token=***\ncannot open the database")


@PLIST
def test_a_throttled_start_is_waited_for(mac: Mac) -> None:
    """ThrottleInterval: at most one start in 10 s, unless it says otherwise."""
    mac.set(exit_code=1, starts_after=3)
    (answer,) = mac.run(mac.task())
    assert facts(answer, "running", "runs", "throttled") == [True, 2, False]
    assert mac.verbs() == ["bootstrap"]


@pytest.mark.doc(f"{GITHUB}/NousResearch/hermes-agent/pull/8418")
def test_an_unusable_configuration_is_explained(mac: Mac) -> None:
    mac.set(exit_code="78: EX_CONFIG")
    message = failure(mac.run(mac.task(seconds=1))[0])
    assert "last exit was 78: EX_CONFIG" in message
    assert "see that user, working directory and the folders of its logs" in message


TAKEN = {
    5: "kxn/codex-remote-feishu/issues/914",
    17: "Raven-Scout/scout-plugin/issues/48",
    37: "openclaw/openclaw/pull/71413",
    125: "Raven-Scout/scout-plugin/issues/48",
}


@pytest.mark.parametrize(
    "code",
    [pytest.param(c, marks=pytest.mark.doc(f"{GITHUB}/{u}")) for c, u in TAKEN.items()],
)
def test_a_taken_label_is_freed_whatever_its_code(mac: Mac, code: int) -> None:
    """Another has loaded it between the look and the bootstrap."""
    mac.run(mac.task())
    mac.file.unlink()
    # The next look does not find what is there.
    mac.set(taken_code=code, label_shows_late=1)
    (answer,) = mac.run(mac.task())
    assert answer["steps"] == ["write the plist", "bootstrap it", "start it"]
    assert facts(answer, "running", "runs") == [True, 1]
    assert mac.verbs() == ["bootstrap", "bootstrap", "bootout", "bootstrap"]


@pytest.mark.doc(f"{GITHUB}/tomcounsell/ai/issues/2104")
def test_an_error_that_passes_is_tried_again(mac: Mac) -> None:
    mac.set(passing_errors=2)
    assert facts(mac.run(mac.task())[0], "running") == [True]
    assert mac.verbs() == ["bootstrap"] * 3


def test_an_error_that_stays_names_label_code_meaning_and_remedy(mac: Mac) -> None:
    mac.set(passing_errors=99)
    message = failure(mac.run(mac.task())[0])
    assert message.startswith(f"{LABEL}: launchctl bootstrap failed with 5 (input/out")
    assert "it says: Bootstrap failed: 5: Input/output error. Remedy: " in message
    assert mac.verbs() == ["bootstrap"] * 4


@MAN
def test_who_is_not_root_is_told_so(mac: Mac) -> None:
    mac.run(mac.task())
    mac.set(unprivileged=True)
    message = failure(mac.run(mac.task("restarted"))[0])
    assert f"{LABEL}: launchctl kickstart failed with 1 (operation not perm" in message
    assert "Remedy: become root" in message


@pytest.mark.doc(f"{GITHUB}/munkireport/munkireport-php/issues/1468")
def test_a_plist_that_others_may_write_is_a_difference(mac: Mac) -> None:
    mac.run(mac.task())
    mac.file.chmod(0o666)
    (answer,) = mac.run(mac.task())
    assert "write the plist" in answer["steps"]
    assert mac.file.stat().st_mode & 0o777 == 0o644
    mac.file.chmod(0o666)
    os.chown(mac.file, 1, 1)
    assert mac.run(mac.task())[0]["changed"] is True
    assert (mac.file.stat().st_uid, mac.file.stat().st_gid) == (0, 0)


def test_older_releases_name_the_service_without_its_domain(mac: Mac) -> None:
    """Source: the listing in wazuh/wazuh-packages issue 2206, macOS 10.14."""
    mac.set(old_format=True)
    first, second = mac.run(mac.task(), mac.task())
    assert facts(first, "running", "pid") == [True, 501]
    assert second["changed"] is False


def test_inputs_that_are_younger_than_the_process_restart_it(
    mac: Mac, tmp_path: Path
) -> None:
    config = tmp_path / "example.conf"
    config.write_text("x")
    missing = str(tmp_path / "missing")
    mac.write(began=config.stat().st_mtime + 60)
    task = mac.task(inputs=[str(config), missing])
    first, second = mac.run(task, task)
    assert (first["changed"], second["changed"]) == (True, False)
    mac.write(began=config.stat().st_mtime - 60)
    (third,) = mac.run(task)
    assert third["steps"] == ["end its process and start it again"]


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as line:
        yield line.getsockname()[1]


def test_health_is_waited_for(mac: Mac) -> None:
    with listening() as port:
        (answer,) = mac.run(mac.task(health={"port": port, "seconds": 5}))
        assert facts(answer, "running") == [True]
    (answer,) = mac.run(mac.task(health={"port": port, "seconds": 1}))
    assert f"127.0.0.1:{port} does not answer" in failure(answer)
    assert "Its state is running" in answer["msg"]


@PLIST
def test_a_wrong_plist_is_refused_before_anything_is_done(mac: Mac) -> None:
    wrong = {"EnviromentVariables": {"A": "b"}, "Nice": "5", "OnDemand": True}
    message = failure(mac.run(mac.task(plist=wrong))[0])
    assert "EnviromentVariables: launchd has no such key; did you mean Env" in message
    assert "Nice: need a whole number, got '5'" in message
    assert "OnDemand: KeepAlive took its place" in message
    (answer,) = mac.run(mac.task(plist={"UserName": "_nobody_has_this"}))
    assert "UserName: this host has no account '_nobody_has_this'" in failure(answer)
    assert mac.state()["calls"] == []
    assert not mac.file.exists()


def test_a_label_that_is_none_names_no_file(mac: Mac) -> None:
    _, options = mac.task("absent")
    wrong = {k: v for k, v in options.items() if k != "plist"} | {"label": "../x"}
    assert "label: '../x': it may hold" in failure(mac.run(("launchd", wrong))[0])
    del wrong["label"]
    missing = {**wrong, "label": LABEL, "state": "started"}
    assert failure(mac.run(("launchd", missing))[0]).endswith("plist: it is missing")


def test_apples_own_reader_looks_at_the_text(mac: Mac) -> None:
    (answer,) = mac.run(mac.task(), DOUBLE_REFUSES="serve")
    assert "plutil refuses the plist; nothing was changed" in failure(answer)
    assert mac.calls() == []
