"""The benchmark against what runs here: real engines, gate and proxy, few requests."""

import json
from pathlib import Path

from forge.cli import main


def test_both_engines_are_measured_both_ways(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    words = ["bench", "inference", "--local", "--requests", "2", "--concurrency", "1,2"]
    assert main([*words, "--max-tokens", "8", "--words", "4", "--json", str(out)]) == 0
    said = json.loads(out.read_text())
    assert [target["engine"] for target in said["results"]] == ["ollama", "mlx"]
    for target in said["results"]:
        ways = [(run["way"], run["concurrency"]) for run in target["runs"]]
        assert ways == [
            (way, count) for count in (1, 2) for way in ("direct", "governed")
        ]
        assert all(run["tokens"] > 0 for run in target["runs"])
        assert target["engine_resident_bytes"] > 10_000_000
    assert set(said["gate_seconds"]) == {"idle", "during generation"}
