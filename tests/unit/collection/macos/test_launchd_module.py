"""forge.platform.launchd: a daemon's life, each case from published behaviour.

The double of launchctl beside this file answers as the sources say; no launchd was
asked. What that leaves open: docs/macos.md.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.collection.macos.machine import (
    GITHUB,
    LABEL,
    MAN,
    PLIST,
    Mac,
    facts,
    failure,
    needs_root,
)

pytestmark = needs_root


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
