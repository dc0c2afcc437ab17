"""Labels and taints that a node may give itself when it registers."""

from collections.abc import Mapping, Sequence

# Within Kubernetes' own domains, a kubelet may set these prefixes and keys only.
# Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
RESERVED = ("kubernetes.io", "k8s.io")
OPEN_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")
OPEN_KEYS = frozenset({"topology.kubernetes.io/region", "topology.kubernetes.io/zone"})


def registration_labels(labels: Mapping[str, str]) -> list[str]:
    """Return the labels that a kubelet may set itself, as ``key=value``, sorted.

    The others, such as ``node-role.kubernetes.io/*``, can be set through the API only.

    Args:
        labels: Every label that is declared for the node.
    """
    return [f"{key}={value}" for key, value in sorted(labels.items()) if _is_open(key)]


def registration_taints(taints: Sequence[Mapping[str, str]]) -> list[str]:
    """Return taints as ``key=value:effect``, or ``key:effect`` without a value.

    Args:
        taints: Each with ``key``, ``effect`` and, if it has one, ``value``.
    """
    return sorted(
        f"{taint['key']}={taint['value']}:{taint['effect']}"
        if taint.get("value")
        else f"{taint['key']}:{taint['effect']}"
        for taint in taints
    )


def _is_open(key: str) -> bool:
    prefix = key.rpartition("/")[0]
    if not any(_is_within(prefix, domain) for domain in RESERVED):
        return True
    return key in OPEN_KEYS or any(_is_within(prefix, each) for each in OPEN_PREFIXES)


def _is_within(prefix: str, domain: str) -> bool:
    return prefix == domain or prefix.endswith(f".{domain}")
