"""``forge models``, through its entry."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.cli import main

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests/fixtures/inventory"

type Make = Callable[..., bytes]
type Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "120")


def run(capsys: Capture, *words: str) -> tuple[int, str]:
    status = main(["models", *words])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def fixture(name: str) -> list[str]:
    return ["-i", str(FIXTURES / f"{name}.yml")]


def test_plan_shows_the_arithmetic_and_that_it_fits(capsys: Capture) -> None:
    status, text = run(capsys, "plan", *fixture("valid/with_models"))

    assert status == 0
    assert "m4-pro: fits, 17.35 GiB free of 50 % of 48 GB = 24.00 GiB" in text
    assert "8,192 x 131,072 x 2" in text
    assert "large (mlx)" in text


def test_plan_says_by_how_much_models_do_not_fit(capsys: Capture) -> None:
    status, text = run(
        capsys, "plan", "--json", *fixture("invalid/models_exceed_memory")
    )

    assert status == 2
    plans = {plan["host"]: plan for plan in json.loads(text)}
    assert plans["mac-studio"]["fits"]
    small = plans["m4-pro"]
    assert not small["fits"]
    # 5 GB + 8192 x 131072 x 2, and 43 GB + 8192 x 327680
    assert small["memory"] == 5 * 10**9 + 2 * 2**30 + 43 * 10**9 + 8192 * 327680
    assert small["memory_excess"] == small["memory"] - 24 * 2**30


def test_plan_says_that_the_disk_is_too_small(capsys: Capture) -> None:
    status, text = run(capsys, "plan", *fixture("invalid/models_exceed_disk"))
    assert status == 2
    assert "disk: 0.94 GiB too much" in text


def test_list_names_origin_and_digest(capsys: Capture) -> None:
    status, text = run(capsys, "list", "--json", *fixture("valid/with_models"))
    assert status == 0
    small, large = json.loads(text)
    assert (small["source_kind"], small["source"]) == ("file", "models/small.gguf")
    assert large["digest"] == "unresolved"
    assert large["hosts"] == ["mac-studio"]


def test_invalid_inventory_is_reported_whole(capsys: Capture) -> None:
    status, text = run(capsys, "plan", *fixture("invalid/model_twice"))
    assert status == 2
    assert "[duplicate-model]" in text


def test_inspect_says_what_to_declare(
    capsys: Capture, tmp_path: Path, make_header: Make, llama: list[bytes]
) -> None:
    path = tmp_path / "small.gguf"
    path.write_bytes(make_header(*llama))

    status, text = run(capsys, "inspect", str(path))

    assert status == 0
    assert f"digest: sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" in text
    assert "kv_bytes_per_token: 131072" in text
    assert f"size: {path.stat().st_size}" in text


def test_inspect_compares_with_the_declaration(
    capsys: Capture, tmp_path: Path, make_header: Make, llama: list[bytes]
) -> None:
    path = tmp_path / "small.gguf"
    path.write_bytes(make_header(*llama))

    words = ["inspect", str(path), "--model", "small", *fixture("valid/with_models")]
    status, text = run(capsys, *words)

    assert status == 2
    assert "declared 5000000000" in text
    assert f"digest is sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" in text
    assert "kv_bytes_per_token is" not in text


def test_digest_of_a_folder_is_that_of_sha256sum(
    capsys: Capture, tmp_path: Path
) -> None:
    config = {
        "hidden_size": 64,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "torch_dtype": "float32",
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/weights").write_bytes(b"w")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/no").write_bytes(b"hidden")
    first = hashlib.sha256(json.dumps(config).encode()).hexdigest()
    second = hashlib.sha256(b"w").hexdigest()
    listing = f"{first}  config.json\n{second}  sub/weights\n".encode()

    status, text = run(capsys, "inspect", str(tmp_path))

    assert status == 0
    assert f"digest: sha256:{hashlib.sha256(listing).hexdigest()}" in text
    assert f"kv_bytes_per_token: {2 * 4 * 32 * 4}" in text


def test_unknown_model_is_answered_with_the_known(
    capsys: Capture, tmp_path: Path, make_header: Make, llama: list[bytes]
) -> None:
    path = tmp_path / "small.gguf"
    path.write_bytes(make_header(*llama))
    words = ["inspect", str(path), "--model", "smal", *fixture("valid/with_models")]
    status, text = run(capsys, *words)
    assert status == 2
    assert "small, large" in text
