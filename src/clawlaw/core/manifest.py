"""One object of a Kubernetes cluster to the effect of applying it.

What counts for rules and patterns is read out here: what an object belongs together
with, and what it does in its namespace. Whatever this does not know is `beyond` or not
`seen`, and no rule allows that.
"""

from collections.abc import Callable, Iterator
from typing import Final

from clawlaw.core.actions import Json, KubeApply
from clawlaw.core.reaching import reaches

_RBAC: Final = "rbac.authorization.k8s.io/v1"
_RESOURCES: Final = {
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "Service"): "services",
    ("v1", "ServiceAccount"): "serviceaccounts",
    ("apps/v1", "Deployment"): "deployments",
    ("apps/v1", "StatefulSet"): "statefulsets",
    ("batch/v1", "CronJob"): "cronjobs",
    ("batch/v1", "Job"): "jobs",
    ("networking.k8s.io/v1", "Ingress"): "ingresses",
    ("policy/v1", "Eviction"): "evictions",
    ("policy/v1", "PodDisruptionBudget"): "poddisruptionbudgets",
    (_RBAC, "Role"): "roles",
    (_RBAC, "RoleBinding"): "rolebindings",
}
_LOOKS: Final = frozenset({"get", "list", "watch"})
# Labels that objects of different programs have in common.
_GROUPING: Final = frozenset({
    "app.kubernetes.io/component", "app.kubernetes.io/managed-by",
    "app.kubernetes.io/part-of", "app.kubernetes.io/version", "environment", "tier",
    "pod-template-hash", "version",
})  # fmt: skip
_CODE: Final = (
    ".sh", ".bash", ".py", ".pl", ".rb", ".js", ".mjs", ".ts", ".lua", ".php", ".awk",
    ".tcl", ".sql",
)  # fmt: skip
_INTERPRETERS: Final = frozenset({
    "sh", "bash", "dash", "ash", "zsh", "busybox", "env", "xargs", "python", "python3",
    "perl", "ruby", "node", "lua", "php", "awk",
})  # fmt: skip
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_MOST: Final = 48  # objects that one belongs together with

type _Object = dict[str, Json]


class _Read:
    """What one object does; filled while it is read."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.traits: dict[str, None] = {}
        self.joins: dict[str, None] = {}
        self.uses: dict[str, None] = {}
        self.kept = 0

    def add(self, *traits: str) -> None:
        self.traits.update(dict.fromkeys(traits))


def read_object(value: _Object) -> KubeApply:
    """What applying one object does.

    Args:
        value: The object as its client sends it: apiVersion, kind, metadata and so on.

    Returns:
        The effect; not `seen` where the kind is none that is known here.
    """
    kind, version = _text(value.get("kind")), _text(value.get("apiVersion"))
    meta = _map(value.get("metadata"))
    name, namespace = _text(meta.get("name")), _text(meta.get("namespace"))
    resource = _RESOURCES.get((version, kind), "")
    if not (resource and name and namespace):
        return KubeApply(kind.lower() or "unknown", namespace, name)
    read = _Read(namespace)
    read.joins[f"{resource}/{name}"] = None
    look = _LOOK.get(resource)
    if look is not None:
        look(value, read)
    if len(read.joins) > _MOST or len(read.uses) > _MOST:
        return KubeApply(resource, namespace, name)
    return KubeApply(
        resource,
        namespace,
        name,
        seen=True,
        traits=tuple(read.traits),  # type: ignore[arg-type]  # of the list in KubeApply
        joins=tuple(read.joins),
        uses=tuple(read.uses),
        kept=read.kept,
    )


def _role(value: _Object, read: _Read) -> None:
    for rule in _maps(value.get("rules")):
        if not set(_texts(rule.get("verbs"))) <= _LOOKS or "nonResourceURLs" in rule:
            read.add("beyond")
        resources = {r.partition("/")[0] for r in _texts(rule.get("resources"))}
        if resources & {"secrets", "*"} and not _texts(rule.get("resourceNames")):
            read.add("reads-secrets")


def _binding(value: _Object, read: _Read) -> None:
    role = _map(value.get("roleRef"))
    read.add("binds")
    if role.get("kind") != "Role":  # a role of the cluster, which is not seen here
        read.add("beyond")
    read.joins[f"roles/{_text(role.get('name'))}"] = None
    for subject in _maps(value.get("subjects")):
        where = subject.get("namespace", read.namespace)
        if subject.get("kind") != "ServiceAccount" or where != read.namespace:
            read.add("beyond")
        read.joins[f"serviceaccounts/{_text(subject.get('name'))}"] = None


def _scaled(value: _Object, read: _Read) -> None:
    spec = _map(value.get("spec"))
    read.add("scaled")
    count = _number(spec.get("replicas", 1))
    if count is None:
        read.add("beyond")
    read.kept = count or 0
    _pod(_map(spec.get("template")), read)


def _job(value: _Object, read: _Read) -> None:
    _pod(_map(_map(value.get("spec")).get("template")), read)


def _cron(value: _Object, read: _Read) -> None:
    _job(_map(_map(value.get("spec")).get("jobTemplate")), read)


def _pod(template: _Object, read: _Read) -> None:
    read.add("runs")
    spec = _map(template.get("spec"))
    account = _text(spec.get("serviceAccountName")) or "default"
    if _text(spec.get("serviceAccount")) not in {"", account}:
        read.add("beyond")
    read.joins[f"serviceaccounts/{account}"] = None
    labels = _map(_map(template.get("metadata")).get("labels"))
    read.joins.update(dict.fromkeys(_labels(labels)))
    for volume in _maps(spec.get("volumes")):
        projected = _maps(_map(volume.get("projected")).get("sources"))
        for source in (_map(volume.get("configMap")), *_sources(projected)):
            _use(source, read)
    for containers in ("initContainers", "containers"):
        for container in _maps(spec.get(containers)):
            _container(container, read)


def _sources(projected: list[_Object]) -> Iterator[_Object]:
    for source in projected:
        yield _map(source.get("configMap"))


def _container(container: _Object, read: _Read) -> None:
    for source in _maps(container.get("envFrom")):
        _use(_map(source.get("configMapRef")), read)
    for variable in _maps(container.get("env")):
        _use(_map(_map(variable.get("valueFrom")).get("configMapKeyRef")), read)
    words = _texts(container.get("command")) + _texts(container.get("args"))
    for probe in _PROBES:
        words += _texts(_map(_map(container.get(probe)).get("exec")).get("command"))
    called = {word.rpartition("/")[2] for word in words}
    options = any(word.startswith("-") and len(word) > 1 for word in words)
    if (called & _INTERPRETERS and options) or "lifecycle" in container:
        read.add("inline")


def _use(source: _Object, read: _Read) -> None:
    name = _text(source.get("name"))
    if name:
        read.uses[f"configmaps/{name}"] = None


def _config(value: _Object, read: _Read) -> None:
    if value.get("binaryData"):
        read.add("code")
    for key, text in _map(value.get("data")).items():
        content = _text(text)
        script = content.startswith("#!") or key.lower().endswith(_CODE)
        if script or reaches(f"/{key}", content):
            read.add("code")


def _service(value: _Object, read: _Read) -> None:
    spec = _map(value.get("spec"))
    if _text(spec.get("type")) in {"NodePort", "LoadBalancer"}:
        read.add("published")
    found = list(_labels(_map(spec.get("selector"))))
    if not found or spec.get("externalIPs") or spec.get("type") == "ExternalName":
        read.add("beyond")
    read.joins.update(dict.fromkeys(found))


def _ingress(value: _Object, read: _Read) -> None:
    spec = _map(value.get("spec"))
    read.add("published")
    backends = [_map(spec.get("defaultBackend"))]
    for rule in _maps(spec.get("rules")):
        paths = _maps(_map(rule.get("http")).get("paths"))
        backends += [_map(path.get("backend")) for path in paths]
    for backend in backends:
        name = _text(_map(backend.get("service")).get("name"))
        if name:
            read.joins[f"services/{name}"] = None
        elif backend:
            read.add("beyond")


def _guard(value: _Object, read: _Read) -> None:
    read.add("guards")
    read.kept = _number(_map(value.get("spec")).get("minAvailable")) or 0


def _eviction(_value: _Object, read: _Read) -> None:
    read.add("evicts")


_LOOK: Final[dict[str, Callable[[_Object, _Read], None]]] = {
    "configmaps": _config,
    "services": _service,
    "deployments": _scaled,
    "statefulsets": _scaled,
    "cronjobs": _cron,
    "jobs": _job,
    "ingresses": _ingress,
    "evictions": _eviction,
    "poddisruptionbudgets": _guard,
    "roles": _role,
    "rolebindings": _binding,
}


def _labels(labels: _Object) -> Iterator[str]:
    """Labels that tell one program from another."""
    for key, value in labels.items():
        if key not in _GROUPING:
            yield f"labels/{key}={_text(value)}"


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Json) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if good and isinstance(value, int) else None


def _map(value: Json) -> _Object:
    return value if isinstance(value, dict) else {}


def _maps(value: Json) -> list[_Object]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]


def _texts(value: Json) -> list[str]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]
