"""The gate's wheel with its busiest modules compiled by mypyc (docs/adr/0024).

    dist/clawlaw-VERSION-py3-none-any.whl         as `make wheels` builds it
    dist/clawlaw-VERSION-cp312-cp312-PLATFORM.whl  with libraries beside its sources

The sources of the wheel are compiled, and stay in it: a Python that cannot load the
libraries reads the sources, the digest of the kernel is the same, and so is every
decision. Nothing else of the project needs a compiler.

    python -m forge.wheels.compiled [--out dist] [--unpack build/compiled]
"""

import argparse
import base64
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from forge import paths
from forge.errors import ForgeError, InputError

LOCK: Final = "requirements/compile.txt"
# Where the time of a decision goes.
BUSY: Final = (
    *("core/kernel.py", "core/view.py", "core/working.py", "core/intent.py"),
    *("core/risk.py", "core/prepared.py", "core/sessions.py", "core/tools.py"),
    *("core/inert.py", "core/reaching.py", "core/laws/*.py", "core/composition/*.py"),
    *("core/shell/*.py", "policy/looked.py", "policy/path_tests.py"),
    *("policy/triple.py", "policy/paths.py", "policy/operators.py"),
)
# mypyc takes annotations at their word and knows no options of a class: left as they
# are is what tells a wrong type from a right one, what recurses by an agent's text
# (Python's own limit ends that), and the structs with options.
LEFT: Final = frozenset(
    {
        "core/laws/law04_resource.py",  # a cost of `True` is no cost of 1
        "core/shell/braces.py",  # braces in braces
        "core/shell/address.py",
        "core/shell/spec.py",
        "core/shell/words.py",
        "core/shell/world.py",
    }
)
_SETUP: Final = """
import sys
from mypyc.build import mypycify
from setuptools import setup
setup(
    name="compiled", packages=[], py_modules=[],
    ext_modules=mypycify(["--config-file", "mypy.ini", *sys.argv[2:]], opt_level="3"),
    script_args=["build_ext", "--inplace", "--build-temp", sys.argv[1]],
)
"""
_MYPY: Final = """[mypy]
strict = true
explicit_package_bases = true
warn_unused_ignores = false
[mypy-re2.*]
ignore_missing_imports = true
"""
_DATE: Final = (1980, 1, 1, 0, 0, 0)


def busy(package: Path) -> list[str]:
    """Modules that are compiled, relative to the package's folder, sorted.

    Raises:
        InputError: A module that is named is not there.
    """
    found: set[str] = set()
    for pattern in BUSY:
        names = {p.relative_to(package).as_posix() for p in package.glob(pattern)}
        if not names:
            raise InputError(f"{package}: no module {pattern}; mend forge.wheels")
        found |= names
    if LEFT - found:
        raise InputError(f"{package}: no module {min(LEFT - found)}; mend forge.wheels")
    return sorted(found - LEFT)


def tag() -> str:
    """Tag of the wheels that this Python builds for itself, "cp312-cp312-PLATFORM"."""
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"{python}-{python}-{platform}"


def repack(pure: Path, folder: Path, out: Path, named: str) -> Path:
    """Make a platform's wheel of what was a pure one.

    Args:
        pure: The wheel that was taken apart.
        folder: Its content, libraries added.
        out: Where the new one goes.
        named: Its tag.

    Returns:
        The new wheel; the same content is the same bytes.
    """
    name, version, *_ = pure.name.split("-")
    info = f"{name}-{version}.dist-info"
    about = folder / info / "WHEEL"
    kept = [
        line
        for line in about.read_text("utf-8").splitlines()
        if line and not line.startswith(("Tag:", "Root-Is-Purelib:"))
    ]
    lines = [*kept, "Root-Is-Purelib: false", f"Tag: {named}", ""]
    about.write_text("\n".join(lines), "utf-8")
    record = folder / info / "RECORD"
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != record)
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for file in files:
        data = file.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
        said = f"sha256={digest.rstrip(b'=').decode()}"
        writer.writerow((file.relative_to(folder).as_posix(), said, len(data)))
    writer.writerow((record.relative_to(folder).as_posix(), "", ""))
    record.write_text(rows.getvalue(), "utf-8")
    made = out / f"{name}-{version}-{named}.whl"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in [*files, record]:
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, file.read_bytes())
    return made


def build(checkout: Path, out: Path, unpack: Path | None = None) -> Path:
    """Build the compiled wheel for this Python and platform.

    Args:
        checkout: With `src/clawlaw`.
        out: Folder of wheels; made where it is missing.
        unpack: Also leave the content here, as it would be installed; replaced.

    Raises:
        InputError: There is no C compiler; the pure wheel needs none.
        ForgeError: A step failed.
    """
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        raise InputError(f"no C compiler ({compiler}); `make wheels` needs none")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="forge-compiled-") as name:
        work = Path(name)
        pure = _pure(checkout, work)
        folder = work / "content"
        with zipfile.ZipFile(pure) as archive:
            archive.extractall(folder)
        _compile(checkout, work, folder)
        made = repack(pure, folder, out, tag())
        if unpack is not None:
            shutil.rmtree(unpack, ignore_errors=True)
            shutil.copytree(folder, unpack)
    return made


def _pure(checkout: Path, work: Path) -> Path:
    command = ["-m", "build", "--no-isolation", "--wheel", "--outdir"]
    source = str(checkout / "src/clawlaw")
    _run([sys.executable, *command, str(work), source], "building the gate's wheel")
    (pure,) = work.glob("clawlaw-*-py3-none-any.whl")
    return pure


def _compile(checkout: Path, work: Path, folder: Path) -> None:
    """Put the libraries of the busy modules beside them."""
    tools = work / "tools"
    install = "-m pip install --quiet --disable-pip-version-check --require-hashes -r"
    lock = str(checkout / LOCK)
    _run(
        [sys.executable, *install.split(), lock, f"--target={tools}"],
        "installing what the compiler needs",
    )
    config = folder / "mypy.ini"
    config.write_text(_MYPY, "utf-8")
    modules = [f"clawlaw/{module}" for module in busy(folder / "clawlaw")]
    env = {**os.environ, "PYTHONPATH": str(tools), "MYPYPATH": str(folder)}
    command = [sys.executable, "-c", _SETUP, str(work / "objects"), *modules]
    _run(command, "compiling", cwd=folder, env=env)
    config.unlink()
    for left in ("build", ".mypy_cache"):
        shutil.rmtree(folder / left, ignore_errors=True)


def _run(
    command: list[str],
    what: str,
    *,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr + done.stdout).strip()[-2000:]
        raise ForgeError(f"{what} failed: {said}")


def main() -> int:
    """Build, and say where the wheel is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("dist"))
    parser.add_argument("--unpack", type=Path)
    options = parser.parse_args()
    try:
        made = build(paths.checkout(), options.out, options.unpack)
    except ForgeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{made}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
