"""What the profile `platform` adds works: alerts arrive, admission refuses."""

import pytest
import yaml
from tests.platform.conftest import CHECKOUT, Cluster, Play, until

from forge.overlay import manifests
from forge.telemetry import rules
from forge.testbed.platform import FOLDER

# The first test makes hosts, cluster and profile.
pytestmark = pytest.mark.timeout(3600)

OPEN = "trial"  # a namespace that the policies know nothing of
# Where no answer is a refusal; its Pods may only come from Argo CD.
CLOSED = "clawlaw"
ARGO_CD = "argocd:argocd-application-controller"
AS_ARGO_CD = ("--as", f"system:serviceaccount:{ARGO_CD}")
DIGEST = "a" * 64
# Of another project than `forge`, whose signatures need a registry.
IMAGE = f"harbor.forge.internal/trial/thing@sha256:{DIGEST}"
KYVERNO = ("-n", "kyverno", "deployment", "kyverno-admission-controller")


def pod(name: str, namespace: str, **changes: object) -> str:
    """Return a Pod that every policy admits, but for the changes to its spec."""
    resources = {"cpu": "10m", "memory": "16Mi"}
    container = {
        "name": "c",
        "image": IMAGE,
        "resources": {"requests": resources, "limits": resources},
    }
    spec: dict[str, object] = {"containers": [container]} | changes
    meta = {"name": name, "namespace": namespace}
    return yaml.safe_dump(
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
    )


@pytest.fixture(scope="module", autouse=True)
def namespaces(cluster: Cluster) -> None:
    """Have the two; they go with the hosts.

    Pod Security asks less of the open one, so that it is Kyverno who refuses.
    """
    label = "pod-security.kubernetes.io/enforce=privileged"
    role = ("--clusterrole=cluster-admin", f"--serviceaccount={ARGO_CD}")
    for words in (
        ("create", "namespace", OPEN),
        ("label", "namespace", OPEN, label),
        ("create", "clusterrolebinding", "trial", *role),
        ("create", "namespace", CLOSED, *AS_ARGO_CD),
    ):
        done = cluster.kubectl(*words)
        assert done.returncode == 0, done.stderr


def test_prometheus_evaluates_every_rule(cluster: Cluster) -> None:
    names = {
        rule.get("alert") or rule["record"]
        for rule in rules.rules(CHECKOUT / rules.RULES)
    }
    groups = cluster.ask("prometheus:metrics", "/api/v1/rules")["data"]["groups"]
    loaded = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert set(loaded) == names

    def evaluated() -> bool:
        said = cluster.ask("prometheus:metrics", "/api/v1/rules")["data"]["groups"]
        health = {rule["health"] for group in said for rule in group["rules"]}
        return health == {"ok"}

    until("every rule is evaluated without an error", evaluated)


def test_alertmanager_is_told_and_routes(cluster: Cluster) -> None:
    def receivers() -> dict[str, set[str]]:
        return {
            alert["labels"]["alertname"]: {item["name"] for item in alert["receivers"]}
            for alert in cluster.ask("alertmanager:metrics", "/api/v2/alerts")
        }

    until("Watchdog arrives", lambda: "Watchdog" in receivers())
    assert receivers()["Watchdog"] == {"dead-man"}


def test_both_are_on_the_node_of_telemetry(cluster: Cluster) -> None:
    pods = cluster.get("-n", "monitoring", "pods")["items"]
    where = {item["spec"]["nodeName"] for item in pods}
    assert len(pods) == 2
    assert where == {"telemetry"}


def test_what_the_policies_ask_is_admitted(cluster: Cluster) -> None:
    done = cluster.kubectl("create", "-f-", data=pod("good", OPEN))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("policy", "changes"),
    [
        ("container-limits", {"containers": [{"name": "c", "image": IMAGE}]}),
        ("pod-isolation", {"hostNetwork": True}),
        ("pod-placement", {"nodeName": "telemetry"}),
        (
            "telemetry-toleration",
            {"tolerations": [{"key": "forge.dev/dedicated", "operator": "Exists"}]},
        ),
    ],
)
def test_what_one_forbids_the_api_refuses(
    cluster: Cluster, policy: str, changes: dict[str, object]
) -> None:
    done = cluster.kubectl("create", "-f-", data=pod("bad", OPEN, **changes))
    assert done.returncode != 0
    assert f"{policy}-enforced" in done.stderr, done.stderr
    there = cluster.kubectl("-n", OPEN, "get", "pod", "bad")
    assert "NotFound" in there.stderr


def test_the_object_store_is_admitted_with_its_folders(cluster: Cluster) -> None:
    items = manifests.resources(str(CHECKOUT / FOLDER), ["minio"], "trial")
    first = [i for i in items if i["kind"] in {"Namespace", "ServiceAccount"}]
    done = cluster.kubectl("apply", "-f-", data=yaml.safe_dump_all(first))
    assert done.returncode == 0, done.stderr
    (store,) = (item for item in items if item["kind"] == "Deployment")
    space = store["metadata"]["namespace"]
    single = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "minio", "namespace": space},
        "spec": manifests.pod(store),
    }
    for item in (store, single):
        text = yaml.safe_dump(item)
        done = cluster.kubectl("create", "--dry-run=server", "-f-", data=text)
        assert done.returncode == 0, done.stderr
        # The same elsewhere is not.
        elsewhere = item | {"metadata": {"name": "minio", "namespace": OPEN}}
        words = ("create", "serviceaccount", "minio", "-n", OPEN)
        cluster.kubectl(*words)
        text = yaml.safe_dump(elsewhere)
        done = cluster.kubectl("create", "--dry-run=server", "-f-", data=text)
        assert done.returncode != 0
        assert "-enforced" in done.stderr, done.stderr


def test_the_probes_of_verify_are_admitted(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "forge-verify")
    container = {
        "name": "probe",
        "image": "forge.test/busybox:1",
        "resources": {"requests": {"cpu": "1m"}, "limits": {"memory": "16Mi"}},
    }
    spec = {"tolerations": [{"operator": "Exists"}], "containers": [container]}
    labels = {"forge.dev/probe": "tolerant"}
    probes = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "forge-probe-tolerant", "namespace": "forge-verify"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    single = yaml.safe_load(pod("probe", "forge-verify")) | {"spec": spec}
    for item in (probes, single):
        text = yaml.safe_dump(item)
        done = cluster.kubectl("create", "--dry-run=server", "-f-", data=text)
        assert done.returncode == 0, done.stderr


def test_an_administrator_does_not_enter_the_closed_namespace(cluster: Cluster) -> None:
    done = cluster.kubectl("create", "-f-", data=pod("good", CLOSED))
    assert done.returncode != 0
    assert "changed by Argo CD alone" in done.stderr, done.stderr


def test_argo_cd_does(cluster: Cluster) -> None:
    done = cluster.kubectl("create", "-f-", *AS_ARGO_CD, data=pod("good", CLOSED))
    assert done.returncode == 0, done.stderr


def test_what_is_in_no_namespace_is_not_of_the_closed_one(cluster: Cluster) -> None:
    words = ("create", "clusterrole", "trial", "--verb=get", "--resource=pods")
    done = cluster.kubectl(*words)
    assert done.returncode == 0, done.stderr


def test_a_second_run_changes_nothing(cluster: Cluster, play: Play) -> None:
    assert cluster.get("nodes")["items"]
    again = play("playbooks/tier1_platform.yml")
    assert again.returncode == 0, again.stdout[-3000:]
    counts = [line for line in again.stdout.splitlines() if "changed=" in line]
    assert counts
    assert all("changed=0" in line for line in counts), again.stdout


def test_the_glass_is_not_broken_while_kyverno_judges(play: Play) -> None:
    done = play("playbooks/kyverno_break_glass.yml")
    assert done.returncode != 0
    assert "Kyverno runs and judges" in done.stdout, done.stdout[-2000:]


def test_break_glass_ends_the_deadlock_and_kyverno_judges_again(
    cluster: Cluster, play: Play
) -> None:
    selector = '{"spec":{"template":{"spec":{"nodeSelector":%s}}}}'
    gone = selector % '{"forge.dev/role":"nowhere"}'
    back = selector % '{"forge.dev/role":"gitops"}'
    # As if its node were gone: the old Pod is away, the new one has no place.
    strategy = '{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}'
    cluster.kubectl("patch", *KYVERNO, "-p", strategy)
    assert cluster.kubectl("patch", *KYVERNO, "-p", gone).returncode == 0

    def create(name: str) -> str:
        return cluster.kubectl("create", "-f-", data=pod(name, CLOSED)).stderr

    until("nobody judges", lambda: "failed calling webhook" in create("waits"))
    broken = play("playbooks/kyverno_break_glass.yml")
    assert broken.returncode == 0, broken.stdout[-3000:]
    create("emergency")
    assert cluster.get("-n", CLOSED, "pod", "emergency")
    assert cluster.kubectl("patch", *KYVERNO, "-p", back).returncode == 0
    until("it judges again", lambda: "Argo CD alone" in create("later"), 300)
