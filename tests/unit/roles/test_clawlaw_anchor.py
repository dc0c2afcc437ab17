"""The uploader's configuration as the role writes it, read by the uploader."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, StrictUndefined

from clawlaw.evidence.anchor_config import AnchorConfig, read_config

ROLE = Path(__file__).parents[3] / "roles/clawlaw"
KEY = "forge.internal/m4-pro+0a1b2c3d+AW"
WITNESS = {"url": "https://10.20.1.22:8445", "key": "w+1+A", "name": "worker-02"}
STORE: dict[str, Any] = {
    "endpoint": "https://10.20.1.24:9000", "bucket": "evidence", "prefix": "m4-pro",
    "access_key": "evidence-writer", "secret_key": "of-the-writer",
    "certificate": "PEM", "retain_days": 365,
}  # fmt: skip


def written(folder: Path, **changes: Any) -> tuple[str, AnchorConfig]:
    """The file's text, and what the uploader reads in it."""
    values: dict[str, Any] = {
        "_clawlaw_data": "/var/lib/clawlaw",
        "_clawlaw_etc": "/etc/clawlaw",
        "_clawlaw_witnessed": "/var/lib/clawlaw/anchor/witnessed.note",
        "_clawlaw_store_credentials": "/etc/clawlaw/s3",
        "__clawlaw_public": {"content": base64.b64encode(KEY.encode()).decode()},
        "clawlaw_witnesses": [WITNESS],
        "clawlaw_witnesses_needed": 1,
        "clawlaw_anchor_seconds": 15,
        "clawlaw_store": {},
        **changes,
    }
    environment = Environment(  # noqa: S701  # writes YAML
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {
        "to_json": json.dumps,
        "b64decode": lambda text: base64.b64decode(text).decode(),
    }
    source = (ROLE / "templates/anchor.yaml.j2").read_text()
    text = environment.from_string(source).render(values)
    file = folder / "anchor.yaml"
    file.touch(0o600)
    file.write_text(text)
    return text, read_config(file)


@pytest.mark.parametrize("witnesses", [[], [WITNESS]])
def test_without_a_store_none_is_configured(
    tmp_path: Path, witnesses: list[dict[str, str]]
) -> None:
    _, read = written(tmp_path, clawlaw_witnesses=witnesses)
    assert read.store is None
    assert len(read.witnesses) == len(witnesses)


@pytest.mark.parametrize("witnesses", [[], [WITNESS]])
def test_the_store_is_configured_and_its_secret_stands_elsewhere(
    tmp_path: Path, witnesses: list[dict[str, str]]
) -> None:
    text, read = written(tmp_path, clawlaw_store=STORE, clawlaw_witnesses=witnesses)
    assert read.store is not None
    assert (read.store.endpoint, read.store.bucket) == (
        "https://10.20.1.24:9000", "evidence"
    )  # fmt: skip
    assert read.store.credentials == "/etc/clawlaw/s3"
    assert read.store.retain == 365
    assert read.store.authority == "/etc/clawlaw/store.pem"
    assert STORE["secret_key"] not in text
    assert STORE["access_key"] not in text
