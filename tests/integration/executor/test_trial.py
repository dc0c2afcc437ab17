"""The trial of the sandbox: tried by the executor, believed by the gate."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.executor.lab import PYTHON
from tests.integration.gate import conftest
from tests.integration.gate.house import TOKENS, House

from clawlaw.client import Client, Escalated
from clawlaw.executor import report, run
from clawlaw.executor.host import Availability, available
from clawlaw.executor.trial import begin, kept

make_house = conftest.make_house


def test_what_was_tried_is_kept_for_the_gate(tmp_path: Path) -> None:
    file = tmp_path / "trial.json"
    file.write_text("of the start before")
    assert run.main(["--check", "--keep", str(file)]) == 0
    assert kept(file).name.startswith("bubblewrap+landlock")
    assert file.stat().st_mode & 0o777 == 0o644


def test_root_keeps_what_an_agent_finds(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root becomes another")
    file = tmp_path / "trial.json"
    words = ["--check", "--account", "nobody", "--keep", str(file)]
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.umask(0o077)
            sys.executable = PYTHON  # one that this account may run
            code = run.main(words)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert kept(file).ok
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (0, 0o644)


def test_where_nothing_confines_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Availability(problem="no namespaces", remedy="allow them")
    monkeypatch.setattr("clawlaw.executor.trial.available", lambda: found)
    file = tmp_path / "trial.json"
    assert run.main(["--check", "--keep", str(file)]) == report.NO_SANDBOX
    assert kept(file) == found


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ('{"name": "bubblewrap"}', 0o664, "others may write"),
        ('{"name": "bubblewrap"}', 0o646, "others may write"),
        ('{"name": 7}', 0o644, "Expected"),
        ("", 0o644, "truncated"),
    ],
)
def test_a_word_that_cannot_be_believed_is_none(
    tmp_path: Path, text: str, mode: int, said: str
) -> None:
    file = tmp_path / "trial.json"
    file.write_text(text)
    file.chmod(mode)
    assert not kept(file).ok
    assert said in kept(file).problem


def test_a_word_of_another_account_is_none(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    file = tmp_path / "trial.json"
    file.write_text('{"name": "bubblewrap"}')
    os.chown(file, 64_102, -1)
    assert "written by uid 64102" in kept(file).problem


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text('{"name": "bubblewrap"}')
    (tmp_path / "trial.json").symlink_to(tmp_path / "real")
    assert not kept(tmp_path / "trial.json").ok
    assert not kept(tmp_path / "nothing").ok
    os.close(begin(tmp_path / "trial.json"))
    assert (tmp_path / "real").read_text()


def test_where_there_is_no_scratch_folder_nothing_confines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr("tempfile.TemporaryDirectory", full)
    found = available.__wrapped__()
    assert not found.ok
    assert "no usable temporary directory" in found.problem


def test_a_trial_is_kept_by_a_check_only() -> None:
    assert run.main(["--keep", "/tmp/x", "--permit=y"]) == run.USAGE  # noqa: S108


@pytest.mark.parametrize("confines", [True, False])
def test_the_gate_judges_code_by_the_trial(
    make_house: Callable[..., House], tmp_path: Path, *, confines: bool
) -> None:
    file = tmp_path / "trial.json"
    file.write_text('{"name": "bubblewrap"}' if confines else '{"problem": "none"}')
    house = make_house(executor={"sandbox": True, "trial": str(file)})
    (house.workspace / "build.sh").write_text("echo built\n")
    house.start()
    with (
        Client(url=f"http://127.0.0.1:{house.port}", token=TOKENS["developer"]) as gate,
        gate.session("s", purpose="develop", cwd=str(house.workspace)) as session,
    ):
        asked = {"command": "bash build.sh"}
        if confines:
            assert session.propose("exec", asked, mediated=True).permit
        else:
            with pytest.raises(Escalated):
                session.propose("exec", asked, mediated=True)
    house.stop()
