"""The module on a server that refuses: what it says, and that nothing is half done."""

import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.integration.s3.servers import SERVERS, Server, running

PLUGINS = "ansible_collections.forge.platform.plugins"
object_store = import_module(f"{PLUGINS}.modules.object_store")
object_store_access = import_module(f"{PLUGINS}.modules.object_store_access")
ObjectStoreError = object_store.ObjectStoreError

PLAIN: dict[str, Any] = {
    "locked": False, "retain_days": 0, "versioned": True,
    "expire_days": 0, "expire_old_days": 0,
}  # fmt: skip
EVIDENCE = {**PLAIN, "name": "evidence", "locked": True, "retain_days": 2}
BACKUPS = {**PLAIN, "name": "backups", "expire_old_days": 7}
WRITER: dict[str, Any] = {
    "name": "writer", "secret_key": "secret-of-writer", "reads": [],
    "writes": ["evidence"],
}  # fmt: skip


@pytest.fixture(scope="module", params=list(SERVERS))
def any_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def asked(server: Server, **changes: Any) -> dict[str, Any]:
    return {
        "engine": server.name, "endpoint": server.url, "access_key": server.key,
        "secret_key": server.secret, "ca_path": None, "timeout": 20,
        "buckets": [], "identities": [], **changes,
    }  # fmt: skip


def names(server: Server) -> set[str]:
    client = server.client()
    try:
        return {each["Name"] for each in client.list_buckets()["Buckets"]}
    finally:
        client.close()


def test_a_bucket_without_locks_stops_all_of_it(any_server: Server) -> None:
    client = any_server.client()
    client.create_bucket(Bucket="evidence")
    params = asked(any_server, buckets=[BACKUPS, EVIDENCE])
    with pytest.raises(ObjectStoreError, match="evidence was made without Object Lock"):
        object_store.run(params, check=False)
    assert "backups" not in names(any_server)
    client.delete_bucket(Bucket="evidence")
    client.close()
    assert object_store.run(params, check=False)["done"] == [
        "bucket backups", "bucket evidence"
    ]  # fmt: skip
    assert object_store.run(params, check=False)["changed"] is False


def test_a_retention_is_not_made_shorter(any_server: Server) -> None:
    locked = {**EVIDENCE, "name": "shorter"}
    object_store.run(asked(any_server, buckets=[locked]), check=False)
    params = asked(any_server, buckets=[{**locked, "retain_days": 1}, BACKUPS])
    with pytest.raises(ObjectStoreError, match="a lock is not made shorter here"):
        object_store.run(params, check=False)


def test_what_others_changed_is_shown_and_put_right(any_server: Server) -> None:
    own = {**BACKUPS, "name": "drifted"}
    params = asked(any_server, buckets=[own])
    object_store.run(params, check=False)
    client = any_server.client()
    client.put_bucket_versioning(
        Bucket="drifted", VersioningConfiguration={"Status": "Suspended"}
    )
    client.delete_bucket_lifecycle(Bucket="drifted")
    client.close()
    shown = object_store.run(params, check=True)
    assert shown["changed"]
    assert shown["diff"]["before"]["buckets"]["drifted"]["versioned"] is False
    assert shown["diff"]["before"]["buckets"]["drifted"]["expire_old_days"] == 0
    assert object_store.run(params, check=True)["changed"]  # check mode did nothing
    object_store.run(params, check=False)
    assert object_store.run(params, check=True)["changed"] is False


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"secret_key": "wrong-secret"}, "refuses the credentials: compare the key"),
        ({"access_key": "nobody"}, "refuses the credentials: compare the key"),
        ({"endpoint": "http://127.0.0.1:1"}, "does not answer: look at its Pod"),
    ],
)
def test_errors_name_the_store_and_what_to_do(
    any_server: Server, change: dict[str, str], said: str
) -> None:
    made = {**PLAIN, "name": "never-made"}
    params = asked(any_server, buckets=[made], **change)
    with pytest.raises(ObjectStoreError, match=f"^object store http.*{said}"):
        object_store.run(params, check=False)
    assert "never-made" not in names(any_server)


@pytest.fixture
def minio(tmp_path: Path) -> Iterator[Server]:
    with running("minio", tmp_path) as found:
        yield found


def test_rights_and_secrets_that_drifted_are_found_on_minio(minio: Server) -> None:
    params = asked(minio, buckets=[EVIDENCE], identities=[WRITER])
    done = object_store.run(params, check=False)
    assert done["done"] == [
        "bucket evidence", "policy forge-writer", "user writer", "rights of writer"
    ]  # fmt: skip
    assert object_store.run(params, check=False)["changed"] is False
    assert object_store_access.tried(
        {**params, "buckets": ["evidence"]}, WRITER
    ) == {"evidence": "rw"}  # fmt: skip

    other = {**WRITER, "secret_key": "another-secret-of-writer"}
    less = {**other, "writes": [], "reads": ["evidence"]}
    changed = asked(minio, buckets=[EVIDENCE], identities=[less])
    assert object_store.run(changed, check=True)["done"] == [
        "policy forge-writer", "user writer"
    ]  # fmt: skip
    object_store.run(changed, check=False)
    assert object_store_access.tried(
        {**params, "buckets": ["evidence"]}, less
    ) == {"evidence": "r"}  # fmt: skip
    with pytest.raises(ObjectStoreError, match="as writer: refuses the credentials"):
        object_store_access.tried({**params, "buckets": ["evidence"]}, WRITER)


def test_users_that_nobody_declared_are_named(minio: Server) -> None:
    object_store.run(asked(minio, buckets=[EVIDENCE], identities=[WRITER]), check=False)
    found = object_store.run(asked(minio, buckets=[EVIDENCE]), check=True)
    assert found["strangers"] == ["writer"]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB, for a server's data."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_store_is_said_and_the_rerun_converges(small: Path) -> None:
    with running("minio", small) as server:
        filler = small / "filler"
        with filler.open("wb") as file:
            try:
                while True:
                    file.write(b"x" * (1 << 16))
                    file.flush()
            except OSError:
                pass
        params = asked(server, buckets=[EVIDENCE, BACKUPS], identities=[WRITER])
        with pytest.raises(ObjectStoreError, match="is full: make room") as said:
            object_store.run(params, check=False)
        assert "bucket evidence" in str(said.value)
        filler.unlink()
        object_store.run(params, check=False)
        assert object_store.run(params, check=False)["changed"] is False
