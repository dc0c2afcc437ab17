# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identities of a MinIO server: one user and one policy for each that is declared.

SeaweedFS reads its identities from a file; for it there is nothing to do here.
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils import (
    object_store_plan,
    s3_client,
)
from ansible_collections.forge.platform.plugins.module_utils.minio_admin import Admin
from botocore.exceptions import ClientError

WRONG_SECRET = {"SignatureDoesNotMatch", "InvalidAccessKeyId"}

type Step = tuple[str, Callable[[], None]]


class Users:
    """What a module's parameters declare, and the server that should have it."""

    def __init__(self, params: dict[str, Any], locked: set[str]) -> None:
        """Prepare to ask.

        Args:
            params: Of the module.
            locked: Buckets with Object Lock.
        """
        self._params = params
        self._declared = {each["name"]: each for each in params["identities"]}
        if params["engine"] != "minio":
            self._declared = {}
        self._locked = locked
        self._admin = Admin(
            params["endpoint"],
            params["access_key"],
            params["secret_key"],
            verify=params["ca_path"],
            timeout=params["timeout"],
        )

    def read(self) -> dict[str, Any]:
        """Return each declared identity as it is, without its secret."""
        return self._ask(lambda: {name: self._read(name) for name in self._declared})

    def wanted(self) -> dict[str, Any]:
        """Return each declared identity as it should be, without its secret."""
        return {
            name: {
                "enabled": True,
                "policies": [policy_of(name)],
                "allowed": _words(
                    object_store_plan.policy(
                        each["reads"], each["writes"], self._locked
                    )
                ),
                "secret": "as declared",
            }
            for name, each in self._declared.items()
        }

    def strangers(self) -> list[str]:
        """Return users of the server that nobody declared."""
        if self._params["engine"] != "minio":
            return []
        return sorted(self._ask(self._admin.users) - set(self._declared))

    def steps(self, before: dict[str, Any], after: dict[str, Any]) -> list[Step]:
        """Return what has to be done, a policy before its user."""
        found: list[Step] = []
        for name, want in after.items():
            have = before[name] or {}
            if have.get("allowed") != want["allowed"]:
                found.append((f"policy {policy_of(name)}", self._policy(name)))
            same = {"enabled", "secret"}
            if {key: have.get(key) for key in same} != {key: want[key] for key in same}:
                found.append((f"user {name}", self._user(name)))
            if have.get("policies") != want["policies"]:
                found.append((f"rights of {name}", self._attach(name)))
        return found

    def _policy(self, name: str) -> Callable[[], None]:
        each = self._declared[name]
        document = object_store_plan.policy(each["reads"], each["writes"], self._locked)
        return lambda: self._admin.put_policy(policy_of(name), document)

    def _user(self, name: str) -> Callable[[], None]:
        secret = self._declared[name]["secret_key"]
        return lambda: self._admin.put_user(name, secret)

    def _attach(self, name: str) -> Callable[[], None]:
        return lambda: self._admin.attach(name, [policy_of(name)])

    def _read(self, name: str) -> dict[str, Any] | None:
        user = self._admin.user(name)
        policy = self._admin.policy(policy_of(name))
        if user is None and policy is None:
            return None
        user = user or {}
        names = [each for each in user.get("policyName", "").split(",") if each]
        return {
            "enabled": user.get("status") == "enabled",
            "policies": sorted(names),
            "allowed": _words(policy or {}),
            "secret": "as declared" if user and self._knows(name) else "another",
        }

    def _knows(self, name: str) -> bool:
        """Whether the server takes the declared secret of a user."""
        secret = self._declared[name]["secret_key"]
        client = s3_client.connect(self._params, name, secret)
        try:
            client.list_buckets()
        except ClientError as error:
            return s3_client.code(error) not in WRONG_SECRET
        finally:
            client.close()
        return True

    def _ask[T](self, act: Callable[[], T]) -> T:
        return s3_client.asking(self._params["endpoint"], act)


def policy_of(name: str) -> str:
    """Return the name of an identity's policy."""
    return f"forge-{name}"


def _words(policy: dict[str, Any]) -> list[str]:
    said = object_store_plan.comparable(policy)
    return sorted(f"{effect} {action} {where}" for effect, action, where in said)
