# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object store should hold, and what differs from it: pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

RULE = "forge"  # id of the one lifecycle rule that is ours
MODE = "COMPLIANCE"


class ObjectStoreError(Exception):
    """The store is not as declared and cannot be made so; the message has a remedy."""


@dataclass(frozen=True)
class Bucket:
    """One bucket, as it is or as it should be.

    Attributes:
        locked: Made with Object Lock, which no bucket gets later.
        retain_days: Every put is locked for so long, in compliance mode; 0: not.
        versioned: Every put is a version of its own.
        expire_days: Objects go after so many days; 0: never.
        expire_old_days: Versions go so long after another replaced them; 0: never.
    """

    locked: bool = False
    retain_days: int = 0
    versioned: bool = True
    expire_days: int = 0
    expire_old_days: int = 0


def wanted(raw: Mapping[str, Any]) -> Bucket:
    """Return what a module's parameter asks of one bucket.

    Raises:
        ObjectStoreError: Its parts do not go together.
    """
    found = Bucket(**{name: raw[name] for name in Bucket.__dataclass_fields__})
    name = raw["name"]
    if found.retain_days and not found.locked:
        raise ObjectStoreError(f"bucket {name}: retain_days needs locked: true")
    if found.locked and not found.versioned:
        raise ObjectStoreError(f"bucket {name}: locked needs versioned: true")
    if min(found.retain_days, found.expire_days, found.expire_old_days) < 0:
        raise ObjectStoreError(f"bucket {name}: days are never below 0")
    return found


def problems(
    declared: Mapping[str, Bucket], there: Mapping[str, Bucket | None]
) -> list[str]:
    """Return why what is there cannot become what is declared.

    Args:
        declared: By name.
        there: By name; `None`: no such bucket.
    """
    found = []
    for name, want in declared.items():
        have = there[name]
        if have is None:
            continue
        if want.locked and not have.locked:
            found.append(
                f"bucket {name} was made without Object Lock, and none gets it later:"
                " move its objects away, delete it, and run again"
            )
        if have.retain_days > want.retain_days:
            found.append(
                f"bucket {name} locks puts for {have.retain_days} days, declared are"
                f" {want.retain_days}: a lock is not made shorter here; declare at"
                f" least {have.retain_days}"
            )
    return found


def lifecycle(bucket: Bucket) -> list[dict[str, Any]]:
    """Return the rules of a bucket, as S3 takes them; none where nothing expires."""
    rule: dict[str, Any] = {}
    if bucket.expire_days:
        rule["Expiration"] = {"Days": bucket.expire_days}
    if bucket.expire_old_days:
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": bucket.expire_old_days}
    if not rule:
        return []
    return [{"ID": RULE, "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}]


def expiry(rules: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Return days of objects and of replaced versions that our rule says."""
    for rule in rules:
        if rule.get("ID") == RULE and rule.get("Status") == "Enabled":
            old = rule.get("NoncurrentVersionExpiration", {})
            return rule.get("Expiration", {}).get("Days", 0), old.get(
                "NoncurrentDays", 0
            )
    return 0, 0


def policy(
    reads: Iterable[str], writes: Iterable[str], locked: Iterable[str]
) -> dict[str, Any]:
    """Return what an identity may do: an S3 policy without wildcards of actions.

    Nobody gets BypassGovernanceRetention or deletes versions; in a bucket with Object
    Lock nobody deletes at all.

    Args:
        reads: Buckets that it reads.
        writes: Buckets that it reads and writes.
        locked: Buckets with Object Lock.
    """
    writes, locked = sorted(set(writes)), set(locked)
    look = sorted({*reads, *writes})
    statements = [
        _statement(LIST, [f"arn:aws:s3:::{name}" for name in look]),
        _statement(READ, [f"arn:aws:s3:::{name}/*" for name in look]),
    ]
    for name in writes:
        more = LOCK if name in locked else DELETE
        statements.append(_statement(WRITE + more, [f"arn:aws:s3:::{name}/*"]))
    return {"Version": "2012-10-17", "Statement": statements}


LIST = [
    "s3:GetBucketLocation",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketVersioning",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
]
READ = [
    "s3:GetObject",
    "s3:GetObjectLegalHold",
    "s3:GetObjectRetention",
    "s3:GetObjectVersion",
]
WRITE = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
LOCK = ["s3:PutObjectRetention"]
DELETE = ["s3:DeleteObject"]


def _statement(actions: Iterable[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": sorted(actions), "Resource": resources}


def comparable(found: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Return a policy as what it says, whatever order and grouping it is in."""
    said = set()
    for each in found.get("Statement", []):
        actions, resources = each.get("Action", []), each.get("Resource", [])
        actions = [actions] if isinstance(actions, str) else actions
        resources = [resources] if isinstance(resources, str) else resources
        # A condition is part of what is said, and we never write one.
        effect = each["Effect"] + (" if" if each.get("Condition") else "")
        said |= {(effect, a, r) for a in actions for r in resources}
    return said


def shown(buckets: Mapping[str, Bucket | None]) -> dict[str, Any]:
    """Return buckets for a diff."""
    return {
        name: None if each is None else asdict(each) for name, each in buckets.items()
    }
