"""Objects that nobody can take back: S3 with Object Lock in compliance mode.

Every object is put once, under a condition that nothing has its name yet, with a date
until which no one deletes or changes that version, the owner of the account included.
What counts is a *version*: a delete marker hides it and a newer version shadows it, and
both leave it where it is. So reading goes by versions and their locks, oldest first.
"""

import configparser
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from clawlaw.evidence.anchor_config import StorePart
from clawlaw.evidence.errors import ConflictError, EvidenceError, StoreError
from clawlaw.evidence.tls import trusting
from clawlaw.private import read_private

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT: Final = 5  # seconds
READ_TIMEOUT: Final = 60
TRIES: Final = 3
PRECONDITION_FAILED: Final = 412
_CHUNK: Final = 1 << 20
_DIGEST: Final = "sha256"  # name of the metadata that says what was put


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or the marker of a deletion.

    Attributes:
        name: Without the store's prefix.
        size: Bytes; 0 of a marker.
        modified: When it was put, by the server's clock.
        marker: Something tried to delete the object.
    """

    name: str
    id: str
    size: int
    modified: datetime
    marker: bool = False


class Store:
    """One prefix of one bucket."""

    def __init__(self, part: StorePart) -> None:
        """Prepare to speak to a server; nothing is asked yet.

        Raises:
            EvidenceError: The credentials or the authority cannot be read.
            PrivateFileError: Others could read them.
        """
        key, secret = _credentials(Path(part.credentials))
        if part.authority:
            trusting(Path(part.authority))  # boto3 would say so in the first request
        self.part = part
        self._prefix = f"{part.prefix}/" if part.prefix else ""
        self._client: S3Client = boto3.client(
            "s3",
            endpoint_url=part.endpoint,
            region_name=part.region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            verify=part.authority or None,
            config=Config(
                connect_timeout=CONNECT_TIMEOUT,
                read_timeout=READ_TIMEOUT,
                retries={"total_max_attempts": TRIES, "mode": "standard"},
                s3={"addressing_style": "path"},
            ),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def check(self) -> None:
        """Refuse a bucket that does not lock.

        Raises:
            StoreError: It cannot be asked.
            ConflictError: It has no Object Lock.
        """
        try:
            found = self._client.get_object_lock_configuration(Bucket=self.part.bucket)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code != "ObjectLockConfigurationNotFoundError":
                raise StoreError(_told(self.part, error)) from error
            self._check_bucket()  # a server may say the same of one that is not there
            found = {}  # type: ignore[typeddict-item]  # as if it answered nothing
        except BotoCoreError as error:
            raise StoreError(_told(self.part, error)) from error
        lock = found.get("ObjectLockConfiguration", {})
        if lock.get("ObjectLockEnabled") != "Enabled":
            raise ConflictError(
                f"{self.part.bucket}: has no Object Lock; make a bucket that has "
                "(it cannot be added later)"
            )

    def _check_bucket(self) -> None:
        try:
            self._client.head_bucket(Bucket=self.part.bucket)
        except (ClientError, BotoCoreError) as error:
            raise StoreError(_told(self.part, error)) from error

    def put(self, name: str, path: Path) -> bool:
        """Put a file under a name that nothing has, and lock it.

        Returns:
            False where the same bytes are there already, locked.

        Raises:
            StoreError: The server cannot be reached, or refuses.
            ConflictError: Something else has the name, or it is not locked.
        """
        digest = _digest(path)
        until = datetime.now(UTC) + timedelta(days=self.part.retain)
        try:
            with path.open("rb") as file:
                self._client.put_object(
                    Bucket=self.part.bucket,
                    Key=self._prefix + name,
                    Body=file,
                    IfNoneMatch="*",
                    ObjectLockMode="COMPLIANCE",
                    ObjectLockRetainUntilDate=until,
                    Metadata={_DIGEST: digest},
                )
        except ClientError as error:
            if _status(error) != PRECONDITION_FAILED:
                raise StoreError(_told(self.part, error)) from error
            self._same(name, digest)
            return False
        except BotoCoreError as error:
            raise StoreError(_told(self.part, error)) from error
        return True

    def versions(self, under: str) -> list[Version]:
        """Versions and markers, by name, of one name the oldest first.

        Raises:
            StoreError: The server cannot be reached, or refuses.
        """
        found: list[Version] = []
        try:
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self.part.bucket, Prefix=self._prefix + under
            )
            for page in pages:
                found += [self._version(v) for v in page.get("Versions", [])]
                found += [
                    self._version(m, marker=True) for m in page.get("DeleteMarkers", [])
                ]
        except (ClientError, BotoCoreError) as error:
            raise StoreError(_told(self.part, error)) from error
        # A server lists the newest of a name first, and knows what its clock does not.
        found.reverse()
        found.sort(key=lambda v: (v.name, v.modified, v.marker))
        return found

    def locked(self, version: Version) -> datetime | None:
        """Until when a version stays, in compliance mode; `None`: it need not stay.

        Raises:
            StoreError: The server cannot be reached, or refuses.
        """
        return None if version.marker else self._head(version)[1]

    def read(self, version: Version, path: Path) -> None:
        """Write the bytes of one version to a file.

        Raises:
            StoreError: The server cannot be reached, or refuses.
        """
        try:
            answer = self._client.get_object(
                Bucket=self.part.bucket,
                Key=self._prefix + version.name,
                VersionId=version.id,
            )
            with path.open("wb") as file:
                for chunk in answer["Body"].iter_chunks(_CHUNK):
                    file.write(chunk)
        except (ClientError, BotoCoreError) as error:
            raise StoreError(_told(self.part, error)) from error

    def _version(self, found: Any, *, marker: bool = False) -> Version:  # noqa: ANN401  # two shapes of boto3
        return Version(
            name=found["Key"].removeprefix(self._prefix),
            id=found["VersionId"],
            size=found.get("Size", 0),
            modified=found["LastModified"],
            marker=marker,
        )

    def _head(self, version: Version) -> tuple[str, datetime | None]:
        """Digest that was put with it, and until when it is locked."""
        try:
            found = self._client.head_object(
                Bucket=self.part.bucket,
                Key=self._prefix + version.name,
                VersionId=version.id,
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreError(_told(self.part, error)) from error
        mode = found.get("ObjectLockMode")
        until = found.get("ObjectLockRetainUntilDate")
        return found["Metadata"].get(_DIGEST, ""), (
            until if mode == "COMPLIANCE" else None
        )

    def _same(self, name: str, digest: str) -> None:
        """The oldest version of a name is what was to be put, and locked."""
        found = [v for v in self.versions(name) if v.name == name and not v.marker]
        if not found:
            raise StoreError(f"{name}: is there and is not listed; look again later")
        said, locked = self._head(found[0])
        if said != digest:
            raise ConflictError(
                f"{name}: version {found[0].id} is something else; keep both, and find "
                "out who wrote it"
            )
        if locked is None:
            raise ConflictError(f"{name}: version {found[0].id} is not locked")


def _credentials(path: Path) -> tuple[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_private(path).decode())
        found = parser["default"]
        return found["aws_access_key_id"], found["aws_secret_access_key"]
    except (configparser.Error, KeyError, UnicodeDecodeError) as error:
        raise EvidenceError(
            f"{path}: expected [default] with aws_access_key_id and "
            "aws_secret_access_key"
        ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _told(part: StorePart, error: Exception) -> str:
    if isinstance(error, ClientError):
        said = error.response["Error"]
        return (
            f"{part.endpoint}/{part.bucket}: {error.operation_name}: HTTP "
            f"{_status(error)} {said.get('Code', '')} {said.get('Message', '')}"
        )
    return f"{part.endpoint}/{part.bucket}: {error}"
