"""The real gate and the real executor: proposed, permitted, performed, recorded."""

import os
import sys
from collections.abc import Callable, Iterator

import pytest
from tests.integration.executor.lab import PYTHON
from tests.integration.gate import conftest
from tests.integration.gate.house import AGENT_UID, TOKENS, House

from clawlaw.client import Client, Denied, Escalated
from clawlaw.client.sync import Session
from clawlaw.evidence.schema import Performed
from clawlaw.executor import report, run
from clawlaw.executor.account import Identity

make_house = conftest.make_house


@pytest.fixture
def house(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """A gate that serves, with an executor of the agent's account."""
    monkeypatch.delenv("CLAWLAW_EXECUTOR", raising=False)
    uid = AGENT_UID if os.geteuid() == 0 else os.geteuid()
    who = Identity("agent", uid, "/home/agent")
    monkeypatch.setattr(run, "become", lambda _: who)
    found = make_house(executor={"sandbox": True})
    os.chown(found.workspace, uid, -1)
    found.start()
    yield found
    if found.process is not None:
        found.stop()


@pytest.fixture
def session(house: House) -> Iterator[Session]:
    """A session of the agent."""
    url = f"http://127.0.0.1:{house.port}"
    with (
        Client(url=url, token=TOKENS["developer"]) as gate,
        gate.session("s", purpose="develop", cwd=str(house.workspace)) as opened,
    ):
        yield opened


def perform(house: House, token: str, *words: str) -> int:
    """Run the executor as the agent's account: the gate knows who asks."""
    more = ["--", *words] if words else []
    line = [f"--permit={token}", f"--socket={house.folder}/gate.sock", *more]
    if os.geteuid() != 0:
        return run.main(line)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.setgroups([])
            os.setresgid(AGENT_UID, AGENT_UID, AGENT_UID)
            os.setresuid(AGENT_UID, AGENT_UID, AGENT_UID)
            sys.executable = PYTHON  # one that this account may run
            code = run.main(line)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def permit(session: Session, tool: str, **arguments: object) -> str:
    """The permit of an action that is allowed."""
    token = session.propose(tool, arguments, mediated=True).permit
    assert token
    return token


def performed(house: House) -> list[Performed]:
    """Outcomes in the log."""
    return [e.body for e in house.entries() if isinstance(e.body, Performed)]


def test_an_allowed_command_is_performed_and_recorded(
    house: House, session: Session, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (house.workspace / "notes").write_text("b\na\n")
    token = permit(session, "exec", command="sort notes")
    assert perform(house, token, "sort notes") == 0
    assert capfdbinary.readouterr().out == b"a\nb\n"
    (outcome,) = performed(house)
    assert (outcome.status, outcome.exit, outcome.bytes_out) == ("done", 0, 4)
    assert outcome.sandbox.startswith("bubblewrap+landlock")
    assert perform(house, token) == report.DENIED


def test_a_file_is_written_by_the_executor(house: House, session: Session) -> None:
    file = house.workspace / "new.txt"
    token = permit(session, "write", path=str(file), content="text\n")
    assert perform(house, token) == 0
    assert file.read_text() == "text\n"
    (outcome,) = performed(house)
    assert [written.path for written in outcome.files] == [str(file)]


def test_a_path_swapped_between_decision_and_use_is_not_used(
    house: House, session: Session
) -> None:
    file, victim = house.workspace / "notes", house.folder / "victim"
    file.write_text("mine\n")
    victim.write_text("as it was\n")
    token = permit(session, "write", path=str(file), content="evil\n")
    file.unlink()
    file.symlink_to(victim)
    assert perform(house, token) == report.CHANGED
    assert victim.read_text() == "as it was\n"
    (outcome,) = performed(house)
    assert outcome.status == "failed"


def test_a_command_that_is_not_the_judged_one_ends_the_session(
    house: House, session: Session
) -> None:
    token = permit(session, "exec", command="sort notes")
    assert perform(house, token, "sort notes; touch made") == report.CHANGED
    assert not (house.workspace / "made").exists()
    with pytest.raises(Denied):
        session.propose("exec", {"command": "sort notes"}, mediated=True)


def test_tests_that_an_agent_wrote_run_only_in_the_sandbox(session: Session) -> None:
    """Without the executor the same action is a question to a steward."""
    assert permit(session, "exec", command="make test")
    with pytest.raises(Escalated):
        session.propose("exec", {"command": "make test"})


def test_a_permit_dies_with_the_gate(house: House, session: Session) -> None:
    token = permit(session, "exec", command="touch made")
    house.stop()
    house.start()
    assert perform(house, token) == report.DENIED
    assert not (house.workspace / "made").exists()
