# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the object store, and its errors in words that say what to do."""

from collections.abc import Callable
from typing import Any

import boto3
import requests
from ansible_collections.forge.platform.plugins.module_utils.minio_admin import (
    AdminError,
)
from ansible_collections.forge.platform.plugins.module_utils.object_store_plan import (
    ObjectStoreError,
)
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, SSLError

AWAY = "look at its Pod: kubectl --namespace object-store get pods"
KEYS = "compare the key with the Secret that the server was started with"
# What an error's code means to whoever runs the role.
REMEDIES = {
    "InvalidAccessKeyId": f"refuses the credentials: {KEYS}",
    "SignatureDoesNotMatch": f"refuses the credentials: {KEYS}",
    "XMinioAdminInvalidAccessKey": f"refuses the credentials: {KEYS}",
    "AccessDenied": f"refuses what was asked of it: {KEYS}",
    "RequestTimeTooSkewed": "has another time than this machine: set both clocks right",
    "XMinioStorageFull": "is full: make room on the storage node, and run again",
    "InsufficientStorage": "is full: make room on the storage node, and run again",
    "XMinioServerNotInitialized": f"has not started yet: {AWAY}",
    "SlowDownWrite": "cannot write: look at room and health of its drive",
}
FULL = 507  # HTTP, insufficient storage


def connect(params: dict[str, Any], key: str = "", secret: str = "") -> BaseClient:
    """Return a client of S3; nothing is asked yet.

    Args:
        params: Of a module: `endpoint`, `access_key`, `secret_key`, `ca_path`,
            `timeout`.
        key: Of another identity than the parameters'.
        secret: Its secret.
    """
    return boto3.client(
        "s3",
        endpoint_url=params["endpoint"],
        region_name="us-east-1",
        aws_access_key_id=key or params["access_key"],
        aws_secret_access_key=secret or params["secret_key"],
        verify=params["ca_path"],
        config=Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 2},
            connect_timeout=params["timeout"],
            read_timeout=params["timeout"],
        ),
    )


def code(error: ClientError) -> str:
    """Return the code of an S3 error."""
    return str(error.response["Error"]["Code"])


def asking[T](endpoint: str, act: Callable[[], T], doing: str = "") -> T:
    """Act; errors of the connection and of the server become one with a remedy.

    Args:
        endpoint: Of the store, for the message.
        act: What asks the store.
        doing: What is done, if there is more to say than that.

    Raises:
        ObjectStoreError: It failed.
    """
    what = f"object store {endpoint}" + (f", {doing}" if doing else "")
    try:
        return act()
    except ClientError as error:
        status = error.response["ResponseMetadata"].get("HTTPStatusCode")
        name = "InsufficientStorage" if status == FULL else code(error)
        message = error.response["Error"].get("Message", "")
        raise ObjectStoreError(f"{what}: {_said(name, message)}") from error
    except AdminError as error:
        raise ObjectStoreError(f"{what}: {_said(error.code, str(error))}") from error
    except (SSLError, requests.exceptions.SSLError) as error:
        raise ObjectStoreError(
            f"{what}: its certificate is not signed by ca_path ({error})"
        ) from error
    except (BotoCoreError, requests.RequestException) as error:
        raise ObjectStoreError(f"{what}: does not answer: {AWAY} ({error})") from error


def _said(name: str, message: str) -> str:
    remedy = REMEDIES.get(name)
    return f"{remedy} ({name}: {message})" if remedy else f"{name}: {message}"
