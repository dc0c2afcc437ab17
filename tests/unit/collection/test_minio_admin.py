"""Bodies of MinIO's admin API that hold a secret.

A real server reads them in tests/integration/object_store.
"""

from importlib import import_module

import pytest

minio_admin = import_module(
    "ansible_collections.forge.platform.plugins.module_utils.minio_admin"
)

SECRET = "of-the-root"  # noqa: S105  # nobody's


# From 8 bytes on: one byte stands in any ciphertext by chance.
@pytest.mark.parametrize("size", [8, 1 << 14, (1 << 14) + 1, 100_000])
def test_what_is_sealed_is_read_by_who_knows_the_secret(size: int) -> None:
    plain = b"x" * size
    sealed = minio_admin.seal(plain, SECRET)
    assert plain[:100] not in sealed
    assert minio_admin.unseal(sealed, SECRET) == plain


def test_no_two_are_alike() -> None:
    assert minio_admin.seal(b"x", SECRET) != minio_admin.seal(b"x", SECRET)


@pytest.mark.parametrize("place", [0, 33, 45, -1])
def test_a_changed_byte_is_found(place: int) -> None:
    sealed = bytearray(minio_admin.seal(b"some text", SECRET))
    sealed[place] ^= 1
    with pytest.raises(minio_admin.AdminError, match="changed on its way"):
        minio_admin.unseal(bytes(sealed), SECRET)


def test_another_secret_and_a_missing_end_are_found() -> None:
    sealed = minio_admin.seal(b"x" * 40_000, SECRET)
    with pytest.raises(minio_admin.AdminError):
        minio_admin.unseal(sealed, "another")
    with pytest.raises(minio_admin.AdminError):
        minio_admin.unseal(sealed[: 41 + (1 << 14) + 16], SECRET)


@pytest.mark.parametrize("bad", [b"", b"x" * 40, b"x" * 32 + b"\x07" + b"y" * 40])
def test_another_form_is_refused(bad: bytes) -> None:
    with pytest.raises(minio_admin.AdminError, match="of no known form"):
        minio_admin.unseal(bad, SECRET)
