"""Every policy of gitops/policies judged by the real Kyverno.

The CLI is the pinned artifact `kyverno`; `make test-policies` builds it first.
"""

import subprocess
from functools import cache
from pathlib import Path

import msgspec
import pytest
import yaml

from forge.artifacts import pinfile
from forge.artifacts.cache import Cache
from forge.artifacts.ensure import ensure
from forge.artifacts.pins import host_arch
from forge.gitops.enforced import enforced

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "gitops/policies"
CASES = sorted(path.parent for path in (POLICIES / "tests").glob("*/pass.yaml"))
BY_AUTHOR = POLICIES / "tests/clawlaw-namespace"


@cache
def kyverno() -> str:
    versions = pinfile.load(ROOT / "versions.yml")
    made = ensure("kyverno", host_arch(), versions=versions, cache=Cache.of({}))
    return str(made.files["kubectl-kyverno"])


def file_of(name: str) -> Path:
    (found,) = (
        path
        for path in (POLICIES / "audit").glob("*.yaml")
        if yaml.safe_load(path.read_text())["metadata"]["name"] == name
    )
    return found


def names(path: Path) -> set[str]:
    return {
        each["metadata"]["name"]
        for each in yaml.safe_load_all(path.read_text())
        if each
    }


def judge(policy: Path, *resources: Path, user: Path | None = None) -> dict[str, str]:
    """Return the result that Kyverno gives each object that the policy matches."""
    command = [kyverno(), "apply", str(policy), "--policy-report"]
    command += ["--output-format", "json"]
    command += ["--values-file", str(POLICIES / "tests/namespaces.yaml")]
    for path in resources:
        command += ["--resource", str(path)]
    if user is not None:
        command += ["--userinfo", str(user)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    start = done.stdout.find('{"kind"')
    assert start >= 0, done.stdout + done.stderr
    report = msgspec.json.decode(done.stdout[start:].strip())
    assert report["summary"]["error"] == 0, report
    worst: dict[str, str] = {}
    for result in report["results"]:
        name = result["resources"][0]["name"]
        if worst.get(name) != "fail":
            worst[name] = result["result"]
    return worst


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_policy_admits_and_refuses(case: Path, tmp_path: Path) -> None:
    user = None
    if case == BY_AUTHOR:
        user = user_info(tmp_path, "kubernetes-admin")
    found = judge(file_of(case.name), case / "pass.yaml", case / "fail.yaml", user=user)
    failed = {name for name, result in found.items() if result == "fail"}
    assert failed == names(case / "fail.yaml")
    assert not failed & names(case / "pass.yaml")


def user_info(folder: Path, name: str) -> Path:
    path = folder / "user.yaml"
    content = {
        "apiVersion": "cli.kyverno.io/v1beta1",
        "kind": "UserInfo",
        "metadata": {"name": "user"},
        "userInfo": {"username": name},
    }
    path.write_text(yaml.safe_dump(content))
    return path


USERS = yaml.safe_load((BY_AUTHOR / "users.yaml").read_text())


@pytest.mark.parametrize("user", USERS["refused"])
def test_nobody_but_argo_cd_changes_the_namespace_clawlaw(
    user: str, tmp_path: Path
) -> None:
    policy = file_of(BY_AUTHOR.name)
    found = judge(policy, BY_AUTHOR / "fail.yaml", user=user_info(tmp_path, user))
    assert found == dict.fromkeys(names(BY_AUTHOR / "fail.yaml"), "fail")


@pytest.mark.parametrize("user", USERS["admitted"])
def test_argo_cd_and_the_cluster_itself_change_it(user: str, tmp_path: Path) -> None:
    policy = file_of(BY_AUTHOR.name)
    found = judge(policy, BY_AUTHOR / "fail.yaml", user=user_info(tmp_path, user))
    assert "fail" not in found.values()


def test_a_weakened_policy_is_noticed(tmp_path: Path) -> None:
    case = POLICIES / "tests/container-limits"
    weak = tmp_path / "weak.yaml"
    text = file_of(case.name).read_text()
    weak.write_text(text.replace("'memory' in c.resources.limits &&", ""))
    assert weak.read_text() != text
    strong = judge(file_of(case.name), case / "fail.yaml")
    (tmp_path / "cpu-only.yaml").write_text(
        (case / "fail.yaml")
        .read_text()
        .replace("limits: {memory: 64Mi}", "limits: {cpu: 1}")
    )
    assert strong["no-cpu-limit"] == "fail"
    assert judge(weak, tmp_path / "cpu-only.yaml")["no-cpu-limit"] == "pass"


def test_an_expression_that_does_not_compile_is_an_error(tmp_path: Path) -> None:
    case = POLICIES / "tests/container-limits"
    broken = tmp_path / "broken.yaml"
    text = file_of(case.name).read_text()
    broken.write_text(text.replace("c.resources.limits)", "c.resources.limits))"))
    assert broken.read_text() != text
    with pytest.raises(AssertionError):
        judge(broken, case / "fail.yaml")


@pytest.mark.parametrize(
    "policy", sorted((POLICIES / "enforce").glob("*.yaml")), ids=lambda path: path.stem
)
def test_enforced_policy_denies(policy: Path) -> None:
    content = yaml.safe_load(policy.read_text())
    assert content["spec"]["validationActions"] == ["Deny"]
    assert content["metadata"]["name"].endswith("-enforced")
    audited = POLICIES / "audit" / policy.name
    assert policy.read_text() == enforced(audited.read_text())
