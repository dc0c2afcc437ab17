"""Real S3 servers on loopback: SeaweedFS from its wheel, MinIO built by its pin."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from clawlaw.evidence.anchor_config import StorePart
from forge import artifacts, paths

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHECKOUT = paths.checkout(Path(__file__).parent)
READY = 60  # seconds that a server may take to answer


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        name: Of the program.
        url: Of its S3 endpoint.
        authority: Of its certificate, PEM; `None`: it speaks plain HTTP.
    """

    name: str
    url: str
    key: str
    secret: str
    authority: Path | None = None

    def client(self) -> "S3Client":
        """Whoever has the credentials, with nothing of ours between."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            verify=str(self.authority) if self.authority else None,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                connect_timeout=5,
                read_timeout=30,
            ),
        )

    def bucket(self, folder: Path) -> StorePart:
        """A bucket of its own with Object Lock, and the uploader's credentials."""
        bucket = f"evidence-{secrets.token_hex(6)}"
        made = self.client()
        made.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        made.close()
        credentials = folder / "credentials"
        credentials.touch(0o600)
        credentials.write_text(
            f"[default]\naws_access_key_id = {self.key}\n"
            f"aws_secret_access_key = {self.secret}\n"
        )
        authority = str(self.authority) if self.authority else ""
        return StorePart(
            self.url, bucket, str(credentials), prefix="gate/one", authority=authority
        )


@dataclass(frozen=True)
class Tls:
    """What a server shows, and who signed it."""

    certificate: Path
    key: Path
    authority: Path


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has at this moment."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def _seaweedfs(
    folder: Path, key: str, secret: str, tls: Tls | None
) -> tuple[list[str], int]:
    names = ("master", "volume", "filer", "s3")
    ports = free_ports(2 * len(names))
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": key, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    if not config.exists():
        config.write_text(json.dumps({"identities": [identity]}))
    given = [
        f"-{name}.port{kind}={port}"
        for (name, kind), port in zip(
            [(n, k) for n in names for k in ("", ".grpc")], ports, strict=True
        )
    ]
    command = [
        str(Path(sys.executable).with_name("weed")),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        f"-s3.config={config}",
        f"-s3.localSocket={folder}/s3.sock",
        f"-filer.localSocket={folder}/filer.sock",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=0",
        *given,
    ]
    if tls is not None:
        command += [f"-s3.cert.file={tls.certificate}", f"-s3.key.file={tls.key}"]
    return command, ports[6]


def _minio(
    folder: Path, key: str, secret: str, tls: Tls | None
) -> tuple[list[str], int]:
    del key, secret  # by the environment
    versions = artifacts.load(CHECKOUT / "versions.yml")
    plan = artifacts.plan(
        "minio",
        artifacts.host_arch(),
        versions=versions,
        cache=artifacts.Cache.of(os.environ),
    )
    if plan.artifact is None:  # minutes of building; scripts/test does it first
        pytest.skip("MinIO is not built: forge artifacts fetch minio")
    (port,) = free_ports(1)
    data = folder / "data"
    data.mkdir()
    command = [str(plan.files["minio"]), "server", "--address", f"127.0.0.1:{port}"]
    if tls is not None:
        held = folder / "certs"
        held.mkdir()
        shutil.copy(tls.certificate, held / "public.crt")
        shutil.copy(tls.key, held / "private.key")
        command += ["--certs-dir", str(held)]
    return [*command, str(data)], port


SERVERS = {"seaweedfs": _seaweedfs, "minio": _minio}


@contextlib.contextmanager
def running(
    name: str,
    folder: Path,
    tls: Tls | None = None,
    *,
    answers: bool = True,
    secret: str = "",
) -> Iterator[Server]:
    """A server with its data in a folder, ended with the block.

    Args:
        name: One of `SERVERS`.
        folder: Empty, or with SeaweedFS's identities in `s3.json`.
        tls: What it shows; `None`: it speaks plain HTTP.
        answers: Wait until it serves us; else until somebody listens.
        secret: Of its root; "": one is made.
    """
    key, secret = "tests", secret or secrets.token_hex(16)
    command, port = SERVERS[name](folder, key, secret, tls)
    environment = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "MINIO_ROOT_USER": key,
        "MINIO_ROOT_PASSWORD": secret,
        "MINIO_UPDATE": "off",  # nothing leaves loopback
        "MINIO_BROWSER": "off",
    }
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=said
        )
    try:
        scheme = "http" if tls is None else "https"
        authority = None if tls is None else tls.authority
        found = Server(name, f"{scheme}://127.0.0.1:{port}", key, secret, authority)
        if answers:
            _await(found, process, log)
        else:
            _listens(port)
        yield found
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> None:
    end = time.monotonic() + READY
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    pytest.fail(f"nobody listens at {port}")


def _await(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + READY
    client = server.client()
    while True:
        try:
            client.create_bucket(Bucket="ready")
        except (ClientError, BotoCoreError) as error:
            ended = process.poll() is not None
            if ended or time.monotonic() > end:
                tail = log.read_text(errors="replace")[-2000:]
                pytest.fail(f"{server.name}: {error}\n{tail}")
            time.sleep(0.2)
        else:
            client.close()
            return
