"""Real S3 servers on loopback: SeaweedFS from its wheel, MinIO built by its pin."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.evidence.anchor_config import StorePart
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer
from clawlaw.evidence.objects import Store
from forge import artifacts, paths

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHECKOUT = paths.checkout(Path(__file__).parent)
READY = 60  # seconds that a server may take to answer
ORIGIN = "gate.test/log"


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        name: Of the program.
        url: Of its S3 endpoint.
    """

    name: str
    url: str
    key: str
    secret: str

    def client(self) -> "S3Client":
        """Whoever has the credentials, with nothing of ours between."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                connect_timeout=5,
                read_timeout=30,
            ),
        )


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


def _seaweedfs(folder: Path, key: str, secret: str) -> tuple[list[str], int]:
    names = ("master", "volume", "filer", "s3")
    ports = free_ports(2 * len(names))
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": key, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
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
    return command, ports[6]


def _minio(folder: Path, key: str, secret: str) -> tuple[list[str], int]:
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
    program = str(plan.files["minio"])
    return [program, "server", "--address", f"127.0.0.1:{port}", str(data)], port


_SERVERS = {"seaweedfs": _seaweedfs, "minio": _minio}


@pytest.fixture(scope="session", params=list(_SERVERS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of each kind, with its data in a folder of the test run."""
    name: str = request.param
    folder = tmp_path_factory.mktemp(name)
    key, secret = "tests", secrets.token_hex(16)
    command, port = _SERVERS[name](folder, key, secret)
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
        found = Server(name, f"http://127.0.0.1:{port}", key, secret)
        _await(found, process, log)
        yield found
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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


@pytest.fixture
def client(server: Server) -> "Iterator[S3Client]":
    """The attacker: all rights of the account."""
    made = server.client()
    yield made
    made.close()


@pytest.fixture
def part(server: Server, tmp_path: Path) -> StorePart:
    """A bucket of its own, made with Object Lock."""
    bucket = f"evidence-{secrets.token_hex(6)}"
    made = server.client()
    made.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    made.close()
    credentials = tmp_path / "credentials"
    credentials.touch(0o600)
    credentials.write_text(
        f"[default]\naws_access_key_id = {server.key}\n"
        f"aws_secret_access_key = {server.secret}\n"
    )
    return StorePart(server.url, bucket, str(credentials), prefix="gate/one")


@pytest.fixture
def store(part: StorePart) -> Iterator[Store]:
    made = Store(part)
    yield made
    made.close()


@pytest.fixture(scope="session")
def signer() -> Callable[[str, int], Signer]:
    """Loader of a key by name and seed."""
    return lambda name, seed: Signer(
        name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    )


@pytest.fixture
def log(tmp_path: Path, signer: Callable[[str, int], Signer]) -> Iterator[Log]:
    """An empty log that rotates after a few entries."""
    with Log.open(
        tmp_path / "log", ORIGIN, signer(ORIGIN, 1), segment_bytes=4096
    ) as opened:
        yield opened
