"""python: short programs that compute are understood, everything else is code."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.actions import ProcessExec
from clawlaw.core.shell.lang.python_ast import read_program
from clawlaw.core.shell.lang.python_program import PythonError
from clawlaw.core.shell.words import Input, Word

from .conftest import Judged, Recorder


def effects(found: Recorder) -> list[str]:
    """What is said, without the modules that files may shadow."""
    return [said for said in found.said if not said.startswith("process.exec")]


def program(judged: Judged, text: str, *arguments: str) -> Recorder:
    words = [Word("python3"), Word("-c"), Word(text), *map(Word, arguments)]
    return judged(words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print(1+1)", []),
        ("print('a' * 3, sep='')", []),
        ("import json,sys; print(json.load(sys.stdin)['a'])", []),
        (
            "import json\nd = json.load(open('package.json'))\nprint(d['version'])",
            ["file.read /workspace/package.json"],
        ),
        (
            (
                "import json\nwith open('a.json', encoding='utf-8') as f:\n"
                "    for k, v in json.load(f).items():\n        print(f'{k}: {v!r:>9}')"
            ),
            ["file.read /workspace/a.json"],
        ),
        ("print([x**2 for x in range(10) if x % 2])", []),
        ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nprint(f(5))", []),
        ("import sys; print(open(sys.argv[1]).read())", ["file.read /workspace/f.txt"]),
        ("from datetime import datetime as d; print(d.now().isoformat())", []),
        ("import re; print(re.sub(r'\\d+', lambda m: m.group(0) * 2, 'a1'))", []),
        ("import os; print(os.environ['HOME'])", ["environment.read ('HOME',)"]),
        ("import os; print(os.getenv('HOME', ''))", ["environment.read ('HOME',)"]),
        ("import os; print(dict(os.environ))", ["environment.read ()"]),
        (
            "import os; print(os.path.exists('a'))",
            ["file.read /workspace/a what=attributes"],
        ),
        ("import os; print(os.listdir())", ["file.read /workspace what=attributes"]),
        (
            "open('out.txt', 'w').write('x')",
            ["file.write /workspace/out.txt how=create"],
        ),
        (
            "open('out.txt', mode='a').write('x')",
            ["file.write /workspace/out.txt how=append"],
        ),
        (
            "from pathlib import Path; print(len(Path('a.txt').read_text().split()))",
            ["file.read /workspace/a.txt"],
        ),
        (
            "import pathlib; pathlib.Path('b').write_text('x')",
            ["file.write /workspace/b how=create"],
        ),
        ("print('{:>5} {a}'.format(1, a=2))", []),
        ("import hashlib; print(hashlib.sha256(b'x').hexdigest())", []),
        ("import sys; print(sys.version_info >= (3, 12))", []),
        ("import sys; print(sys.path)", []),
        ("import yaml; print(yaml.safe_load(open('a')))", ["file.read /workspace/a"]),
        ("if __name__ == '__main__':\n    print(1)", []),
        ("print(open(0).read(), type(1), format(1, 'x'))", []),
        ("import os.path\nprint(os.path.join('a', 'b'), os.sep)", []),
        (
            "from os.path import join, isfile\nprint(isfile('a'))",
            ["file.read /workspace/a what=attributes"],
        ),
        ("from __future__ import annotations\ndef f(x: int, y=1) -> int: return x", []),
        ("x = y = [1]; x[0] = 2; (a, *b), c = [1, 2], 3; print(x, a, b, c)", []),
        ("print((n := 5), *[1], **{'sep': ''})", []),
        (
            "from pathlib import Path; print(Path('a', 'b').exists())",
            ["file.read /workspace/a/b what=attributes"],
        ),
        ("try:\n    print(int('x'))\nexcept ValueError as e:\n    print(e)", []),
        ("import collections as c; print(c.Counter('abca').most_common(1))", []),
    ],
)
def test_programs_that_compute(judged: Judged, text: str, said: list[str]) -> None:
    found = program(judged, text, "f.txt")
    assert effects(found) == said
    assert found.clean


@pytest.mark.parametrize(
    "text",
    [
        "import os; os.system('id')",
        "from os import system",
        "import shutil; shutil.rmtree('/')",
        "import subprocess",
        "import socket",
        "import ctypes",
        "import urllib.request",
        "import importlib",
        "import os as json; json.system('id')",
        "from os import *",
        "from . import x",
        "exec('x')",
        "eval('1')",
        "__import__('os').system('id')",
        "getattr(__builtins__, 'exec')('x')",
        "x = open; x('/etc/shadow')",
        "list(map(open, ['/etc/shadow']))",
        "open(input())",
        "open('a' + 'b')",
        "open(f'{1}')",
        "open('a', input())",
        "open('a', 'r', -1, None, None, None, True, print)",
        "open('a', opener=print)",
        "open(*['/etc/shadow'])",
        "import sys; open(sys.argv[9])",
        "import sys; sys.modules['os'].system('id')",
        "import sys; sys._getframe()",
        "import sys; sys.path.insert(0, '/x'); import json",
        "import sys, json; print(sys.path)",
        "from sys import path; path.insert(0, '/x'); import json",
        "import random; random._os.system('id')",
        "import json; json.codecs.open('x')",
        "import json; json.decoder.scanner",
        "from json import codecs",
        "import typing; typing.sys.modules",
        "().__class__.__base__.__subclasses__()",
        "print('{0.__class__}'.format(1))",
        "print('{0.\\x5f\\x5fclass\\x5f\\x5f}'.format(1))",
        "print('{0.x}'.format(1))",
        "print('{0[x]}'.format({}))",
        "print('{:{}}'.format(1, 2))",
        "f = '{}'; print(f.format(1))",
        "print(list(map(str.format, ['x'])))",
        "(x for x in [1]).gi_frame.f_globals",
        "class A: pass",
        "@print\ndef f(): pass",
        "type('A', (), {})",
        "import sys; sys.stdout = None",
        "import json; json.loads = print",
        "print(vars())",
        "globals()['x']",
        "lambda: __import__('os')",
        "print(f'{__import__(chr(111))}')",
        "print(1)\rimport os",
        "print(1)\x0cimport os",
        "# coding: utf-7\nprint(1)",
        "\uff45xec('x')",
        "import json; print(json)",
        "import os; print(os.path)",
        "import os; f = os.listdir; f('/')",
        "import os; os.remove('x')",
        "import os; os.environ.copy().x",
        "from pathlib import Path; Path('x').unlink()",
        "from pathlib import Path; p = Path('x')",
        "from pathlib import Path; Path('a', '/etc/x').read_text()",
        "from pathlib import Path; Path(input()).read_text()",
        "import pathlib; print(pathlib.Path)",
        "import pickle; pickle.loads(b'')",
        "from functools import partial; partial(open, '/etc/shadow')()",
        "del exec; exec('x')",
        "exec = print; exec('x')",
        "print(\ufffd)",
        "print(",
        "import json.tool",
        "from collections import namedtuple as eval; eval('x', 'y')",
        "breakpoint()",
        "help()",
        "import code; code.interact()",
        "import time, os; os.kill(1, 9)",
        "raise SystemExit(__builtins__)",
        "_x = 1; print(_x)",
        "global x",
        "match 1:\n    case _: pass",
        "print(object)",
        "import antigravity",
        "import yaml; yaml.load('!!python/object/apply:os.system [id]')",
        "x = 1\n" * 4000,
        "[" * 120 + "]" * 120,
        "(" * 110 + "1" + ")" * 110,
        "import os; os.path.exists()",
        "import os; os.path.exists(x for x in 'a')",
        "open()",
        "open('a', 'q')",
        "open('a', mode='wq')",
        "open(1)",
        "print(1" + " + 1" * 7000 + ")",
        "x.y = 1",
        "x[0].y = 1",
        "for x.y in [1]: pass",
        "import os.path as p; print(p)",
        "from os.path import exists as e",
        "open(b'a')",
        "open('\\x61')",
        "from pathlib import Path; Path('x').parent",
        "print(sys)",
        "yield 1",
        "from __future__ import annotations; exec('x')",
        "while True: open('x', 'a').write('y')",
    ],
)
def test_everything_else_is_code(judged: Judged, text: str) -> None:
    assert not program(judged, text).clean


@pytest.mark.parametrize(
    ("line", "stdin", "code"),
    [
        ("python3", Input(), "none"),
        ("python3 --version", Input(), "none"),
        ("python3 -", Input("agent", "print(1)"), "none"),
        ("python3", Input("agent", "import os; os.system('id')"), "input"),
        ("python3 -", Input("network"), "input"),
        ("python3 script.py", Input(), "file"),
        ("python3 -u script.py --x", Input(), "file"),
        ("python3 -X dev -W error script.py", Input(), "file"),
        ("python3 -m unittest", Input(), "project"),
        ("python3 -m http.server", Input(), "unknown"),
        ("python3 -m http.server --help", Input(), "none"),
        ("python3 -m timeit -s x", Input(), "unknown"),
        ("python3 -Ic 'print(1)'", Input(), "none"),
        ("python3 -c'print(1)'", Input(), "none"),
        ("python3 -i -c 'print(1)'", Input(), "unknown"),
        ("python3 --help-x", Input(), "unknown"),
        ("python3 -c %%", Input(), "inline"),
    ],
)
def test_what_decides_what_runs(
    judged: Judged, line: str, stdin: Input, code: str
) -> None:
    (first, *_) = judged(line, stdin).effects
    assert isinstance(first, ProcessExec)
    assert first.code == code


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("python3 -m json.tool a.json", ["file.read /workspace/a.json"]),
        (
            "python3 -m venv .venv",
            ["file.write /workspace/.venv how=directory source=program"],
        ),
        (
            "python3 -m compileall -q src",
            ["file.write /workspace/src recursive how=create source=program"],
        ),
        ("python3 -c", []),
        (
            "python3 -m py_compile src/a.py",
            [
                "file.read /workspace/src/a.py",
                (
                    "file.write /workspace/src/__pycache__ recursive"
                    " how=create source=program"
                ),
            ],
        ),
    ],
)
def test_modules_of_the_standard_library(
    judged: Judged, line: str, said: list[str]
) -> None:
    found = judged(line)
    assert effects(found) == said
    assert found.clean


@pytest.mark.parametrize(
    "line",
    [
        "python3 -m json.tool a b",
        "python3 -m venv --system-site-packages .venv",
        "python3 -m json.tool --json-lines a",
    ],
)
def test_more_than_a_module_is_known_to_do(judged: Judged, line: str) -> None:
    assert not judged(line).clean


def test_modules_that_are_programs(judged: Judged) -> None:
    assert judged("python3 -m pytest -q tests").runs == ["pytest -q tests"]


def test_a_module_beside_the_program_counts_as_a_script(judged: Judged) -> None:
    found = program(judged, "import json, sys, os.path")
    scripts = [e.script for e in found.effects if isinstance(e, ProcessExec)]
    assert scripts == ["", "/workspace/json.py", "/workspace/json/__init__.py"]


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONSTARTUP", "PYTHONBREAKPOINT"])
def test_variables_that_load_code(judged: Judged, name: str) -> None:
    assert not judged("python3 -c 'print(1)'", **{name: "/opt"}).clean


PIECES = st.sampled_from(
    [
        "import os",
        "json",
        "open",
        "(",
        ")",
        "'a'",
        ".",
        "x",
        "=",
        "\n",
        " ",
        "lambda:",
        "[",
        "]",
        ":",
        "__",
        "exec",
        "print",
        "1",
        ";",
        "def f():",
        "import json",
        "f'{",
        "}'",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_program_breaks_the_reader(text: str) -> None:
    try:
        read_program(text, ["-c"])
    except PythonError:
        return
    code = text.replace("'a'", "")
    assert "exec(" not in code or "def f" in code or "'" in code
    assert "os." not in code


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        ["print(1)", "x = [1]", "import json", "def g(a): return a", "'t'"]
    ),
    st.sampled_from([";", "\n", "\n\n", "\n# c\n"]),
    st.sampled_from(
        ["exec('x')", "import os; os.system('x')", "().__class__", "open(x)", "eval(x)"]
    ),
)
def test_what_is_harmful_stays_so_after_anything(
    before: str, between: str, harmful: str
) -> None:
    with pytest.raises(PythonError):
        read_program(before + between + harmful, ["-c"])


def test_variables_that_load_nothing(judged: Judged) -> None:
    assert judged("python3 -c 'print(1)'", PYTHONUNBUFFERED="1").clean
