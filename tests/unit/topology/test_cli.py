"""`forge topology`, as it is typed."""

import json
from pathlib import Path

import pytest

from forge.cli import main

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests/fixtures/inventory"
VERSIONS = ["--versions", str(FIXTURES / "versions.yml")]
VALID = ["-i", str(FIXTURES / "valid/three_tiers.yml"), *VERSIONS]
INVALID = ["-i", str(FIXTURES / "invalid/address_twice.yml"), *VERSIONS]

type Captured = pytest.CaptureFixture[str]


def test_check_of_a_valid_inventory(capsys: Captured) -> None:
    assert main(["topology", "check", *VALID]) == 0
    assert capsys.readouterr().out.startswith("tiers: valid, 4 hosts, 5 flows, sha256:")


def test_check_takes_the_checkout_by_default(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "docs")
    assert main(["topology", "check"]) == 0
    assert capsys.readouterr().out.startswith("forge: valid, 8 hosts")


def test_check_of_an_invalid_inventory(capsys: Captured) -> None:
    assert main(["topology", "check", *INVALID]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "1 finding; no host was touched" in captured.err
    assert "worker-01: forge_addresses.cluster: 192.0.2.11" in captured.err
    assert "    fix: give control-01 or worker-01 another address" in captured.err


def test_check_as_json_keeps_the_status(capsys: Captured) -> None:
    assert main(["topology", "check", "--json", *INVALID]) == 2
    data = json.loads(capsys.readouterr().out)
    assert data["valid"] is False
    (finding,) = data["findings"]
    assert finding["rule"] == "duplicate-address"
    assert {"host", "field", "message", "fix", "file", "line"} <= finding.keys()
    assert main(["topology", "check", "--json", *VALID]) == 0
    assert json.loads(capsys.readouterr().out) == {"valid": True, "findings": []}


def test_show_fits_eighty_columns(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(ROOT)
    assert main(["topology", "show"]) == 0
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= 80
    for word in ("control-01", "198.51.100.31", "observability", "8444-8445/tcp"):
        assert word in out
    assert "…" not in out


def test_show_gives_reasons_where_there_is_room(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["topology", "show", *VALID]) == 0
    assert "Proposals." in capsys.readouterr().out


def test_show_as_json_is_what_roles_read(capsys: Captured) -> None:
    assert main(["topology", "show", "--json", *VALID]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["cluster"]["api_address"] == "192.0.2.11"
    assert data["cluster"]["server_count"] == 1
    assert data["ports"] == {"gate": 8443, "policy": 8444, "api": 6443}
    assert data["hosts"]["worker-02"]["pins"] == {
        "k3s": {"artifact": "k3s", "version": "v1.0.0+k3s1"}
    }
    proposals = {
        "wire": "boundary",
        "flow": "proposals",
        "protocol": "tcp",
        "ports": ["8443"],
        "sources": ["198.51.100.22"],
        "destination": "198.51.100.31",
    }
    assert proposals in data["hosts"]["m4-pro"]["ingress"]


@pytest.mark.parametrize("verb", ["show", "graph"])
def test_invalid_inventory_is_neither_shown_nor_drawn(
    verb: str, capsys: Captured, tmp_path: Path
) -> None:
    words = ["-o", str(tmp_path / "x.svg")] if verb == "graph" else []
    assert main(["topology", verb, *INVALID, *words]) == 2
    assert "another address" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words", "start"),
    [
        ("a.svg", [], "<svg "),
        ("a.html", [], "<!doctype html>"),
        ("a.txt", ["--format", "html"], "<!doctype html>"),
    ],
)
def test_graph_writes_a_file(
    tmp_path: Path, name: str, words: list[str], start: str
) -> None:
    file = tmp_path / name
    assert main(["topology", "graph", *VALID, "-o", str(file), *words]) == 0
    assert file.read_text("utf-8").startswith(start)


def test_graph_goes_to_standard_output(capsys: Captured) -> None:
    assert main(["topology", "graph", *VALID]) == 0
    assert capsys.readouterr().out.startswith("<svg ")


def test_graph_with_unknown_suffix_says_what_to_do(
    tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "a.png"
    assert main(["topology", "graph", *VALID, "-o", str(file)]) == 2
    assert "name a file .svg or .html" in capsys.readouterr().err
    assert not file.exists()


def test_graph_into_a_missing_folder_says_so(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "no/a.svg"
    assert main(["topology", "graph", *VALID, "-o", str(file)]) == 2
    assert str(file) in capsys.readouterr().err
