"""The command line and the options, as K3s documents them."""

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.k3s_contract.conftest import Cluster


@pytest.mark.doc("https://docs.k3s.io/cli")
def test_version_is_named(program: dict[str, Path]) -> None:
    """``k3s --version`` prints ``k3s version VERSION (...)`` and Go's version."""
    out = subprocess.run(
        [program["k3s"], "--version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert out[0].startswith("k3s version v1.")
    assert "+" in out[0].split()[2]
    assert out[1].startswith("go version go")


@pytest.mark.doc("https://docs.k3s.io/cli/agent")
def test_unknown_option_is_refused(cluster: "Cluster") -> None:
    """An option that does not exist ends the program and is named."""
    done = cluster.agent.call("k3s agent --no-such-option 2>&1")
    assert done.returncode != 0
    assert b"no-such-option" in done.stdout


@pytest.mark.doc("https://docs.k3s.io/cli/agent")
def test_agent_needs_a_server(cluster: "Cluster") -> None:
    """An agent without ``--server`` ends and names the option."""
    done = cluster.agent.call("k3s agent --config /dev/null --token x 2>&1")
    assert done.returncode != 0
    assert b"--server is required" in done.stdout


@pytest.mark.doc("https://docs.k3s.io/cli")
def test_tools_are_built_in(cluster: "Cluster") -> None:
    """``k3s kubectl`` and ``k3s ctr`` run the tools, and so do links to ``k3s``."""
    direct = cluster.server.run("k3s kubectl get nodes -o name")
    assert cluster.server.run("kubectl get nodes -o name") == direct
    assert f"node/{cluster.server.name}" in direct.splitlines()
    images = cluster.agent.run("ctr -n k8s.io images list -q")
    assert images == cluster.agent.run("k3s ctr -n k8s.io images list -q")
    assert images


@pytest.mark.doc("https://docs.k3s.io/installation/configuration")
def test_last_value_of_a_key_counts(cluster: "Cluster") -> None:
    """``config.yaml.d/*.yaml`` are read after ``config.yaml`` in alphabetical order."""
    names = cluster.kubectl("get nodes -o name").split()
    assert f"node/{cluster.server.name}" in names
    assert not {"node/not-this-one", "node/nor-this-one"} & set(names)


@pytest.mark.doc("https://docs.k3s.io/installation/configuration")
def test_list_is_replaced_or_appended(cluster: "Cluster") -> None:
    """A later list replaces the earlier one; under ``key+`` it is appended."""
    node = cluster.get(f"node {cluster.server.name}")
    assert node["status"]["capacity"]["pods"] == "60"
    names = cluster.server.run(
        "openssl s_client -connect 127.0.0.1:6443 </dev/null 2>/dev/null"
        " | openssl x509 -noout -ext subjectAltName"
    )
    assert "one.contract.test" in names
    assert "two.contract.test" in names


@pytest.mark.doc("https://docs.k3s.io/installation/configuration")
def test_command_line_wins_over_the_file(cluster: "Cluster") -> None:
    """A repeatable option on the command line replaces the file's whole list."""
    labels = cluster.get(f"node {cluster.server.name}")["metadata"]["labels"]
    assert labels["contract.test/cli"] == "yes"
    assert "contract.test/file" not in labels
