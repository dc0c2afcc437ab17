"""What every S3 server of the Forge must do, said by a client with nothing of ours."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import botocore.auth
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.integration.s3.servers import Server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "some/object"
PART = 5 << 20  # bytes; S3's smallest part that is not the last
REFUSED = {400, 403, 409}
Refuses = Callable[..., dict[str, Any]]


@pytest.fixture
def bucket(client: "S3Client") -> str:
    """A bucket with versions and without locks."""
    name = f"contract-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(
        Bucket=name, VersioningConfiguration={"Status": "Enabled"}
    )
    return name


@pytest.fixture
def locked(client: "S3Client") -> str:
    """A bucket that was made with Object Lock."""
    name = f"contract-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def refused(act: Callable[[], Any], *statuses: int) -> str:
    """The error's code, of a call that must fail with one of these statuses."""
    with pytest.raises(ClientError) as found:
        act()
    response = found.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] in (statuses or REFUSED)
    return response["Error"]["Code"]


def body(client: "S3Client", bucket: str, **which: Any) -> bytes:
    return client.get_object(Bucket=bucket, Key=KEY, **which)["Body"].read()


def versions(client: "S3Client", bucket: str) -> list[str]:
    found = client.list_object_versions(Bucket=bucket).get("Versions", [])
    return [each["VersionId"] for each in found]


def uploads(client: "S3Client", bucket: str) -> list[str]:
    found = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return [each["UploadId"] for each in found]


# Versions


def test_every_put_is_a_version_of_its_own(client: "S3Client", bucket: str) -> None:
    made = [
        client.put_object(Bucket=bucket, Key=KEY, Body=text)["VersionId"]
        for text in (b"one", b"two")
    ]
    assert sorted(versions(client, bucket)) == sorted(made)
    assert [body(client, bucket, VersionId=v) for v in made] == [b"one", b"two"]
    assert body(client, bucket) == b"two"


def test_deleting_hides_and_taking_the_marker_away_shows(
    client: "S3Client", bucket: str
) -> None:
    client.put_object(Bucket=bucket, Key=KEY, Body=b"one")
    marker = client.delete_object(Bucket=bucket, Key=KEY)
    assert marker["DeleteMarker"]
    refused(lambda: client.get_object(Bucket=bucket, Key=KEY), 404)
    client.delete_object(Bucket=bucket, Key=KEY, VersionId=marker["VersionId"])
    assert body(client, bucket) == b"one"


# Conditions


@pytest.mark.parametrize("text", [b"one", b"two"], ids=["same", "other"])
def test_a_name_is_put_once(client: "S3Client", bucket: str, text: bytes) -> None:
    client.put_object(Bucket=bucket, Key=KEY, Body=b"one", IfNoneMatch="*")
    code = refused(
        lambda: client.put_object(Bucket=bucket, Key=KEY, Body=text, IfNoneMatch="*"),
        412,
    )
    assert code == "PreconditionFailed"
    assert body(client, bucket) == b"one"
    assert len(versions(client, bucket)) == 1


def test_of_many_at_once_one_puts_the_name(server: Server, bucket: str) -> None:
    def attempt(number: int) -> int:
        client = server.client()
        try:
            client.put_object(
                Bucket=bucket, Key=KEY, Body=b"%d" % number, IfNoneMatch="*"
            )
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        finally:
            client.close()
        return 200

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(8)))
    # 409: another one is under way, which S3 documents beside 412.
    assert answers.count(200) == 1
    assert set(answers) <= {200, 409, 412}


def test_replaced_only_where_it_is_what_was_read(
    client: "S3Client", bucket: str
) -> None:
    first = client.put_object(Bucket=bucket, Key=KEY, Body=b"one")["ETag"]
    second = client.put_object(Bucket=bucket, Key=KEY, Body=b"two", IfMatch=first)
    for stale in (first, '"00000000000000000000000000000000"'):
        refused(
            lambda tag=stale: client.put_object(  # type: ignore[misc]  # default binds
                Bucket=bucket, Key=KEY, Body=b"three", IfMatch=tag
            ),
            412,
        )
    assert body(client, bucket) == b"two"
    assert client.head_object(Bucket=bucket, Key=KEY)["ETag"] == second["ETag"]


def test_what_does_not_exist_is_not_replaced(client: "S3Client", bucket: str) -> None:
    tag = '"00000000000000000000000000000000"'
    refused(
        lambda: client.put_object(Bucket=bucket, Key=KEY, Body=b"x", IfMatch=tag),
        404,
        412,
    )
    assert versions(client, bucket) == []


# Locks


@pytest.mark.parametrize("bypass", [False, True])
def test_legal_hold_keeps_a_version_until_it_is_lifted(
    client: "S3Client", locked: str, *, bypass: bool
) -> None:
    made = client.put_object(Bucket=locked, Key=KEY, Body=b"held")["VersionId"]

    def hold(status: Any) -> None:
        client.put_object_legal_hold(
            Bucket=locked, Key=KEY, VersionId=made, LegalHold={"Status": status}
        )

    def delete() -> Any:
        return client.delete_object(
            Bucket=locked, Key=KEY, VersionId=made, BypassGovernanceRetention=bypass
        )

    hold("ON")
    held = client.get_object_legal_hold(Bucket=locked, Key=KEY, VersionId=made)
    assert held["LegalHold"]["Status"] == "ON"
    refused(delete)
    assert body(client, locked, VersionId=made) == b"held"
    hold("OFF")
    delete()
    assert versions(client, locked) == []


def test_the_buckets_own_retention_locks_every_put(
    client: "S3Client", locked: str
) -> None:
    rule: Any = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    client.put_object_lock_configuration(
        Bucket=locked,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
    )
    made = client.put_object(Bucket=locked, Key=KEY, Body=b"kept")["VersionId"]
    found = client.get_object_retention(Bucket=locked, Key=KEY, VersionId=made)
    assert found["Retention"]["Mode"] == "COMPLIANCE"
    refused(
        lambda: client.delete_object(
            Bucket=locked, Key=KEY, VersionId=made, BypassGovernanceRetention=True
        )
    )
    assert body(client, locked, VersionId=made) == b"kept"


def test_a_retention_is_made_longer(client: "S3Client", locked: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    made = client.put_object(
        Bucket=locked, Key=KEY, Body=b"kept", ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=now + timedelta(days=1),
    )["VersionId"]  # fmt: skip
    longer = now + timedelta(days=2)
    client.put_object_retention(
        Bucket=locked, Key=KEY, VersionId=made,
        Retention={"Mode": "COMPLIANCE", "RetainUntilDate": longer},
    )  # fmt: skip
    found = client.get_object_retention(Bucket=locked, Key=KEY, VersionId=made)
    assert found["Retention"]["RetainUntilDate"] == longer


def test_no_lock_where_the_bucket_has_none(client: "S3Client", bucket: str) -> None:
    refused(
        lambda: client.put_object(
            Bucket=bucket, Key=KEY, Body=b"x", ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(days=1),
        )
    )  # fmt: skip
    assert versions(client, bucket) == []


# Multipart


def send(client: "S3Client", bucket: str, upload: str, parts: list[bytes]) -> Any:
    """The parts of an upload, as its completion lists them."""
    found = []
    for number, part in enumerate(parts, 1):
        put = client.upload_part(
            Bucket=bucket, Key=KEY, UploadId=upload, PartNumber=number, Body=part
        )
        found.append({"ETag": put["ETag"], "PartNumber": number})
    return {"Parts": found}


@pytest.mark.parametrize("lock", [False, True])
def test_parts_become_one_object(
    client: "S3Client", locked: str, *, lock: bool
) -> None:
    until = datetime.now(UTC) + timedelta(days=1)
    given: Any = {}
    if lock:
        given = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    parts = [b"a" * PART, b"end"]
    upload = client.create_multipart_upload(Bucket=locked, Key=KEY, **given)["UploadId"]
    listed = send(client, locked, upload, parts)
    refused(lambda: client.get_object(Bucket=locked, Key=KEY), 404)
    client.complete_multipart_upload(
        Bucket=locked, Key=KEY, UploadId=upload, MultipartUpload=listed
    )
    assert body(client, locked) == b"".join(parts)
    assert body(client, locked, Range=f"bytes={PART - 1}-{PART + 1}") == b"aen"
    (made,) = versions(client, locked)
    if lock:
        refused(lambda: client.delete_object(Bucket=locked, Key=KEY, VersionId=made))


def test_parts_that_were_not_sent_make_nothing(client: "S3Client", bucket: str) -> None:
    upload = client.create_multipart_upload(Bucket=bucket, Key=KEY)["UploadId"]
    listed = send(client, bucket, upload, [b"end"])
    listed["Parts"][0]["ETag"] = '"00000000000000000000000000000000"'
    refused(
        lambda: client.complete_multipart_upload(
            Bucket=bucket, Key=KEY, UploadId=upload, MultipartUpload=listed
        )
    )
    assert versions(client, bucket) == []


def test_an_upload_that_is_aborted_leaves_nothing(
    client: "S3Client", bucket: str
) -> None:
    upload = client.create_multipart_upload(Bucket=bucket, Key=KEY)["UploadId"]
    listed = send(client, bucket, upload, [b"end"])
    client.abort_multipart_upload(Bucket=bucket, Key=KEY, UploadId=upload)
    refused(
        lambda: client.complete_multipart_upload(
            Bucket=bucket, Key=KEY, UploadId=upload, MultipartUpload=listed
        ),
        404,
    )
    assert versions(client, bucket) == []
    assert uploads(client, bucket) == []


def test_bytes_that_changed_on_the_way_are_refused(
    client: "S3Client", bucket: str
) -> None:
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    refused(
        lambda: client.put_object(
            Bucket=bucket, Key=KEY, Body=b"one", ChecksumSHA256=other
        )
    )
    assert versions(client, bucket) == []


# Lifecycle


# Not part of it: the days of an unfinished upload. MinIO takes the rule and forgets it,
# since it ends such uploads itself after a day.
def test_lifecycle_is_kept_as_it_was_given(client: "S3Client", bucket: str) -> None:
    rule: Any = {
        "ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"},
        "Expiration": {"Days": 30},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
    }  # fmt: skip
    refused(lambda: client.get_bucket_lifecycle_configuration(Bucket=bucket), 404)
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    (found,) = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert {name: found.get(name) for name in rule} == rule
    client.delete_bucket_lifecycle(Bucket=bucket)
    refused(lambda: client.get_bucket_lifecycle_configuration(Bucket=bucket), 404)


# Who asks, and when


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [(None, "wrong", "SignatureDoesNotMatch"), ("nobody", None, "InvalidAccessKeyId")],
)
def test_wrong_credentials_are_refused(
    server: Server, bucket: str, key: str | None, secret: str | None, code: str
) -> None:
    wrong = Server(
        server.name, server.url, key or server.key, secret or server.secret
    ).client()
    put = {"Bucket": bucket, "Key": KEY, "Body": b"x"}
    assert refused(lambda: wrong.put_object(**put), 403) == code  # type: ignore[arg-type]  # plain words
    wrong.close()
    own = server.client()
    assert versions(own, bucket) == []
    own.close()


@pytest.fixture
def nobody(server: Server) -> "Iterator[S3Client]":
    made = boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
    )
    yield made
    made.close()


def test_without_credentials_nothing_is_read_or_written(
    client: "S3Client", nobody: "S3Client", bucket: str
) -> None:
    client.put_object(Bucket=bucket, Key=KEY, Body=b"one")
    refused(lambda: nobody.get_object(Bucket=bucket, Key=KEY), 403)
    refused(lambda: nobody.put_object(Bucket=bucket, Key=KEY, Body=b"x"), 403)
    refused(lambda: nobody.list_objects_v2(Bucket=bucket), 403)
    assert len(versions(client, bucket)) == 1


@pytest.mark.parametrize("minutes", [-30, 30])
def test_a_clock_that_is_wrong_is_refused(
    client: "S3Client", bucket: str, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = botocore.auth.get_current_datetime  # type: ignore[attr-defined]  # not in stubs

    def shifted(*given: Any, **named: Any) -> datetime:
        found: datetime = real(*given, **named) + timedelta(minutes=minutes)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(botocore.auth, "get_current_datetime", shifted)
        code = refused(
            lambda: client.put_object(Bucket=bucket, Key=KEY, Body=b"x"), 403
        )
    assert code == "RequestTimeTooSkewed"
    assert versions(client, bucket) == []
