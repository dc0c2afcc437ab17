"""A runner of GitHub's workflow files, for tests: what of them this repository uses.

Every ``run`` is run by bash as GitHub runs it, in a clone, with the environment that
GitHub documents. Doubles, by name, stand in for what only GitHub has:

- the actions (``ACTIONS``): checkout is the clone that is there already, setup-python
  answers with the Python of the tests, cache does nothing, upload-artifact copies;
- expressions: contexts are looked up in a table, a name that is not in it is an error.

Source: GitHub Docs, "Workflow syntax", "Contexts", "Default environment variables".
"""

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_TOKEN = re.compile(
    r"\s*(?P<word>&&|\|\||==|!=|!|\(|\)|'[^']*'|always\(\)|hashFiles\([^)]*\)|[A-Za-z_][\w.-]*)"
)
_PYTHON = {"&&": "and", "||": "or", "!": "not", "==": "==", "!=": "!="}


@dataclass
class Clone:
    """A checkout of its own, with the files of this one as they are."""

    path: Path
    environment: dict[str, str]
    uploads: Path


@dataclass
class Result:
    """One step's end: its exit status, what it printed, and its outputs."""

    name: str
    status: int
    printed: str
    outputs: dict[str, str] = field(default_factory=dict)


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:
    """Return the value of an expression; ``always()`` and a success are true.

    Raises:
        KeyError: A context is not among those that were given.
        ValueError: It is more than the operators above and names.
    """
    text = expression.strip()
    found = _EXPRESSION.fullmatch(text)
    text = found[1] if found else text
    words: list[str] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"cannot read {text[at:]!r} of {expression!r}")
        word, at = token["word"], token.end()
        if word in _PYTHON or word in "()":
            words.append(_PYTHON.get(word, word))
        elif word.startswith("'"):
            words.append(repr(word[1:-1]))
        elif word == "always()":
            words.append("True")
        else:  # a digest of files only has to be some text
            is_digest = word.startswith("hashFiles(")
            words.append(repr("digest" if is_digest else contexts[word]))
    return eval(" ".join(words), {"__builtins__": {}})  # noqa: S307 - literals and operators alone


def fill(text: str, contexts: Mapping[str, Any]) -> str:
    """Replace every expression of a text by its value."""
    return _EXPRESSION.sub(lambda found: str(evaluate(found[1], contexts)), text)


def load(file: Path) -> dict[str, Any]:
    """Read a workflow; its ``on`` is a string here, not YAML 1.1's true."""
    raw = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - strings alone
    assert isinstance(raw, dict)
    return raw


def matrix(job: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the contexts of every combination of a job's matrix."""
    axes = job.get("strategy", {}).get("matrix", {})
    for values in itertools.product(*axes.values()):
        yield {
            f"matrix.{name}": value for name, value in zip(axes, values, strict=True)
        }


def play(
    job: Mapping[str, Any], clone: Clone, contexts: Mapping[str, Any]
) -> list[Result]:
    """Play a job's steps in order; after one failed, only those with ``always()``."""
    known = dict(contexts)
    results: list[Result] = []
    for number, step in enumerate(job["steps"]):
        condition = step.get("if", "")
        failed = any(result.status for result in results)
        if failed and "always()" not in condition:
            continue
        if condition and not evaluate(condition, known):
            continue
        result = (
            _use(step, clone, known)
            if "uses" in step
            else _run(step, job, clone, known, number)
        )
        for name, value in result.outputs.items():
            known[f"steps.{step.get('id', number)}.outputs.{name}"] = value
        results.append(result)
    return results


def _run(
    step: Mapping[str, Any],
    job: Mapping[str, Any],
    clone: Clone,
    contexts: Mapping[str, Any],
    number: int,
) -> Result:
    files = {
        name: clone.path.parent / f"{name.lower()}-{number}"
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV")
    }
    for file in files.values():
        file.touch()
    given = {**job.get("env", {}), **step.get("env", {})}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-c", fill(step["run"], contexts)],
        cwd=clone.path,
        env={
            **clone.environment,
            **{name: str(file) for name, file in files.items()},
            **{name: fill(value, contexts) for name, value in given.items()},
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    said = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
    outputs = dict(line.split("=", 1) for line in said)
    outputs["summary"] = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
    return Result(step["name"], done.returncode, done.stdout, outputs)


def _use(step: Mapping[str, Any], clone: Clone, contexts: Mapping[str, Any]) -> Result:
    name = step["uses"].split("@")[0]
    given = {key: fill(value, contexts) for key, value in step.get("with", {}).items()}
    status, outputs = ACTIONS[name](given, clone)
    return Result(name, status, "", outputs)


def _checkout(given: Mapping[str, str], clone: Clone) -> tuple[int, dict[str, str]]:
    assert given["persist-credentials"] == "false"
    assert (clone.path / ".git").is_dir()
    return 0, {}


def _python(given: Mapping[str, str], _: Clone) -> tuple[int, dict[str, str]]:
    assert given["python-version"] in {"3.12", "3.13"}
    return 0, {"python-path": sys.executable}


def _cache(given: Mapping[str, str], _: Clone) -> tuple[int, dict[str, str]]:
    assert given["path"]
    assert given["key"]
    return 0, {}


def _upload(given: Mapping[str, str], clone: Clone) -> tuple[int, dict[str, str]]:
    source = clone.path / given["path"]
    if not source.is_dir():
        return 1, {}
    shutil.copytree(source, clone.uploads / given["name"])
    return 0, {}


ACTIONS = {
    "actions/checkout": _checkout,
    "actions/setup-python": _python,
    "actions/cache": _cache,
    "actions/upload-artifact": _upload,
}


def make_clone(root: Path, folder: Path) -> Clone:
    """Clone this checkout as it is, files that are not committed included.

    Its environment is the one that runs the tests: programs are linked from there, and
    packages are those of the clone.
    """
    path, uploads = folder / "checkout", folder / "uploads"
    git(
        folder,
        "clone",
        "--quiet",
        "--no-local",
        "--depth=1",
        f"file://{root}",
        str(path),
    )
    listed = git(
        root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"
    ).split("\0")
    present = [name for name in listed if name and (root / name).is_file()]
    for file in git(path, "ls-files", "-z").split("\0"):
        if file and file not in present:
            (path / file).unlink()
    for name in present:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, path / name, follow_symlinks=False)
    commit(path, "As it is")
    programs = path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for program in Path(sys.executable).parent.iterdir():
        # An interpreter finds its packages by its own path: it is called, not linked.
        if program.name.startswith("python"):
            write_program(programs / program.name, f'exec {program} "$@"')
        elif program.is_file():
            (programs / program.name).symlink_to(program)
    (path / ".venv" / ".installed").touch()
    uploads.mkdir()
    kept = ("PATH", "HOME", "LANG", "FORGE_CACHE", "GOPROXY", "GOFLAGS")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    return Clone(
        path,
        {
            **environment,
            "PYTHONPATH": str(path / "src"),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "steward",
            "GITHUB_REPOSITORY": "example/forge",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SHA": git(path, "rev-parse", "HEAD").strip(),
            "GITHUB_WORKSPACE": str(path),
        },
        uploads,
    )


def write_program(path: Path, text: str) -> None:
    """Write a shell program in place of what is there."""
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, as nobody in particular; returns what it prints."""
    who = ["-c", "user.name=Test", "-c", "user.email=test@forge.test"]
    return subprocess.run(
        ["git", *who, "-c", "commit.gpgsign=false", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def commit(folder: Path, subject: str) -> None:
    """Commit everything in a folder, if there is anything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", subject)
