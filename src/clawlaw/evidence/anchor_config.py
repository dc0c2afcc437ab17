"""The uploader's configuration: one closed YAML document of mode 0600.

document: anchor
log: /var/lib/clawlaw/log
key: forge.example/m4-pro+0a1b2c3d+AW...
witnessed: /var/lib/clawlaw/witnessed.note
witnesses: [{url: "https://worker-02:8790", key: worker-02+...}]
store: {endpoint: "https://worker-04:9000", bucket: evidence, credentials: ...}
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from clawlaw.policy.source import read_source
from clawlaw.private import read_private

type Absolute = Annotated[str, Meta(pattern="^/", max_length=4096)]
type Url = Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=2048)]


class WitnessPart(Struct, frozen=True, forbid_unknown_fields=True):
    """A witness that is asked.

    Attributes:
        key: Line of `clawlaw witness keygen`.
        authority: PEM of what signed its certificate; "": the system's.
    """

    url: Url
    key: str
    authority: str = ""


class StorePart(Struct, frozen=True, forbid_unknown_fields=True):
    """Where objects go, and for how long.

    Attributes:
        bucket: Made with Object Lock.
        credentials: File of mode 0600 with `[default]`, `aws_access_key_id` and
            `aws_secret_access_key`.
        prefix: Before every name, without a slash at its end.
        retain: Days that a version stays locked from when it is put.
        authority: PEM of what signed the server's certificate; "": the system's.
    """

    endpoint: Url
    bucket: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    credentials: Absolute
    prefix: Annotated[str, Meta(pattern="^([^/]+(/[^/]+)*)?$", max_length=200)] = ""
    region: str = "us-east-1"
    retain: Annotated[int, Meta(ge=1, le=36_500)] = 365
    authority: str = ""


class AnchorConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of it.

    Attributes:
        log: Folder of the log.
        key: Published key of the log; its name is the log's origin.
        witnessed: File for the newest co-signed head, which the gate reads; "": none.
        needed: Witnesses without whose cosignatures a head is not left there; as in
            the gate's configuration.
        store: `None`: not configured, heads go to witnesses only.
        interval: Seconds between two rounds.
    """

    document: Literal["anchor"]
    log: Absolute
    key: str
    witnessed: str = ""
    witnesses: tuple[WitnessPart, ...] = ()
    needed: Annotated[int, Meta(ge=1, le=16)] = 1
    store: StorePart | None = None
    interval: Annotated[int, Meta(ge=1, le=3600)] = 15


def read_config(path: Path) -> AnchorConfig:
    """Read and check the configuration.

    Raises:
        PolicyError: What is wrong, with file, line and remedy.
        PrivateFileError: It cannot be read, or others could read or change it.
    """
    source = read_source(str(path), read_private(path))
    try:
        return msgspec.convert(source.data, AnchorConfig)
    except msgspec.ValidationError as error:
        raise source.error((), str(error)) from error
