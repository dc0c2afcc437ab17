"""`pod_exec` asks Pods of one API server at the same time."""

import base64
import importlib
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import kube_config
from tests.integration.certificates import Authority

POD_EXEC = importlib.import_module(
    "ansible_collections.forge.platform.plugins.modules.pod_exec"
)


def slowly(name: Path, mode: str = "r") -> Any:
    if "w" in mode:
        time.sleep(0.2)
    return Path(name).open(mode)


def test_clients_at_the_same_time_all_have_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    port = listener.getsockname()[1]
    data = base64.b64encode(authority.file.read_bytes()).decode()
    server = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": data,
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "c",
                "clusters": [{"name": "c", "cluster": server}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
        )
    )
    pods = [f"pod-{number}" for number in range(6)]
    # The library writes the certificate after it told others where it is.
    monkeypatch.setattr(kube_config, "open", slowly, raising=False)
    # Nobody accepts: each call comes as far as the certificate, and waits then.
    with listener:
        said = POD_EXEC.ask_all(str(kubeconfig), "default", pods, ["true"], 1)
    assert said == dict.fromkeys(pods, (None, "no session in 1 s"))
