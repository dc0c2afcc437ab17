"""The testbed as a person drives it: `forge testbed` commands, one after another."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge import paths
from forge.testbed.state import Folder

type Forge = Callable[..., subprocess.CompletedProcess[str]]

CHECKOUT = paths.checkout(Path(__file__).parent)


def forge_command(
    *words: str, check: bool = True, timeout: float = 1200
) -> subprocess.CompletedProcess[str]:
    """Run one `forge` command in the checkout and show its output with a failure."""
    done = subprocess.run(
        [sys.executable, "-m", "forge", *words],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    print(done.stdout[-6000:], done.stderr[-3000:])  # noqa: T201 - shown on failure
    if check:
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def approved_command(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command; what the change gate asks about, the drill's steward approves."""
    done = forge_command(*words, **{**more, "check": False})
    asked = re.search(r"clawlaw steward approve (e\d+)", done.stdout + done.stderr)
    if asked is None:
        if more.get("check", True):
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done
    folder = "/var/lib/clawlaw-drill"
    forge_command(
        "testbed", "ssh", "m4-pro", "runuser", "-u", "clawlaw-steward", "--",
        "/opt/clawlaw/current/bin/clawlaw", "steward", "approve", asked[1],
        "-m", "test", "--yes", "--key", f"{folder}/steward.pem",
        "--passphrase-file", f"{folder}/passphrase",
    )  # fmt: skip
    return forge_command(*words, **more)


@pytest.fixture(scope="session")
def forge() -> Forge:
    return approved_command


@pytest.fixture(scope="session")
def folder() -> Folder:
    """``.testbed`` of this run (``FORGE_TESTBED`` names another)."""
    return Folder(CHECKOUT)


@pytest.fixture(scope="session")
def testbed(forge: Forge, folder: Folder) -> Folder:
    """The testbed, up; the last test of the module takes it down."""
    forge("testbed", "up")
    return folder


@pytest.fixture(scope="session")
def ssh(forge: Forge) -> Callable[..., str]:
    """Run a command on a host of the testbed and return what it printed."""

    def run(host: str, *words: str, check: bool = True) -> str:
        return forge("testbed", "ssh", host, *words, check=check).stdout

    return run


@pytest.fixture(scope="session")
def hosts(testbed: Folder) -> list[str]:
    """The names of the eight hosts."""
    inventory = yaml.safe_load((testbed / "inventory.yml").read_text())
    return sorted(inventory["all"]["hosts"])


@pytest.fixture(scope="session")
def site(forge: Forge) -> Callable[..., dict[str, int]]:
    """Run site.yml, with other variables if given; returns changes per host."""

    def run(**variables: Any) -> dict[str, int]:
        words = ["--extra", json.dumps(variables)] if variables else []
        done = forge("testbed", "site", "--json", *words)
        changed: dict[str, int] = json.loads(done.stdout.splitlines()[-1])["changed"]
        return changed

    return run
