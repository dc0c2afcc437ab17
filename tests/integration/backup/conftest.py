"""A real MinIO with TLS, a bucket, and the identity that may only read it."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.integration.certificates import Authority
from tests.integration.s3.servers import Server, Tls, running

from forge.backup.bucket import Bucket, Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COLLECTIONS = str(Path(__file__).parents[3] / "collections")
if COLLECTIONS not in sys.path:  # Ansible's own way to a collection
    sys.path.insert(0, COLLECTIONS)
UTILS = "ansible_collections.forge.platform.plugins.module_utils"
minio_admin = import_module(f"{UTILS}.minio_admin")
object_store_plan = import_module(f"{UTILS}.object_store_plan")
READER = "backup-reader"


@dataclass(frozen=True)
class Room:
    """A store with one bucket, and what the controller knows of it.

    Attributes:
        owner: Who may write, with nothing of ours between.
        store: As the controller reaches it, to read.
    """

    server: Server
    owner: "S3Client"
    store: Store
    bucket: str

    def source(self, store: Store | None = None, name: str = "") -> Bucket:
        """Return the bucket, or another one, read by what the controller knows."""
        known = store or self.store
        return Bucket(known, name or self.bucket, known.client())


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests."""
    folder = tmp_path_factory.mktemp("minio")
    authority = Authority(folder)
    files = authority.issue("s3", server=True)
    with running("minio", folder, Tls(*files, authority.file)) as found:
        yield found


@pytest.fixture
def credentials(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of credentials, mode 0600."""

    def write(secret: str, key: str = READER) -> Path:
        path = tmp_path / f"credentials-{secrets.token_hex(4)}"
        path.touch(0o600)
        path.write_text(
            f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
        )
        return path

    return write


@pytest.fixture
def room(server: Server, credentials: Callable[..., Path]) -> Iterator[Room]:
    """A bucket of its own, and the reader with the role's policy for it."""
    bucket, secret = f"velero-{os.urandom(4).hex()}", secrets.token_hex(16)
    owner = server.client()
    owner.create_bucket(Bucket=bucket)
    admin = minio_admin.Admin(
        server.url, server.key, server.secret, verify=str(server.authority), timeout=20
    )
    admin.put_policy(READER, object_store_plan.policy([bucket], [], []))
    admin.put_user(READER, secret)
    admin.attach(READER, [READER])
    store = Store(server.url, credentials(secret), server.authority)
    yield Room(server, owner, store, bucket)
    owner.close()
