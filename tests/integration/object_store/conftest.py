"""The role `minio` against a real server on loopback, of each engine."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.s3.servers import SERVERS

ROOT = Path(__file__).parents[3]
COLLECTIONS = str(ROOT / "collections")
if COLLECTIONS not in sys.path:
    sys.path.insert(0, COLLECTIONS)

SECRET = "a-secret-of-the-root"  # noqa: S105  # of a server of the tests
DEFAULTS = yaml.safe_load((ROOT / "roles/minio/defaults/main.yml").read_text())
NAMES = [each["name"] for each in DEFAULTS["minio_identities"]]
ADDRESSES = {"cluster": "127.0.0.1"}


@dataclass
class Role:
    """The role with its variables, on a host that is this machine."""

    folder: Path
    variables: dict[str, Any] = field(default_factory=dict)

    def play(
        self, *flags: str, entry: str = "main", **changes: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run the role; the output is on `stdout`."""
        task = {
            "name": "Apply",
            "ansible.builtin.include_role": {"name": "minio", "tasks_from": entry},
        }
        play = {
            "hosts": "store",
            "gather_facts": False,
            "vars": {**self.variables, **changes},
            "tasks": [task],
        }
        book = self.folder / "play.yml"
        book.write_text(json.dumps([play]))
        return subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "--inventory",
             "store,", "--connection", "local", "--diff", *flags, book],
            env=os.environ | {
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_LOCAL_TEMP": str(self.folder / "ansible"),
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def role(tmp_path: Path) -> Role:
    """With the buckets and identities of its defaults, and secrets for all of them."""
    store = tmp_path / "store"
    given = {
        "ansible_python_interpreter": sys.executable,
        "forge_topology": {
            "hosts": {"store": {"addresses": ADDRESSES}},
            "cluster": {"dns_domain": "cluster.local"},
            "ports": {"s3": 9000},
        },
        "minio_packages": [],
        "minio_kubeconfig": "",
        "minio_folder": str(store),
        "minio_uid": os.getuid(),
        "minio_authority_path": str(tmp_path / "authority.pem"),
        "minio_root_user": "tests",
        "minio_secrets": {name: f"secret-of-{name}" for name in NAMES}
        | {"root": SECRET},
        "minio_wait_seconds": 5,
    }
    return Role(tmp_path, given)


@pytest.fixture(params=list(SERVERS))
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine."""
    return str(request.param)
