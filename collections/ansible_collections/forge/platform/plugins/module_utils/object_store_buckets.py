# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the buckets of an S3 store, and makes them what they should be."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils.object_store_plan import (
    MODE,
    Bucket,
    expiry,
    lifecycle,
)
from botocore.client import BaseClient
from botocore.exceptions import ClientError

NOT_FOUND, CONFLICT = 404, 409  # HTTP


def read(client: BaseClient, names: Iterable[str]) -> dict[str, Bucket | None]:
    """Return each named bucket as it is; `None`: there is none.

    Raises:
        ClientError: The server refuses to say.
    """
    there = {each["Name"] for each in client.list_buckets()["Buckets"]}
    return {name: _read(client, name) if name in there else None for name in names}


def _read(client: BaseClient, name: str) -> Bucket:
    lock = _or_none(client.get_object_lock_configuration, name) or {}
    lock = lock.get("ObjectLockConfiguration", {})
    kept = lock.get("Rule", {}).get("DefaultRetention", {})
    status = client.get_bucket_versioning(Bucket=name).get("Status")
    rules = _or_none(client.get_bucket_lifecycle_configuration, name) or {}
    expire, old = expiry(rules.get("Rules", []))
    return Bucket(
        locked=lock.get("ObjectLockEnabled") == "Enabled",
        # Governance mode can be bypassed: it protects nothing here.
        retain_days=kept.get("Days", 0) if kept.get("Mode") == MODE else 0,
        versioned=status == "Enabled",
        expire_days=expire,
        expire_old_days=old,
    )


def _or_none(ask: Callable[..., dict[str, Any]], name: str) -> dict[str, Any] | None:
    """What a bucket has; `None`: the server says that it has nothing of the kind."""
    try:
        return ask(Bucket=name)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == NOT_FOUND:
            return None
        raise


def apply(client: BaseClient, name: str, have: Bucket | None, want: Bucket) -> None:
    """Make one bucket what it should be.

    Raises:
        ClientError: The server refuses it.
    """
    if have is None:
        _create(client, name, locked=want.locked)
        have = Bucket(locked=want.locked, versioned=want.locked)
    if have.versioned != want.versioned:
        status = "Enabled" if want.versioned else "Suspended"
        client.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": status}
        )
    if have.retain_days != want.retain_days:
        rule = {"DefaultRetention": {"Mode": MODE, "Days": want.retain_days}}
        client.put_object_lock_configuration(
            Bucket=name,
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
        )
    if (have.expire_days, have.expire_old_days) != (
        want.expire_days, want.expire_old_days,
    ):  # fmt: skip
        _expire(client, name, want)


def _create(client: BaseClient, name: str, *, locked: bool) -> None:
    try:
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
    except ClientError as error:
        # A full MinIO keeps the bucket without the lock that it was asked for, and no
        # bucket gets one later. Where it had the name already, it is not ours.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != CONFLICT:
            with contextlib.suppress(ClientError):
                client.delete_bucket(Bucket=name)
        raise


def _expire(client: BaseClient, name: str, want: Bucket) -> None:
    rules = lifecycle(want)
    if not rules:
        client.delete_bucket_lifecycle(Bucket=name)
        return
    client.put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": rules}
    )
