"""Variables in front of a command."""

import pytest

from clawlaw.core.actions import Opaque
from clawlaw.core.shell.words import UNKNOWN, Invocation, Word
from clawlaw.policy.profile_examples import Recorder
from clawlaw.policy.profiles import builtin

CASES = [
    # A listed program may act on any variable that nobody looked at.
    ("ls", "LC_ALL", "C", True),
    ("ls", "FOO", "1", False),
    ("ls", "LD_PRELOAD", "/srv/x.so", False),
    ("zip", "ZIPOPT", "-T -TT x", False),
    ("grep", "GREP_COLORS", "x", True),
    ("man", "PAGER", "cat", True),
    ("man", "PAGER", "sh -c id", False),
    # The project's own code has variables of its own.
    ("pytest", "DATABASE_URL", "sqlite:///x.db", True),
    ("pytest", "PYTHONPATH", "src:lib", True),
    ("pytest", "PYTHONPATH", "/w/src", True),
    ("pytest", "PYTHONPATH", "/srv/x", False),
    ("pytest", "PYTHONPATH", "src:../x", False),
    ("pytest", "PYTHONPATH", UNKNOWN, False),
    ("pytest", "API_KEY", UNKNOWN, True),
    ("pytest", "PYTEST_ADDOPTS", "-p x", False),
    ("go", "GOFLAGS", "-toolexec=./x", False),
    ("cargo", "RUSTC_WRAPPER", "./x", False),
    ("jest", "NODE_OPTIONS", "--require=./x", False),
    ("jest", "SETUP", "$(id)", False),
    ("jest", "CXXFLAGS", "-O2 -I/srv/x", False),
    ("jest", "CXXFLAGS", "-O2 -Iinclude", True),
    ("jest", "CXXFLAGS", "-O2 -fplugin=./x", False),
    ("jest", "CXXFLAGS", "-Wall -Wl,-x", False),
    ("jest", "LOG", "~/x", False),
    ("jest", "API", "http://localhost:3000/x", True),
    ("jest", "HOST", "0.0.0.0", False),  # noqa: S104  # refused
    ("jest", "API", "https://e.example/x", False),
    ("jest", "RUSTUP_DIST_SERVER", "x", False),
    ("go", "GOCACHEPROG", "./x", False),
    ("go", "CGO_CFLAGS", "-O2", False),
    ("pdflatex", "shell_escape", "t", False),
]


@pytest.mark.parametrize(("program", "name", "value", "quiet"), CASES)
def test_variables(
    program: str,
    name: str,
    value: str,
    quiet: bool,  # noqa: FBT001  # a table's column
) -> None:
    profile = builtin().lookup(program)
    assert profile
    recorder = Recorder()
    words = [Word("test")] if program in {"go", "cargo"} else [Word("a")]
    given = ((name, Word(value)),)
    invocation = Invocation(Word(program), words, environment=given, cwd="/w")
    profile.apply(invocation, recorder)
    assert (not any(isinstance(e, Opaque) for e in recorder.effects)) is quiet


def test_a_judge_of_a_language_is_asked_about_variables_as_well() -> None:
    profile = builtin().lookup("awk")
    assert profile
    recorder = Recorder()
    words = [Word("{print}"), Word("a")]
    invocation = Invocation(
        Word("awk"), words, environment=(("AWKPATH", Word("/srv")),), cwd="/w"
    )
    profile.apply(invocation, recorder)
    assert any(isinstance(e, Opaque) for e in recorder.effects)
