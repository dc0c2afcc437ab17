from pathlib import Path

import msgspec
import pytest

from forge.errors import ForgeError
from forge.testbed import preflight
from forge.testbed.preflight import Machine, judge, look, require

GOOD = Machine(
    system="linux",
    root=True,
    memory_available=16_000,
    disk_free={"/var/lib/containers": 60_000},
    inotify_instances=1024,
    missing_programs=[],
)


def test_a_good_machine_has_no_problem() -> None:
    assert judge(GOOD, running=False) == []


@pytest.mark.parametrize(
    ("changed", "what", "remedy"),
    [
        ({"system": "darwin"}, "needs Linux, this is darwin", "use Linux"),
        ({"root": False}, "need root", "sudo"),
        ({"memory_available": 2_000}, "2000 MiB of memory", "larger machine"),
        ({"disk_free": {"/c": 100}}, "100 MiB are free for /c", "FORGE_CACHE"),
        (
            {"inotify_instances": 128},
            "max_user_instances is 128",
            "sysctl -w fs.inotify.max_user_instances=1024",
        ),
        ({"missing_programs": ["runc"]}, "missing programs: runc", "install runc"),
    ],
)
def test_each_lack_is_named_with_its_remedy(
    changed: dict[str, object], what: str, remedy: str
) -> None:
    problems = judge(msgspec.structs.replace(GOOD, **changed), running=False)
    assert len(problems) == 1
    assert what in problems[0].what
    assert remedy in problems[0].remedy


def test_memory_and_disk_of_running_hosts_are_not_asked_for_twice() -> None:
    used = msgspec.structs.replace(GOOD, memory_available=10, disk_free={"/c": 10})
    assert judge(used, running=True) == []


def test_every_problem_is_in_one_error() -> None:
    poor = msgspec.structs.replace(GOOD, root=False, memory_available=10)
    with pytest.raises(ForgeError, match=r"(?s)need root.*remedy.*10 MiB.*remedy"):
        require(poor, running=False)


def test_this_machine_is_read(tmp_path: Path) -> None:
    found = look([tmp_path / "not" / "there"])
    assert found.memory_available > 0
    assert found.disk_free[str(tmp_path / "not" / "there")] > 0


def test_a_missing_program_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(preflight.PROGRAMS, "no-such-program", "no-such-package")
    assert "no-such-program" in look([]).missing_programs
