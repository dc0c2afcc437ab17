"""Build programs from a Go module with ``tool`` directives, and show how it goes.

The flags make a build depend on the pinned sources alone: no cgo unless the pin asks
for it (``cgo`` then says what it takes), no paths of the machine (``-trimpath``), no
version control stamp, and go.mod and go.sum are only read (``-mod=readonly``), so that
a missing or a different checksum is an error.
"""

import os
import select
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forge.artifacts.errors import BuildError
from forge.artifacts.pins import Arch
from forge.artifacts.progress import SILENT, Progress
from forge.artifacts.rules import program_file
from forge.artifacts.toolchain import Toolchain

RECIPE = 1  # part of every built entry's pin; raise it when the flags change
_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
_TICK = 1.0  # seconds between progress updates while the compiler is silent
_SHOWN = 25  # last lines of a failed build that the error repeats
_BLOCK = 1 << 16  # bytes read from the compiler at once


def build(
    programs: Mapping[str, str],
    *,
    module: Path,
    out: Path,
    go: Toolchain,
    arch: Arch,
    tags: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    cgo: Mapping[str, str] | None = None,
    progress: Progress = SILENT,
    label: str = "",
) -> None:
    """Build programs for Linux.

    Args:
        programs: File name to make in ``out`` -> import path.
        module: The folder of go.mod and go.sum.
        out: An existing folder.
        go: What builds.
        arch: What the programs run on.
        tags: Build tags.
        variables: Go variables that the linker sets, with their values.
        cgo: The environment of a build with C or C++; without it there is none.
        progress: Told the packages compiled; packages found in the compiler's cache
            are not compiled again, so the total is an upper bound.
        label: How progress names this build; the module's folder by default.

    Raises:
        BuildError: A source cannot be had, is not the one in go.sum, or does not
            compile; the message ends with the compiler's last lines.
    """
    paths = list(programs.values())
    compiler = _Compiler(go, module, arch, cgo or {}, progress, label or module.name)
    flags = [*_FLAGS, "-tags", ",".join(tags)]
    linker = " ".join(
        ["-s -w", *(f"-X={name}={value}" for name, value in (variables or {}).items())]
    )
    total = compiler.packages([*flags, *paths])
    # `-o` with a closing slash is a folder, even for one program.
    compiler.compile([*flags, "-ldflags", linker, "-o", f"{out}/", *paths], total)
    for name, path in programs.items():
        made = out / program_file(path)
        if made.name != name:
            made.rename(out / name)


@dataclass(frozen=True)
class _Compiler:
    """The Go command for one module and one target."""

    go: Toolchain
    module: Path
    arch: Arch
    cgo: Mapping[str, str]
    progress: Progress
    label: str

    def packages(self, arguments: Sequence[str]) -> int:
        """Fetch the sources; return how many packages the programs consist of."""
        packages = downloads = 0

        def count(line: str | None) -> None:
            nonlocal packages, downloads
            if line is not None and line.startswith("go: downloading "):
                downloads += 1
            elif line is not None:
                packages += 1
            label = f"fetching sources of {self.label}"
            self.progress.update(label, downloads, None, "modules")

        self._run(["list", "-deps", *arguments], count)
        return packages

    def compile(self, arguments: Sequence[str], total: int) -> None:
        """Compile and link, telling each package that was not in Go's cache."""
        compiled = 0

        def count(line: str | None) -> None:
            nonlocal compiled
            if line and not line.startswith(("go: ", "#", "\t")):
                compiled += 1
            # Before the first one there may be none to compile, only to link.
            bound = total if compiled else None
            self.progress.update(f"building {self.label}", compiled, bound, "packages")

        self._run(["build", "-v", *arguments], count)

    def _environment(self) -> dict[str, str]:
        return self.go.environment(os.environ) | {
            "CGO_ENABLED": "0",
            "GOOS": "linux",
            "GOARCH": self.arch,
            "GOAMD64": "v1",
            "GOARM64": "v8.0",
            **self.cgo,
        }

    def _run(
        self, arguments: Sequence[str], tell: Callable[[str | None], None]
    ) -> None:
        """Run Go, telling each line of its output and each silent second."""
        started = time.monotonic()
        last: deque[str] = deque(maxlen=_SHOWN)
        try:
            process = subprocess.Popen(
                [self.go.go, *arguments],
                cwd=self.module,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise BuildError(f"{self.label}: cannot run Go: {error}") from error
        with process:
            try:
                for line in _lines(process):
                    if line is not None:
                        last.append(line)
                    tell(line)
            except BaseException:  # an interrupted run must not leave a compiler
                process.terminate()
                raise
        if process.returncode != 0:
            raise BuildError(
                f"{self.label}: `go {arguments[0]}` in {self.module} failed with "
                f"status {process.returncode} after {time.monotonic() - started:.0f} "
                "s:\n" + "\n".join(f"    {line}" for line in last),
                remedy=_remedy("\n".join(last)),
            )


def _remedy(output: str) -> str:
    if "no space left on device" in output:
        return "free some space for Go's build cache (`go env GOCACHE`: up to 6 GB)"
    if "updates to go.mod" in output or "missing go.sum entry" in output:
        return "run `forge artifacts pins --write` and review the diff"
    if "checksum mismatch" in output:
        return "the module is not the one in go.sum: do not use it"
    if "dial tcp" in output or "no such host" in output:
        return "the Go module proxy cannot be reached; check `go env GOPROXY`"
    return "the lines above are the compiler's; run the same command again to retry"


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str | None]:
    """Yield lines of output as they come, and ``None`` for each silent tick."""
    stream = process.stdout
    if stream is None:
        raise AssertionError("started with a pipe")
    rest = b""
    while True:
        ready, _, _ = select.select([stream], [], [], _TICK)
        if not ready:
            yield None
            continue
        block = os.read(stream.fileno(), _BLOCK)
        if not block:
            break
        *whole, rest = (rest + block).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace")
