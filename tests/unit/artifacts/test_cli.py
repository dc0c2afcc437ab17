"""``forge artifacts`` as people and scripts run it."""

import hashlib
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from forge.artifacts import pinfile
from forge.artifacts.display import Display
from forge.artifacts.pins import Versions
from forge.artifacts.toolchain import Toolchain
from forge.cli import main

from .conftest import CHECKOUT, MODULE, Document, Vendor, built, released

type Write = Callable[[Document], Versions]

BODY = b"body"
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def versions(module_checkout: Write, vendor: Vendor) -> Versions:
    url = vendor.publishes("tool", BODY)
    return module_checkout(
        {"alone": released(url, "unresolved"), "tool": built() | released(url, SHA)}
    )


def run(versions: Versions, *words: str) -> int:
    return main(["artifacts", *words, "--versions", str(versions.path)])


def test_list_shows_every_artifact_and_what_is_cached(
    versions: Versions, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(versions, "list", "--arch", "amd64", "--json") == 0
    alone, tool = json.loads(capsys.readouterr().out)
    assert (alone["source"], alone["digest"]) == ("none", "unresolved")
    assert tool == {
        "artifact": "tool",
        "version": "v1.2.3",
        "arch": "amd64",
        "source": "release",
        "cached": "no",
        "digest": "pinned",
        "licence": "MIT",
    }
    assert run(versions, "fetch", "tool", "--arch", "amd64", "--json") == 0
    (made,) = json.loads(capsys.readouterr().out)
    assert made["is_new"]
    path = Path(made["files"]["tool"]["path"])
    assert made["files"]["tool"]["sha256"] == SHA
    assert run(versions, "list", "--arch", "amd64") == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert line.split() == [
        "tool",
        "v1.2.3",
        "amd64",
        "release",
        "yes",
        "pinned",
        "MIT",
    ]
    path.write_bytes(b"damaged")
    assert run(versions, "list", "--arch", "amd64") == 0
    assert "damaged" in capsys.readouterr().out


def test_fetch_without_names_takes_what_can_be_had_and_names_the_rest(
    versions: Versions, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(versions, "fetch", "--arch", "amd64") == 0
    said = capsys.readouterr()
    assert "left out: artifact alone v1.2.3 amd64: the sha256 of tool" in said.err
    assert "tool v1.2.3 amd64: made, 1 files, 0 MB, by release" in said.err
    assert said.out == ""


def test_fetch_by_name_refuses_what_is_unresolved(
    versions: Versions, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(versions, "fetch", "alone") == 2
    assert "remedy: run `make pins`" in capsys.readouterr().err
    assert run(versions, "fetch", "tol") == 2
    assert "use one of: alone, tool" in capsys.readouterr().err


def test_pins_finds_what_is_stale_and_writes_it(
    versions: Versions, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(versions, "pins") == 0
    assert capsys.readouterr().out.startswith("1 go.mod files agree")
    file = versions.root / "tools" / "tool" / "go.mod"
    right = file.read_text(encoding="utf-8")
    file.write_text(right.replace("go 1.", "go 1.1"), encoding="utf-8")
    assert run(versions, "pins", "--json") == 2
    said = capsys.readouterr()
    assert len(json.loads(said.out)["stale"]) == 1
    assert "remedy: run `forge artifacts pins --write`" in said.err
    assert run(versions, "pins", "--write") == 0
    assert file.read_text(encoding="utf-8") == right


def test_pins_fills_in_a_sum_and_sorts_the_file(
    versions: Versions, capsys: pytest.CaptureFixture[str]
) -> None:
    right = versions.path.read_text(encoding="utf-8")
    module = versions.artifact("tool").module
    assert module is not None
    text = right.replace(module.sums[MODULE], "unresolved")
    first, _, rest = text.partition("debian:\n")
    versions.path.write_text(f"debian:\n{rest}{first}", encoding="utf-8")
    assert run(versions, "pins") == 2
    assert "not in its fixed form" in capsys.readouterr().err
    assert run(versions, "pins", "--write") == 0
    assert versions.path.read_text(encoding="utf-8") == right


def test_resolve_writes_only_when_everything_was_found(
    versions: Versions, vendor: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    before = versions.path.read_bytes()
    assert run(versions, "resolve") == 1
    assert "tool.sha256: HTTP 404" in capsys.readouterr().err
    assert versions.path.read_bytes() == before
    vendor.publishes("tool.sha256", f"{SHA}  tool\n".encode())
    assert run(versions, "resolve") == 0
    assert "review the diff" in capsys.readouterr().out
    # Of images, which this command does not ask for, some may still be.
    after = yaml.safe_load(versions.path.read_bytes())["artifacts"]
    assert "unresolved" not in json.dumps(after)
    assert run(versions, "resolve") == 0
    assert "every digest agrees" in capsys.readouterr().out


def test_a_wrong_checksum_is_told_with_both_digests(
    versions: Versions, vendor: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.publishes("tool", b"other")
    assert run(versions, "fetch", "tool", "--arch", "amd64") == 1
    err = capsys.readouterr().err
    assert f"pinned   sha256 {SHA}" in err
    assert f"received sha256 {hashlib.sha256(b'other').hexdigest()}" in err


def test_ctrl_c_leaves_nothing_and_the_next_run_goes_on(
    module_checkout: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = module_checkout({"tool": built()})
    monkeypatch.setenv("GOCACHE", str(tmp_path / "empty"))  # so that it takes a while
    words = ["artifacts", "fetch", "tool", "--versions", str(versions.path)]
    # A run in the background of a shell ignores the signal, and so do its children.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "forge", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "building its Go module" in process.stderr.readline()
        time.sleep(1)  # into the compilation, which takes several seconds
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert "interrupted; run the same command to go on" in err
    left = (tmp_path / "cache" / "artifacts" / "tool").iterdir()
    assert [path.name for path in left if not path.name.startswith(".lock")] == []
    monkeypatch.delenv("GOCACHE")
    assert run(versions, "fetch", "tool") == 0


def test_toolchain_prints_the_go_that_builds(
    versions: Versions, go: Toolchain, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(versions, "toolchain") == 0
    assert capsys.readouterr().out == f"{go.go}\n"
    assert run(versions, "toolchain", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"go": str(go.go), "version": go.version}


def test_the_projects_own_pins_agree(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CHECKOUT / "tools" / "etcd")
    assert main(["artifacts", "pins"]) == 0
    assert f"agree with {CHECKOUT / pinfile.FILE}" in capsys.readouterr().out


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 0.0, 1.0, 16.0, 17.0, 30.0])
    monkeypatch.setattr("forge.artifacts.display.time.monotonic", lambda: next(now))
    log = io.StringIO()
    display = Display(Console(file=log, width=40))
    for done in range(4):
        display.update("building x", done, 9, "packages")
    display.note("a [note] longer than the width of the console that shows it")
    assert log.getvalue().splitlines() == [
        "building x: 1 of at most 9 packages, 16 s",
        "a [note] longer than the width of the console that shows it",
    ]


def test_a_terminal_shows_the_running_step() -> None:
    screen = io.StringIO()
    with Display(Console(file=screen, force_terminal=True, width=100)) as display:
        display.update("building x", 5, 9, "packages")
        display.update("downloading y", 1_500_000, 3_000_000, "bytes")
        display.note("a note")
    shown = screen.getvalue()
    assert "a note" in shown
    assert "1.5/3.0 MB" in shown
