"""What the account's owner cannot do to evidence, on servers that really lock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from clawlaw.evidence.anchor_config import StorePart
from clawlaw.evidence.errors import ConflictError, StoreError
from clawlaw.evidence.objects import Store, Version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAME = "segments/00000000.seg"
KEY = f"gate/one/{NAME}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "segment"
    path.write_bytes(b"evidence" * 1000)
    return path


def refused(act: Callable[[], Any]) -> None:
    with pytest.raises(ClientError) as error:
        act()
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403, 409}


@dataclass(frozen=True)
class Held:
    """Evidence in the store, and whoever has the account's credentials."""

    client: "S3Client"
    store: Store
    version: Version
    file: Path

    @property
    def bucket(self) -> str:
        return self.store.part.bucket

    def unharmed(self) -> None:
        """The version is there, locked as long as before, and holds the bytes."""
        there = self.file.with_name("there")
        self.store.read(self.version, there)
        assert there.read_bytes() == self.file.read_bytes()
        until = self.store.locked(self.version)
        assert until is not None
        assert until > datetime.now(UTC) + timedelta(days=self.store.part.retain - 1)


@pytest.fixture
def held(client: "S3Client", store: Store, file: Path) -> Held:
    """One object that the uploader put."""
    store.check()
    assert store.put(NAME, file)
    (version,) = store.versions("segments/")
    return Held(client, store, version, file)


def test_what_was_put_is_locked_and_put_once(held: Held) -> None:
    held.unharmed()
    assert not held.store.put(NAME, held.file)
    assert held.store.versions("segments/") == [held.version]
    held.file.write_bytes(b"something else")
    with pytest.raises(ConflictError, match="is something else"):
        held.store.put(NAME, held.file)


@pytest.mark.parametrize("bypass", [False, True])
def test_version_is_not_deleted(held: Held, *, bypass: bool) -> None:
    refused(
        lambda: held.client.delete_object(
            Bucket=held.bucket,
            Key=KEY,
            VersionId=held.version.id,
            BypassGovernanceRetention=bypass,
        )
    )
    found = held.client.delete_objects(
        Bucket=held.bucket,
        Delete={"Objects": [{"Key": KEY, "VersionId": held.version.id}]},
        BypassGovernanceRetention=bypass,
    )
    assert len(found["Errors"]) == 1
    assert not found.get("Deleted")
    held.unharmed()


@pytest.mark.parametrize("mode", ["COMPLIANCE", "GOVERNANCE"])
@pytest.mark.parametrize("days", [0, 300])
def test_retention_is_not_shortened(held: Held, mode: Any, days: int) -> None:
    until = datetime.now(UTC) + timedelta(days=days, seconds=5)
    refused(
        lambda: held.client.put_object_retention(
            Bucket=held.bucket,
            Key=KEY,
            VersionId=held.version.id,
            Retention={"Mode": mode, "RetainUntilDate": until},
            BypassGovernanceRetention=True,
        )
    )
    held.unharmed()


def test_retention_is_not_taken_away(held: Held) -> None:
    refused(
        lambda: held.client.put_object_retention(
            Bucket=held.bucket, Key=KEY, VersionId=held.version.id, Retention={}
        )
    )
    held.unharmed()


def test_bucket_keeps_its_versions(held: Held) -> None:
    refused(
        lambda: held.client.put_bucket_versioning(
            Bucket=held.bucket, VersioningConfiguration={"Status": "Suspended"}
        )
    )
    refused(lambda: held.client.delete_bucket(Bucket=held.bucket))
    held.unharmed()


def test_overwriting_and_deleting_only_put_something_on_top(held: Held) -> None:
    held.client.put_object(Bucket=held.bucket, Key=KEY, Body=b"forged")
    held.client.delete_object(Bucket=held.bucket, Key=KEY)
    held.client.put_object(Bucket=held.bucket, Key=KEY, Body=b"forged again")
    with pytest.raises(ClientError):
        held.client.put_object(Bucket=held.bucket, Key=KEY, Body=b"x", IfNoneMatch="*")
    found = held.store.versions("segments/")
    assert found[0] == held.version
    assert sum(v.marker for v in found) == 1
    assert [held.store.locked(v) is not None for v in found] == [
        True,
        False,
        False,
        False,
    ]
    held.unharmed()
    assert not held.store.put(NAME, held.file)


def test_marker_does_not_let_the_uploader_put_again(held: Held) -> None:
    held.client.delete_object(Bucket=held.bucket, Key=KEY)
    held.store.put(NAME, held.file)
    assert held.store.versions("segments/")[0] == held.version


def test_unlocked_object_under_the_name_is_no_evidence(
    client: "S3Client", store: Store, file: Path
) -> None:
    client.put_object(
        Bucket=store.part.bucket, Key=KEY, Body=b"x", Metadata={"sha256": "0"}
    )
    with pytest.raises(ConflictError, match="is something else"):
        store.put(NAME, file)


def test_bucket_without_locks_is_refused(client: "S3Client", part: StorePart) -> None:
    bucket = f"{part.bucket}-open"
    client.create_bucket(Bucket=bucket)
    with pytest.raises(ConflictError, match="has no Object Lock"):
        Store(msgspec.structs.replace(part, bucket=bucket)).check()


def test_wrong_credentials_and_missing_bucket_are_said(
    part: StorePart, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="HTTP 404"):
        Store(msgspec.structs.replace(part, bucket="none-such")).check()
    wrong = tmp_path / "wrong"
    wrong.touch(0o600)
    wrong.write_text("[default]\naws_access_key_id=a\naws_secret_access_key=b\n")
    with pytest.raises(StoreError, match="HTTP 403"):
        Store(msgspec.structs.replace(part, credentials=str(wrong))).check()
