"""Objects of one bucket, read with an identity that cannot write."""

import configparser
import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    SSLError,
)

from clawlaw.private import PrivateFileError, read_private
from forge.backup.errors import SourceError
from forge.backup.model import Item
from forge.backup.pull import md5_of_parts
from forge.errors import InputError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK = 1 << 20
TRIES = 3
CONNECT_SECONDS, READ_SECONDS = 5, 60
REMEDIES = {
    "NoSuchBucket": "name a bucket that the store has (roles/minio, minio_buckets)",
    "AccessDenied": "the identity may not read it: use that of backup-reader",
    "InvalidAccessKeyId": "the store does not know this key: see its Secret "
    "object-store-backup-reader",
    "SignatureDoesNotMatch": "the secret is another one: see the store's Secret "
    "object-store-backup-reader",
    "RequestTimeTooSkewed": "set the clocks of the controller and the store right",
    "PreconditionFailed": "the object was replaced meanwhile: run the same again",
    "NoSuchKey": "the object was deleted meanwhile: run the same again",
}
SAME = {"403": "AccessDenied", "404": "NoSuchBucket", "412": "PreconditionFailed"}


@dataclass(frozen=True)
class Store:
    """Where an object store is, and who asks.

    Attributes:
        endpoint: URL of its S3 API.
        authority: PEM of what signed its certificate; None: the system's.
        credentials: File of mode 0600 with ``[default]``, ``aws_access_key_id`` and
            ``aws_secret_access_key``.
    """

    endpoint: str
    credentials: Path
    authority: Path | None = None
    region: str = "us-east-1"

    def client(self) -> "S3Client":
        """Return a client; nothing is asked yet.

        Raises:
            InputError: The credentials or the authority cannot be read.
        """
        key, secret = _credentials(self.credentials)
        if self.authority is not None:
            try:
                ssl.create_default_context(cafile=str(self.authority))
            except (OSError, ssl.SSLError) as error:
                raise InputError(f"{self.authority}: {error}") from error
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            verify=str(self.authority) if self.authority else None,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": TRIES, "mode": "standard"},
                s3={"addressing_style": "path"},
            ),
        )


class Bucket:
    """One bucket of a store.

    Attributes:
        name: ``bucket/NAME``.
    """

    def __init__(self, store: Store, bucket: str, client: "S3Client") -> None:
        """Keep what is asked; nothing is asked yet."""
        self.name = f"bucket/{bucket}"
        self._bucket = bucket
        self._where = f"object store {store.endpoint}, bucket {bucket}"
        self._client = client

    def items(self) -> list[Item]:
        """Return the present version of every object.

        Raises:
            SourceError: The store does not answer, or refuses.
        """
        found = []
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket
            )
            for page in pages:
                found += [_item(each) for each in page.get("Contents", [])]
        except (ClientError, BotoCoreError) as error:
            raise self._failed(error) from error
        return found

    def read(self, item: Item, offset: int) -> Iterator[bytes]:
        """Return the content of an object from a byte on, if it is still the same.

        Raises:
            SourceError: It was replaced, or the connection broke.
        """
        try:
            answer = self._client.get_object(
                Bucket=self._bucket,
                Key=item.name,
                IfMatch=_etag(item),
                Range=f"bytes={offset}-",
            )
            yield from answer["Body"].iter_chunks(CHUNK)
        except (ClientError, BotoCoreError) as error:
            raise self._failed(error, item.name) from error

    def problem(self, item: Item, sha256: str, path: Path) -> str:  # noqa: ARG002 - S3 gives MD5 for every object, SHA-256 only where the writer asked for it
        """Return why a file is not the object, empty if it is.

        Raises:
            SourceError: The store was asked for the object's parts, and failed.
        """
        expected = _etag(item).strip('"')
        if "-" not in expected:
            with path.open("rb") as file:
                actual = hashlib.file_digest(file, _md5).hexdigest()
        else:
            actual = self._of_parts(item, path, expected)
        if actual == expected:
            return ""
        return f"its ETag is {actual}, the store's {expected}: what arrived is not it"

    def _of_parts(self, item: Item, path: Path, expected: str) -> str:
        """Return the ETag of a file, cut as the object was when it was put.

        Libraries cut all parts but the last to one size, so the first tells all. Where
        that does not give the object, each part is asked for.
        """
        count = int(expected.split("-")[1])
        try:
            first = self._part(item, 1)
            last = item.size - first * (count - 1)
            actual = md5_of_parts(path, [first] * (count - 1) + [max(last, 0)])
            if actual != expected:
                each = [self._part(item, number) for number in range(1, count + 1)]
                actual = md5_of_parts(path, each)
        except (ClientError, BotoCoreError) as error:
            raise self._failed(error, item.name) from error
        return actual

    def _part(self, item: Item, number: int) -> int:
        found = self._client.head_object(
            Bucket=self._bucket, Key=item.name, IfMatch=_etag(item), PartNumber=number
        )
        return found["ContentLength"]

    def _failed(self, error: ClientError | BotoCoreError, key: str = "") -> SourceError:
        at = f"{self._where}, {key}" if key else self._where
        if isinstance(error, ClientError):
            code = str(error.response["Error"].get("Code", ""))
            code = SAME.get(code, code)
            return SourceError(
                f"{at}: {error.response['Error'].get('Message') or code}",
                remedy=REMEDIES.get(code),
            )
        if isinstance(error, SSLError):
            remedy = "give the PEM of what signed its certificate (--authority)"
        elif isinstance(error, EndpointConnectionError | ConnectTimeoutError):
            remedy = "it does not answer: look at its Pod and at its node"
        elif isinstance(error, HTTPClientError):
            remedy = "the connection broke: run the same again, it goes on there"
        else:
            remedy = None
        return SourceError(f"{at}: {error}", remedy=remedy)


def _md5() -> Any:  # noqa: ANN401 - hashlib's objects have no public type
    return hashlib.md5(usedforsecurity=False)


def _item(found: Any) -> Item:  # noqa: ANN401 - one of boto3's dictionaries
    return Item(
        name=found["Key"],
        size=found["Size"],
        modified=found["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        tag=f"etag:{found['ETag']}",
    )


def _etag(item: Item) -> str:
    return item.tag.removeprefix("etag:")


def _credentials(path: Path) -> tuple[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_private(path).decode())
        found = parser["default"]
        return found["aws_access_key_id"], found["aws_secret_access_key"]
    except PrivateFileError as error:
        raise InputError(str(error)) from error
    except (configparser.Error, KeyError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: expected [default] with aws_access_key_id and "
            "aws_secret_access_key"
        ) from error
