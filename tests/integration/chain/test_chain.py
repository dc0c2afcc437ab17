"""Decisions are co-signed and locked elsewhere, or nothing is allowed any more."""

import shutil

import pytest
from tests.integration.chain.processes import Chain, run, until
from tests.integration.chain.relay import Mode
from tests.integration.gate.house import House, NoAnswerError

from clawlaw.evidence.schema import Decided, Refused


def work(house: House, count: int) -> list[str]:
    """Proposals that are allowed; their ids."""
    connection = house.connection()
    done = []
    for number in range(count):
        answer = house.propose(path=f"src/f{number}.py", connection=connection)
        assert answer["verdict"] == "allow", answer
        done.append(answer["id"])
    connection.close()
    return done


def test_what_was_decided_is_cosigned_locked_and_verified(chain: Chain) -> None:
    chain.house.start()
    done = work(chain.house, 150)
    size = chain.size()
    until(lambda: chain.witnessed_size() >= size, "a cosignature of all of it")
    until(lambda: chain.lag() == 0, "the gate sees it")
    until(lambda: chain.verify()[1]["remote"]["newest"] >= size, "the head is stored")
    assert chain.house.stop() == 0
    until(lambda: chain.verify()[1]["remote"]["entries"] > size, "the last segment")
    assert chain.stop("anchor") == 0
    assert chain.stop("witness") == 0
    code, said = chain.verify()
    assert code == 0
    remote, local = said["remote"], said["local"]
    assert remote["signed_by"] == sorted(["test.example/gate", "w.test"])
    assert (remote["missing"], remote["attempts"]) == ([], [])
    assert remote["segments"] > 4
    assert remote["completeness"]["complete"]
    assert local["completeness"]["complete"]
    assert local["completeness"]["protected"] >= size
    stored = {e.body.id for e in chain.house.entries() if isinstance(e.body, Decided)}
    assert set(done) <= stored


def test_without_its_witness_the_gate_denies_and_with_it_allows_again(
    chain: Chain,
) -> None:
    chain.house.start()
    work(chain.house, 3)
    until(lambda: chain.witnessed_size() > 3, "a first cosignature")
    chain.stop("witness")
    work(chain.house, 3)  # the lag is within its limit
    until(lambda: chain.lag() > 1, "the lag grows")
    until(lambda: _reason(chain).startswith("evidence: the witnesses are"), "denied")
    assert _verdict(chain) == "deny"
    assert any("w.test" in problem for problem in chain.problems())
    assert chain.house.ask("GET", "/healthz")[0] == 200  # late, and not broken
    chain.start("witness")
    until(lambda: _verdict(chain) == "allow", "allowed again")
    chain.house.stop()
    refused = [e.body for e in chain.house.entries() if isinstance(e.body, Refused)]
    assert any("witnesses are" in r.record.reason for r in refused)


def _verdict(chain: Chain) -> object:
    return chain.house.propose(path="a")["verdict"]


def _reason(chain: Chain) -> str:
    return str(chain.house.propose(path="a")["reason"])


def _works_without_its_store(chain: Chain) -> None:
    seen, told = chain.witnessed_size(), len(chain.problems())
    work(chain.house, 40)
    until(lambda: chain.witnessed_size() > seen, "cosignatures meanwhile")
    if chain.relay.mode != "slow":
        until(lambda: "evidence-" in str(chain.problems()[told:]), "it is said")
    assert _verdict(chain) == "allow"


def test_a_store_that_is_down_refuses_or_is_slow_loses_nothing(chain: Chain) -> None:
    chain.house.start()
    work(chain.house, 20)
    until(lambda: chain.verify()[1]["remote"]["newest"] > 0, "a first head")
    modes: tuple[Mode, ...] = ("down", "refusing", "slow")
    for mode in modes:
        chain.relay.become(mode)
        _works_without_its_store(chain)
    size = chain.size()
    until(lambda: chain.verify()[1]["remote"]["newest"] >= size, "all of it, slowly")
    chain.relay.become("open")
    chain.house.stop()
    until(lambda: chain.verify()[1]["remote"]["entries"] > size, "the last segment")
    code, said = chain.verify()
    assert (code, said["remote"]["missing"]) == (0, [])


def test_credentials_that_do_not_count_store_nothing(chain: Chain) -> None:
    chain.stop("anchor")
    chain.house.start()
    work(chain.house, 3)
    until(lambda: chain.size() > 5, "a head")
    credentials = chain.folder / "credentials"
    good = credentials.read_text()
    credentials.write_text(good[:-5] + "xxxx\n")
    code, said = run("anchor", "--config", str(chain.config), "--once", "--json")
    assert (code, '"put": []' in said, "HTTP 403" in said) == (1, True, True)
    credentials.write_text(good)
    code, said = run("anchor", "--config", str(chain.config), "--once", "--json")
    assert (code, '"problems": []' in said) == (0, True)


def test_a_log_from_a_snapshot_is_refused(chain: Chain) -> None:
    """Against the last head that was co-signed, which a snapshot of the log lacks."""
    house = chain.house
    snapshot, note = chain.folder / "snapshot", chain.folder / "old.note"
    house.start()
    work(house, 5)
    until(lambda: chain.witnessed_size() > 5, "a cosignature")
    house.stop()
    shutil.copytree(house.log, snapshot)
    shutil.copy(chain.witnessed, note)
    house.start()
    work(house, 5)
    size = chain.size()
    until(lambda: chain.witnessed_size() >= size, "a later cosignature")
    house.stop()
    shutil.rmtree(house.log)
    shutil.copytree(snapshot, house.log)
    with pytest.raises(NoAnswerError, match="restore the log from its anchor"):
        house.start()
    assert house.process is not None
    assert house.process.wait() == 2
    # The whole machine was put back, and the witness remembers.
    chain.stop("anchor")
    shutil.copy(note, chain.witnessed)
    house.start()
    chain.start("anchor")
    until(lambda: "witnesses saw" in _reason(chain), "the witness's word")
    for _ in range(2 * size):  # denials are entries: the log outgrows what was seen
        assert _verdict(chain) == "deny"
    assert "witnesses saw" in _reason(chain)
