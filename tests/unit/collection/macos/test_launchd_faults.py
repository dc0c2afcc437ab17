"""forge.platform.launchd: where launchd surprises, each case from published behaviour.

The double of launchctl beside this file answers as the sources say; no launchd was
asked. What that leaves open: docs/macos.md.
"""

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


def test_older_releases_name_the_service_without_its_domain(mac: Mac) -> None:
    """Source: the listing in wazuh/wazuh-packages issue 2206, macOS 10.14."""
    mac.set(old_format=True)
    first, second = mac.run(mac.task(), mac.task())
    assert facts(first, "running", "pid") == [True, 501]
    assert second["changed"] is False


@MAN
def test_a_label_that_was_loaded_from_another_file_is_loaded_anew(mac: Mac) -> None:
    mac.run(mac.task())
    services = mac.state()["services"]
    services[LABEL]["path"] = "/Library/LaunchDaemons/old.plist"
    mac.write(services=services)
    (answer,) = mac.run(mac.task())
    assert facts(answer, "running") == [True]
    assert mac.state()["services"][LABEL]["path"] == str(mac.file)
