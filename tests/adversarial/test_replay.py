"""Ten thousand decisions are the same in another process, and by another Python.

The second process has another hash seed. `CLAWLAW_OTHER_PYTHON` names the interpreter
that it runs on, with the same requirements installed; by default it is this one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

CASES = Path(__file__).parent / "cases"
SOURCE = Path(__file__).parents[2] / "src"
DECISIONS = 10_000
EACH = 50  # actions of one session


def proposals() -> Iterator[str]:
    """Calls of every case, again and again, so that sessions become long."""
    found = []
    for file in sorted(CASES.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            found += case.get("calls", [case])
    for number, call in enumerate(islice(cycle(found), DECISIONS)):
        yield json.dumps(
            {
                "session": f"s{number // EACH}",
                "tool": call["tool"],
                # Cases may use either name, as `bench-cases` does.
                "arguments": call["arguments"]
                if "arguments" in call
                else call["input"],
            }
        )


def test_decisions_replay_in_another_process(tmp_path: Path) -> None:
    proposed, records = tmp_path / "proposals.jsonl", tmp_path / "records.jsonl"
    proposed.write_text("\n".join(proposals()), encoding="utf-8")
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(SOURCE)}
    decide = ["decide", str(proposed), "--json", "--policy", "forge"]
    where = ["--workspace", str(tmp_path), "--home", "/home/agent"]
    with records.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "clawlaw", *decide, *where],
            env=environment,
            stdout=file,
            check=False,
        )
    assert done.returncode == 3
    other = os.environ.get("CLAWLAW_OTHER_PYTHON", sys.executable)
    again = subprocess.run(
        [other, "-m", "clawlaw", "replay", str(records), "--policy", "forge", "--json"],
        env=environment | {"PYTHONHASHSEED": "77"},
        capture_output=True,
        check=False,
    )
    told = json.loads(again.stdout)
    assert told["identical"], told
    lines = records.read_bytes().splitlines()
    refused = sum(b'"kind":"refusal"' in line for line in lines)
    assert len(lines) == DECISIONS
    assert told["decisions"] == DECISIONS - refused
    assert refused < DECISIONS // 100
    verdicts = [json.loads(line).get("decision", {}).get("verdict") for line in lines]
    for verdict in ("allow", "escalate", "deny"):
        assert verdicts.count(verdict) > DECISIONS // 10
