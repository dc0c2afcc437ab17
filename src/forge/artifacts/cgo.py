"""What a Go build with C and C++ takes beyond its module.

Some modules leave headers out of what the module proxy serves, since only their own
build system needs them there. They come from Debian packages, which apt verifies, and
from other Go modules, which Go verifies against the pinned checksum.

Vector instructions are compiled in where the machine that builds has all that the pin
names, else none: a program must run where it was built. What was chosen is part of the
cache key and of ``built_with``.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forge.artifacts import debian
from forge.artifacts.errors import BuildError
from forge.artifacts.pins import Arch, Cgo, GoHeader, host_arch
from forge.artifacts.toolchain import Toolchain

CPU = Path("/proc/cpuinfo")
_OPTIMISED = "-O3"  # what upstream's own build uses; Go's default is -g -O2
_COMPILER = "g++"
_TIMEOUT = 300  # seconds for Go to fetch one module, or the compiler its version


@dataclass(frozen=True)
class Prepared:
    """A machine that is ready for one build.

    Attributes:
        environment: What the Go command needs besides its own environment.
        built_with: Compiler, packages and instructions, for reports.
    """

    environment: dict[str, str]
    built_with: str


def instructions(cgo: Cgo, arch: Arch, cpu: Path | None = None) -> tuple[str, ...]:
    """Return the vector instructions to use, by the compiler's names.

    Args:
        cgo: The pin.
        arch: What the program runs on.
        cpu: The processor's description (Linux' ``/proc/cpuinfo``).

    Returns:
        All that the pin names, or none if this machine lacks one of them.
    """
    wanted = cgo.cpu.get(arch, ())
    try:
        text = (cpu or CPU).read_text(encoding="utf-8")
    except OSError:
        return ()
    # Every processor has a line of its own; the first one without a flag decides.
    lines = re.findall(r"^flags\s*:(.*)$", text, re.MULTILINE)
    common = set.intersection(*(set(line.split()) for line in lines)) if lines else ()
    return wanted if wanted and set(wanted) <= set(common) else ()


def prepare(cgo: Cgo, arch: Arch, folder: Path, go: Toolchain) -> Prepared:
    """Collect the headers below ``folder``.

    Raises:
        BuildError: The architecture is not this machine's, there is no compiler, or a
            header cannot be had or is not the pinned one.
    """
    if arch != host_arch():
        raise BuildError(
            f"a program with C++ is built on its own architecture: this machine is "
            f"{host_arch()}, {arch} is wanted",
            remedy=f"fetch it on a machine with {arch} and copy its cache here",
        )
    made = [_compiler()]
    include = folder / "include"
    include.mkdir()
    for package in cgo.packages:
        found, version = debian.headers(package, arch, folder)
        shutil.copytree(found, include, dirs_exist_ok=True)
        made.append(version)
    for name, header in cgo.headers.items():
        target = include / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_module(header, go) / header.file, target)
        made.append(f"{header.module} {header.version}")
    used = instructions(cgo, arch)
    made.append(f"instructions {' '.join(used) or 'of the baseline'}")
    flags = " ".join([_OPTIMISED, *(f"-m{name}" for name in used)])
    environment = {
        "CGO_ENABLED": "1",
        # Messages of assertions name their file: never a path of this machine.
        "CGO_CPPFLAGS": f"-I{include} -ffile-prefix-map={include}=/include",
        "CGO_CFLAGS": flags,
        "CGO_CXXFLAGS": flags,
    }
    return Prepared(environment, ", ".join(made))


def _compiler() -> str:
    found = shutil.which(_COMPILER)
    if found is None:
        raise BuildError(
            f"{_COMPILER} is not on PATH, and this program has C++ in it",
            remedy="install the package g++",
        )
    said = _said([found, "-dumpfullversion"], os.environ)
    return f"{_COMPILER} {said.strip()}"


def _module(header: GoHeader, go: Toolchain) -> Path:
    """Fetch a Go module and return its folder."""
    name = f"{header.module}@{header.version}"
    environment = go.environment(os.environ)
    answer = json.loads(
        _said([str(go.go), "mod", "download", "-json", name], environment)
    )
    if answer["Sum"] != header.sum:
        raise BuildError(
            f"{name}: its checksum is {answer['Sum']}, versions.yml says {header.sum}",
            remedy="the module is not the pinned one: do not use it",
        )
    return Path(answer["Dir"])


def _said(command: list[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
            env=dict(environment),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{' '.join(command)}: {error}") from error
    except subprocess.CalledProcessError as error:
        raise BuildError(
            f"`{' '.join(command)}` failed:\n{error.stdout}{error.stderr}",
            remedy="check that the Go module proxy can be reached",
        ) from error
    return done.stdout
