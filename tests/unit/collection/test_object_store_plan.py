"""What a store should hold, and what is refused before anything is changed."""

from importlib import import_module
from typing import Any

import pytest

plan = import_module(
    "ansible_collections.forge.platform.plugins.module_utils.object_store_plan"
)

Bucket = plan.Bucket
RAW: dict[str, Any] = {
    "name": "evidence", "locked": True, "retain_days": 30, "versioned": True,
    "expire_days": 0, "expire_old_days": 0,
}  # fmt: skip


def test_declared_bucket_is_read() -> None:
    assert plan.wanted(RAW) == Bucket(locked=True, retain_days=30)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"locked": False}, "retain_days needs locked"),
        ({"versioned": False}, "locked needs versioned"),
        ({"expire_days": -1}, "never below 0"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(
    change: dict[str, Any], said: str
) -> None:
    with pytest.raises(plan.ObjectStoreError, match=f"bucket evidence: .*{said}"):
        plan.wanted({**RAW, **change})


def test_what_cannot_be_made_so_is_a_problem_with_a_remedy() -> None:
    want = {"a": Bucket(locked=True), "b": Bucket(locked=True, retain_days=1)}
    there = {"a": Bucket(), "b": Bucket(locked=True, retain_days=9)}
    first, second = plan.problems(want, there)
    assert "bucket a was made without Object Lock" in first
    assert "delete it, and run again" in first
    assert "bucket b locks puts for 9 days, declared are 1" in second


def test_what_can_be_made_so_is_none() -> None:
    want = {"new": Bucket(locked=True), "old": Bucket(locked=True, retain_days=9)}
    assert plan.problems(want, {"new": None, "old": Bucket(locked=True)}) == []


def test_lifecycle_and_what_is_read_of_it_agree() -> None:
    bucket = Bucket(expire_days=30, expire_old_days=7)
    assert plan.expiry(plan.lifecycle(bucket)) == (30, 7)
    assert plan.lifecycle(Bucket()) == []
    other = {"ID": "other", "Status": "Enabled", "Expiration": {"Days": 1}}
    assert plan.expiry([other]) == (0, 0)


def test_nobody_bypasses_or_deletes_what_is_locked() -> None:
    said = plan.comparable(plan.policy(["r"], ["locked", "open"], ["locked"]))
    assert ("Allow", "s3:PutObject", "arn:aws:s3:::locked/*") in said
    assert ("Allow", "s3:PutObject", "arn:aws:s3:::r/*") not in said
    assert ("Allow", "s3:GetObject", "arn:aws:s3:::r/*") in said
    deletes = {where for _, action, where in said if "Delete" in action}
    assert deletes == {"arn:aws:s3:::open/*"}
    assert not [action for _, action, _ in said if "Bypass" in action or "*" in action]


def test_policies_are_compared_by_what_they_say() -> None:
    one = plan.policy([], ["a", "b"], [])
    other = {"Statement": [
        {"Effect": "Allow", "Action": action, "Resource": [where]}
        for _, action, where in sorted(plan.comparable(one), reverse=True)
    ]}  # fmt: skip
    assert plan.comparable(other) == plan.comparable(one)
    other["Statement"][0]["Condition"] = {"Bool": {"aws:SecureTransport": "true"}}
    assert plan.comparable(other) != plan.comparable(one)
