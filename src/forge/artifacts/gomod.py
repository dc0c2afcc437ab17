"""Generate the pins in tools/PART/go.mod from versions.yml, and compare them.

Generated are the ``go`` line, the ``tool`` and ``replace`` directives and the
versions of the modules that versions.yml names; the other requirements are what
``go mod tidy`` derives. go.sum is Go's own; versions.yml repeats the checksums of
the modules that it names, and both must agree.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from forge.artifacts.errors import BuildError, PinError, UnresolvedError
from forge.artifacts.pins import UNRESOLVED, ArtifactPin, Module, Pins, Versions
from forge.artifacts.toolchain import Toolchain

_REMEDY = "run `forge artifacts pins --write`, review the diff, commit it"
_STAGED = re.compile(r"^\s*(?:replace\s+)?(\S+) => \./staging/src/")
_TIMEOUT = 900  # seconds for Go to fetch what `go mod tidy` looks at


@dataclass(frozen=True)
class Statement:
    """One directive of a go.mod file with the lines inside its brackets."""

    verb: str
    lines: tuple[str, ...]
    is_block: bool


def statements(text: str) -> Iterator[Statement]:
    """Split go.mod into its directives.

    Source: Go Modules Reference, go.mod files, lexical elements and grammar.
    """
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip():
            continue
        verb, _, rest = line.partition(" ")
        if rest.strip() != "(":
            yield Statement(verb, (rest,), is_block=False)
            continue
        inside = []
        for inner in lines:
            if inner.strip() == ")":
                break
            inside.append(inner.strip())
        yield Statement(verb, tuple(inside), is_block=True)


def render(text: str, pin: ArtifactPin, go: str, staged: Iterable[str]) -> str:
    """Return go.mod with every generated pin as versions.yml has it.

    Args:
        text: The file as it is; at least its ``module`` line.
        pin: The artifact, which has a module.
        go: The oldest Go that may build, such as ``1.26.6``.
        staged: The modules that upstream keeps in its own tree.
    """
    module = _module(pin)
    kept = []
    missing = dict.fromkeys(module.sums, pin.version)
    for statement in statements(text):
        if statement.verb in {"go", "tool", "replace"}:
            continue
        lines = statement.lines
        if statement.verb == "require":
            lines = tuple(_required(line, module, pin.version) for line in lines)
            for line in lines:
                missing.pop(line.split(" ")[0], None)
        kept.append(_shown(statement.verb, lines, is_block=statement.is_block))
        if statement.verb == "module":
            kept.append(f"go {go}\n")
    kept += [
        f"require {path} {version} // indirect\n" for path, version in missing.items()
    ]
    kept.append(_block("tool", sorted(module.programs.values())))
    replaced = [f"{path} => {other}" for path, other in sorted(module.replaces.items())]
    if module.staging is not None:
        replaced += [f"{path} => {path} {module.staging}" for path in sorted(staged)]
    if replaced:
        kept.append(_block("replace", replaced))
    return "\n".join(kept)


def staged_here(text: str) -> list[str]:
    """Return the modules that a go.mod replaces, whatever their version."""
    return [
        line.split(" => ")[0]
        for statement in statements(text)
        if statement.verb == "replace"
        for line in statement.lines
    ]


def differences(name: str, versions: Versions) -> list[str]:
    """Return what is not as versions.yml says, one line each; empty if nothing."""
    pin = versions.artifact(name)
    folder = versions.root / "tools" / name
    try:
        text = (folder / "go.mod").read_text(encoding="utf-8")
        sums = (folder / "go.sum").read_text(encoding="utf-8")
    except OSError as error:
        return [f"{folder}: {error.strerror}: {error.filename}"]
    wanted = render(text, pin, versions.pins.go.minimum, staged_here(text))
    found = [
        f"{folder / 'go.mod'}: is `{old}`, versions.yml says `{new}`"
        for old, new in _changed(text, wanted)
    ]
    for path, expected in _module(pin).sums.items():
        actual = _sum(sums, path, pin.version)
        if expected not in (actual, UNRESOLVED):
            found.append(
                f"artifacts.{name}.module.sums.{path}: is {expected}, "
                f"{folder / 'go.sum'} has {actual or f'no {pin.version}'}"
            )
    return found


def require_current(name: str, versions: Versions) -> None:
    """Refuse to build from a module that is not the pinned one.

    Raises:
        PinError: go.mod or go.sum differs from versions.yml.
        UnresolvedError: A module's checksum is not known yet.
    """
    found = differences(name, versions)
    if found:
        raise PinError("\n  ".join([f"{name}: stale pins:", *found]), remedy=_REMEDY)
    for path, expected in _module(versions.artifact(name)).sums.items():
        if expected == UNRESOLVED:
            raise UnresolvedError(
                f"artifacts.{name}.module.sums.{path} is unresolved", remedy=_REMEDY
            )


def update(name: str, versions: Versions, go: Toolchain) -> Pins:
    """Rewrite one part's go.mod and go.sum, and fill in unresolved checksums.

    Args:
        name: An artifact with a module.
        versions: The pins to follow.
        go: Runs ``go mod tidy``, which asks the module proxy.

    Returns:
        The pins with the checksums that were ``unresolved`` filled in from go.sum,
        which Go verifies against its checksum database.

    Raises:
        BuildError: Go fails, for one because the proxy cannot be reached.
        PinError: A checksum that was known has changed.
    """
    pin = versions.artifact(name)
    module = _module(pin)
    file = versions.root / "tools" / name / "go.mod"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = (
        file.read_text(encoding="utf-8")
        if file.exists()
        else f"module forge.test/tools/{name}\n"
    )
    staged: Sequence[str] = ()
    if module.staging is not None:
        staged = [
            path for base in module.sums for path in _upstream(base, pin.version, go)
        ]
    file.write_text(
        render(text, pin, versions.pins.go.minimum, staged), encoding="utf-8"
    )
    _go(go, ["mod", "tidy"], file.parent)
    sums = file.with_name("go.sum").read_text(encoding="utf-8")
    known = {
        path: _sum(sums, path, pin.version) or UNRESOLVED if old == UNRESOLVED else old
        for path, old in module.sums.items()
    }
    changed = msgspec.structs.replace(
        pin, module=msgspec.structs.replace(module, sums=known)
    )
    return msgspec.structs.replace(
        versions.pins, artifacts={**versions.pins.artifacts, name: changed}
    )


def _upstream(path: str, version: str, go: Toolchain) -> list[str]:
    """Return the modules that a module's own go.mod replaces by its staging tree."""
    said = _go(go, ["list", "-m", "-json", f"{path}@{version}"], Path.cwd())
    text = Path(json.loads(said)["GoMod"]).read_text(encoding="utf-8")
    return [found[1] for line in text.splitlines() if (found := _STAGED.match(line))]


def _go(go: Toolchain, arguments: Sequence[str], folder: Path) -> str:
    environment = go.environment(os.environ) | {"GOFLAGS": "-mod=mod"}
    try:
        done = subprocess.run(
            [go.go, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(
            f"`go {' '.join(arguments)}`: no end after {_TIMEOUT} s"
        ) from error
    except subprocess.CalledProcessError as error:
        raise BuildError(
            f"`go {' '.join(arguments)}` in {folder} failed:\n{error.stderr}",
            remedy="check that the Go module proxy can be reached",
        ) from error
    return done.stdout


def _module(pin: ArtifactPin) -> Module:
    if pin.module is None:
        raise PinError("this artifact is not built from a Go module")
    return pin.module


def _required(line: str, module: Module, version: str) -> str:
    path, _, rest = line.partition(" ")
    if path not in module.sums:
        return line
    comment = rest.partition(" ")[2]
    return f"{path} {version} {comment}".rstrip()


def _block(verb: str, lines: Sequence[str]) -> str:
    return _shown(verb, lines, is_block=len(lines) > 1)


def _shown(verb: str, lines: Sequence[str], *, is_block: bool) -> str:
    if not is_block:
        return f"{verb} {lines[0]}\n"
    return "\n".join([f"{verb} (", *(f"\t{line}" for line in lines), ")", ""])


def _changed(text: str, wanted: str) -> list[tuple[str, str]]:
    """Pair the lines that differ: by the module they name, else with nothing."""
    have, want = _named(text), _named(wanted)
    return [
        (have.get(name, "absent"), want.get(name, "absent"))
        for name in dict.fromkeys([*have, *want])
        if have.get(name) != want.get(name)
    ] or ([("another order of directives", "the generated one")] * (text != wanted))


def _named(text: str) -> Mapping[tuple[str, str], str]:
    return {
        (statement.verb, line.split(" ")[0] if statement.verb != "go" else ""): (
            f"{statement.verb} {line}"
        )
        for statement in statements(text)
        for line in statement.lines
    }


def _sum(sums: str, path: str, version: str) -> str | None:
    found = re.search(
        rf"^{re.escape(path)} {re.escape(version)} (h1:\S+)$", sums, re.MULTILINE
    )
    return found[1] if found else None
