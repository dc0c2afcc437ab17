"""Bounds to command line, by a file that a person can read."""

from pathlib import Path

import pytest

from clawlaw.executor import sandbox
from clawlaw.executor.bounds import Bounds, environment, is_secret_name, within
from clawlaw.executor.sandbox import Descriptors, Host

GOLDEN = Path(__file__).parents[3] / "fixtures" / "executor"
HOST = Host(
    roots=("/usr", "/etc"),
    links={"/bin": "usr/bin", "/lib": "usr/lib"},
    kinds={
        "/work": "directory", "/work/.env": "file", "/work/.ssh": "directory",
        "/work/.git/hooks": "directory", "/etc/shadow": "file", "/data": "directory",
    },
    python="/opt/clawlaw/bin/python3",
    library=("/opt/clawlaw",),
)  # fmt: skip
BOUNDS = Bounds(
    cwd="/work",
    home="/home/agent",
    write=("/work",),
    read=("/data", "/absent"),
    hide=("/work/.env", "/work/.ssh", "/etc/shadow", "/work/gone"),
    keep=("/work/.git/hooks",),
    network="gate",
    socket="/run/gate/executor.sock",
)


def options(bounds: Bounds = BOUNDS, **places: int) -> list[str]:
    """The options of a command."""
    given = {f"/{name}": fd for name, fd in places.items()}
    return sandbox.options(bounds, HOST, Descriptors(7, 8, given))


def lines(words: list[str]) -> str:
    """One option a line."""
    text = ""
    for word in words:
        text += ("\n" if word.startswith("--") and text else " " if text else "") + word
    return text + "\n"


def test_the_command_line_is_the_golden_one() -> None:
    assert lines(options()) == (GOLDEN / "bubblewrap.txt").read_text()


def test_the_last_steps_are_the_golden_ones() -> None:
    words = sandbox.inside(BOUNDS, HOST, sandbox.shell("make test"))
    assert "\n".join(words) + "\n" == (GOLDEN / "inside.txt").read_text()


def test_a_held_place_is_bound_by_its_descriptor() -> None:
    words = options(work=11)
    assert words[words.index("11") - 1 :][:3] == ["--bind-fd", "11", "/work"]


def test_masks_come_after_what_they_cover() -> None:
    words = options()
    assert words.index("/work/.env") > words.index("/work")
    assert words.index("/etc/shadow") > words.index("/etc")


def test_without_the_gate_no_socket_is_there() -> None:
    words = options(Bounds(cwd="/work", home="/home/agent", write=("/work",)))
    assert not any("gate" in word for word in words)


def test_no_variable_of_the_executor_is_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_TOKEN", "secret")
    assert "GATE_TOKEN" not in environment(BOUNDS)


@pytest.mark.parametrize(
    "name",
    [".env", ".ENV", ".env.local", "prod.env", ".ssh", "id_rsa", "id_ed25519",
     ".netrc", "keys.p12", ".git-credentials"],
)  # fmt: skip
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", [".env.example", "id_rsa.pub", "environment.py", ".envrc", "README", "env"]
)
def test_an_ordinary_name_is_none(name: str) -> None:
    assert not is_secret_name(name)


def test_a_gate_may_add_names() -> None:
    assert is_secret_name("token.txt", ("token*",))


def test_within_does_not_compare_halves_of_names() -> None:
    assert within("/work/a", ("/work",))
    assert within("/work", ("/work",))
    assert not within("/workspace-evil", ("/work",))
    assert within("/anything", ("/",))
