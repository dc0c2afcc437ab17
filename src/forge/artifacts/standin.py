"""Build the K3s stand-in: one program with its payload, and its airgap images.

The program is compiled from ``testbed/k3s_standin`` and the upstream binaries
are appended to it. The images are OCI layouts made from single static binaries,
so that nothing is pulled from a registry.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from forge.errors import ForgeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE = Path(__file__).resolve().parents[3] / "testbed" / "k3s_standin"

#: Binaries appended to the program, by the name they get on a node.
PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "etcd",
    "etcdctl",
    "etcdutl",
    "bridge",
    "host-local",
    "loopback",
    "portmap",
)
#: Binaries that only images need. busybox is a static build (Debian: busybox-static).
IMAGE_PROGRAMS = ("coredns", "busybox")

PAUSE_IMAGE = "forge.test/pause:1"
PROBE_IMAGE = "forge.test/busybox:1"
_APPLETS = """
sh cat chmod cut date dd df echo env false grep head hostname httpd id ip kill ls mkdir
mktemp mv nc nslookup ping printf ps rm sed seq sleep sort stat sync tail tar test touch
tr true uname vi wc wget who
"""


class StandinBuildError(ForgeError):
    """The stand-in could not be built."""


@dataclass(frozen=True, slots=True)
class Image:
    """A one-layer image.

    Attributes:
        name: Full reference, registry and tag included.
        files: Path inside the image to the file on this machine, mode 0755.
        texts: Path inside the image to content, mode 0644.
        links: Path inside the image to its link target.
        entrypoint: The image's entry point; empty for a plain command.
        command: The image's default arguments.
    """

    name: str
    files: Mapping[str, Path]
    texts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()


def build(
    payload: Mapping[str, Path],
    out: Path,
    *,
    version: str,
    arch: str,
    go: str,
    source: Path = SOURCE,
) -> dict[str, Path]:
    """Build the program ``k3s`` and its airgap image archive.

    Args:
        payload: Binary name to file, for every name in ``PROGRAMS`` and
            ``IMAGE_PROGRAMS``, all of architecture ``arch``.
        out: Folder to write to; made if missing.
        version: What ``k3s --version`` reports, such as ``v1.36.4+standin1``.
        arch: Go architecture name, ``amd64`` or ``arm64``.
        go: The go command to compile with.
        source: The stand-in's Go module.

    Returns:
        File name to path: ``k3s`` and ``k3s-airgap-images-<arch>.tar``.

    Raises:
        StandinBuildError: A binary is missing or a compilation failed.
    """
    missing = [n for n in (*PROGRAMS, *IMAGE_PROGRAMS) if n not in payload]
    if missing:
        raise StandinBuildError(
            f"k3s stand-in {version} {arch}: no binary given for {', '.join(missing)};"
            " build the artifacts kubernetes, containerd, cni_plugins, etcd and"
            " coredns first, and install busybox-static"
        )
    out.mkdir(parents=True, exist_ok=True)
    archive = out / f"k3s-airgap-images-{arch}.tar"
    with tempfile.TemporaryDirectory(dir=out, prefix=".build-") as folder:
        work = Path(folder)
        _compile(go, source, ".", work / "k3s.elf", arch)
        _compile(go, source, "./pause", work / "pause", arch)
        _compile(go, source, "./pack", work / "pack", None)
        _run(
            [
                str(work / "pack"),
                f"-base={work / 'k3s.elf'}",
                f"-out={out / 'k3s'}",
                f"-version={version}",
                *(f"{name}={payload[name]}" for name in PROGRAMS),
            ],
            cwd=source,
        )
        images = _images(payload, work / "pause", version)
        partial = work / "images.tar"
        write_archive(partial, images, arch)
        partial.replace(archive)
    return {"k3s": out / "k3s", archive.name: archive}


def _compile(
    go: str, source: Path, package: str, target: Path, arch: str | None
) -> None:
    env = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    if arch is not None:
        env |= {"GOOS": "linux", "GOARCH": arch}
    command = [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(target), package]
    _run(command, cwd=source, env=env)


def _run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=dict(os.environ) | dict(env or {}),
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise StandinBuildError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        raise StandinBuildError(
            f"{' '.join(command[:2])} in {cwd} ended with {done.returncode}:\n"
            f"{done.stdout}{done.stderr}".rstrip()
        )


def _images(payload: Mapping[str, Path], pause: Path, version: str) -> list[Image]:
    accounts = {
        "etc/passwd": "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
        "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    }
    return [
        Image(PAUSE_IMAGE, {"pause": pause}, entrypoint=["/pause"]),
        Image(
            f"forge.test/coredns:{version.replace('+', '-')}",
            {"coredns": payload["coredns"]},
            entrypoint=["/coredns"],
        ),
        Image(
            PROBE_IMAGE,
            {"bin/busybox": payload["busybox"]},
            texts=accounts,
            links={f"bin/{name}": "busybox" for name in _APPLETS.split()},
            command=["/bin/sh"],
        ),
    ]


def write_archive(path: Path, images: Sequence[Image], arch: str) -> None:
    """Write images as one OCI layout in a tar, byte for byte reproducible.

    Args:
        path: The tar to write.
        images: The images; their names go into the index's annotations.
        arch: Go architecture name.
    """
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        manifests = [_write_image(tar, image, arch) for image in images]
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests,
        }
        _add(tar, "index.json", _json(index))


def _write_image(tar: tarfile.TarFile, image: Image, arch: str) -> dict[str, object]:
    plain = _layer(image)
    layer = gzip.compress(plain, compresslevel=6, mtime=0)
    config = _json(
        {
            "architecture": arch,
            "os": "linux",
            "config": {
                "Entrypoint": list(image.entrypoint),
                "Cmd": list(image.command),
                "Env": ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]},
            "history": [{"created_by": "forge"}],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [
                _descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)
            ],
        }
    )
    for blob in (layer, config, manifest):
        _add(tar, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
    return _descriptor("application/vnd.oci.image.manifest.v1+json", manifest) | {
        "platform": {"architecture": arch, "os": "linux"},
        "annotations": {
            "io.containerd.image.name": image.name,
            "org.opencontainers.image.ref.name": image.name,
        },
    }


def _layer(image: Image) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        names = {*image.files, *image.texts, *image.links}
        folders = {
            parent for name in names if (parent := str(Path(name).parent)) != "."
        }
        for folder, mode in [*((f, 0o755) for f in sorted(folders)), ("tmp", 0o1777)]:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for name, path in sorted(image.files.items()):
            _add(tar, name, path.read_bytes(), mode=0o755)
        for name, text in sorted(image.texts.items()):
            _add(tar, name, text.encode())
        for name, target in sorted(image.links.items()):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def _descriptor(media: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
