"""Copies of a bucket of a real MinIO, and what is said when it cannot be read."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from tests.integration.backup.conftest import Room
from tests.integration.certificates import Authority
from tests.integration.s3.servers import free_ports

from forge.artifacts.progress import SILENT
from forge.backup.bucket import Bucket
from forge.backup.copies import Copies
from forge.backup.model import Result
from forge.backup.pull import pull
from forge.errors import InputError

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART = 5 << 20  # the smallest that S3 takes
# Names that would leave the folder, or cannot be a file's.
AWKWARD = ["../outside", "a", "b/c", "d//e", "slash/", "x" * 700, "ümlaut %2F ?"]


def one(source: Bucket, folder: Path) -> Result:
    (result,) = pull([source], folder, SILENT).results
    return result


def contents(folder: Path) -> dict[str, bytes]:
    with Copies.open(folder) as kept:
        return {c.name: kept.path(c.sha256).read_bytes() for c in kept.all()}


def put_parts(room: Room, key: str, *parts: bytes) -> bytes:
    """Put an object in parts; return the whole."""
    bucket, owner = room.bucket, room.owner
    upload = owner.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    done: list[CompletedPartTypeDef] = []
    for number, part in enumerate(parts, 1):
        answer = owner.upload_part(
            Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part
        )
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    owner.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": done}
    )
    return b"".join(parts)


def test_every_object_is_copied_whatever_its_name(room: Room, tmp_path: Path) -> None:
    expected = {}
    for number, name in enumerate(AWKWARD):
        try:
            room.owner.put_object(Bucket=room.bucket, Key=name, Body=b"%d" % number)
        except ClientError:
            continue  # the store itself refuses some
        expected[name] = b"%d" % number
    assert len(expected) > 3
    folder = tmp_path / "copies"
    assert one(room.source(), folder).problem == ""
    assert contents(folder) == expected
    assert [p.name for p in tmp_path.iterdir() if p.name == "outside"] == []


def test_more_objects_than_one_answer_lists(room: Room) -> None:
    for number in range(1005):
        room.owner.put_object(Bucket=room.bucket, Key=f"o/{number}", Body=b"")
    assert len({item.name for item in room.source().items()}) == 1005


def test_parts_of_one_and_of_several_sizes_are_compared(
    room: Room, tmp_path: Path
) -> None:
    same = put_parts(room, "same", b"1" * PART, b"2" * PART, b"3" * 100)
    other = put_parts(room, "other", b"1" * PART, b"2" * (PART + 7), b"3" * 100)
    folder = tmp_path / "copies"
    assert one(room.source(), folder).problem == ""
    assert contents(folder) == {"same": same, "other": other}
    (item,) = (i for i in room.source().items() if i.name == "other")
    wrong = tmp_path / "wrong"
    wrong.write_bytes(other[:-1] + b"x")
    assert "what arrived is not it" in room.source().problem(item, "", wrong)


def test_a_transfer_goes_on_from_what_is_there(room: Room, tmp_path: Path) -> None:
    whole = put_parts(room, "large", b"1" * PART, b"2" * PART)
    folder, source = tmp_path / "copies", room.source()
    (item,) = source.items()
    with Copies.open(folder) as kept:
        kept.partial(source.name, item).write_bytes(whole[: PART + 3])
    result = one(source, folder)
    assert (result.problem, result.bytes) == ("", PART - 3)
    assert contents(folder) == {"large": whole}


def test_a_wrong_beginning_is_found_and_begun_anew(room: Room, tmp_path: Path) -> None:
    whole = put_parts(room, "large", b"1" * PART, b"2" * PART)
    folder, source = tmp_path / "copies", room.source()
    (item,) = source.items()
    with Copies.open(folder) as kept:
        kept.partial(source.name, item).write_bytes(b"x" * PART)
    assert one(source, folder).problem == ""
    assert contents(folder) == {"large": whole}


def test_what_is_replaced_meanwhile_is_no_mixture(room: Room, tmp_path: Path) -> None:
    room.owner.put_object(Bucket=room.bucket, Key="k", Body=b"first")
    source = room.source()
    listed = source.items()
    room.owner.put_object(Bucket=room.bucket, Key="k", Body=b"other")
    source.items = lambda: listed  # type: ignore[method-assign]  # the list of before
    result = one(source, tmp_path / "copies")
    assert "replaced meanwhile" in result.problem
    assert contents(tmp_path / "copies") == {}


def test_the_identity_can_read_and_nothing_else(room: Room) -> None:
    reader = room.store.client()
    room.owner.put_object(Bucket=room.bucket, Key="k", Body=b"x")
    for call in (
        lambda: reader.put_object(Bucket=room.bucket, Key="k", Body=b"y"),
        lambda: reader.delete_object(Bucket=room.bucket, Key="k"),
        lambda: reader.create_bucket(Bucket="another"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    reader.close()


def test_wrong_credentials_name_the_store_and_the_remedy(
    room: Room, credentials: Callable[..., Path], tmp_path: Path
) -> None:
    for given, said in (
        (credentials("wrong"), "the secret is another one"),
        (credentials("wrong", key="nobody"), "does not know this key"),
    ):
        store = dataclasses.replace(room.store, credentials=given)
        problem = one(room.source(store), tmp_path / "copies").problem
        assert f"object store {room.server.url}, bucket {room.bucket}" in problem
        assert said in problem


def test_a_bucket_that_is_not_there_or_not_open_is_told(
    room: Room, tmp_path: Path
) -> None:
    room.owner.create_bucket(Bucket=f"{room.bucket}-closed")
    for name in ("none-of-this-name", f"{room.bucket}-closed"):
        problem = one(room.source(name=name), tmp_path / "copies").problem
        assert f"bucket {name}" in problem
        # Who may not list is not told what there is.
        assert "use that of backup-reader" in problem or "name a bucket" in problem


def test_a_store_that_is_down_is_told(room: Room, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    store = dataclasses.replace(room.store, endpoint=f"https://127.0.0.1:{port}")
    problem = one(room.source(store), tmp_path / "copies").problem
    assert f"https://127.0.0.1:{port}" in problem
    assert "it does not answer" in problem


def test_another_authority_is_told(room: Room, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    store = dataclasses.replace(room.store, authority=other.file)
    problem = one(room.source(store), tmp_path / "copies").problem
    assert "--authority" in problem


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("[default]\naws_access_key_id = a\n", 0o600, "expected"),
        ("no ini", 0o600, "expected"),
        ("[default]\n", 0o640, "lets others in"),
    ],
)
def test_credentials_that_cannot_be_used_are_refused(
    room: Room, tmp_path: Path, text: str, mode: int, said: str
) -> None:
    path = tmp_path / "bad"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(InputError, match=said):
        dataclasses.replace(room.store, credentials=path).client()
