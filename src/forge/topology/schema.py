"""The variables of the inventory: names, types, and how one value is read."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from forge.topology.findings import Finding, did_you_mean

PREFIX = "forge_"


class WireData(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of ``forge_wires``."""

    cidr: str


class ClusterData(msgspec.Struct, forbid_unknown_fields=True):
    """``forge_cluster``."""

    pod_cidr: str
    service_cidr: str
    dns_address: str
    dns_domain: str
    api_port: int


class FlowData(msgspec.Struct, forbid_unknown_fields=True, rename={"sources": "from"}):
    """An entry of ``forge_flows``."""

    name: str
    sources: list[str]
    to: list[str]
    wire: str
    protocol: str
    why: str
    ports: list[str | int] = msgspec.field(default_factory=list)


class TaintData(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of ``forge_taints``."""

    key: str
    effect: str
    value: str = ""


class ModelSourceData(msgspec.Struct, forbid_unknown_fields=True):
    """``source`` of an entry of ``forge_models``: exactly one of these."""

    registry: str = ""
    oci: str = ""
    file: str = ""


class ModelParametersData(msgspec.Struct, forbid_unknown_fields=True):
    """``parameters`` of an entry of ``forge_models``."""

    context: int
    parallel: int = 1
    threads: int = 0


class ModelData(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of ``forge_models``."""

    name: str
    engine: str
    source: ModelSourceData
    digest: str
    size: int
    licence: str
    hosts: list[str]
    kv_bytes_per_token: int
    parameters: ModelParametersData


class WindowData(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of ``forge_change_windows``."""

    days: list[str]
    opens: str
    minutes: int


# Variables of group `all`, the same on every host.
GLOBAL_FIELDS: Mapping[str, Any] = {
    "forge_name": str,
    "forge_domain": str,
    "forge_wires": dict[str, WireData],
    "forge_cluster": ClusterData,
    "forge_controller_addresses": dict[str, str],
    "forge_ports": dict[str, str | int],
    "forge_flows": list[FlowData],
    "forge_components_required": list[str],
    "forge_models": list[ModelData],
    "forge_change_windows": list[WindowData],
}
HOST_FIELDS: Mapping[str, Any] = {
    "forge_addresses": dict[str, str],
    "forge_os": str,
    "forge_arch": str,
    "forge_model": str,
    "forge_role": str,
    "forge_components": list[str],
    "forge_labels": dict[str, str],
    "forge_taints": list[TaintData],
    "forge_memory_gb": int,
    "forge_pins": dict[str, str],
    "forge_model_memory_percent": int,
    "forge_model_disk_gb": int,
}
REQUIRED_GLOBAL = frozenset(GLOBAL_FIELDS) - {
    "forge_ports",
    "forge_models",
    "forge_change_windows",
}
REQUIRED_HOST = frozenset({"forge_addresses", "forge_os", "forge_arch", "forge_role"})

# Set by playbooks or on the command line; not part of the inventory's model.
RUNTIME_FIELDS = frozenset({"forge_profile", "forge_topology", "forge_versions_file"})

KNOWN_FIELDS = frozenset(GLOBAL_FIELDS) | frozenset(HOST_FIELDS) | RUNTIME_FIELDS


class Reader:
    """Reads values into types; what does not fit becomes a finding."""

    def __init__(self) -> None:
        """Start without findings."""
        self.findings: list[Finding] = []

    def complain(self, host: str, field: str, message: str, fix: str) -> None:
        """Add a finding about the form of a value."""
        self.findings.append(
            Finding(host=host, field=field, message=message, fix=fix, rule="schema")
        )

    def value(self, raw: object, kind: object, host: str, field: str) -> Any:  # noqa: ANN401 - `kind` says what comes back
        """Return ``raw`` as ``kind``, or None after a finding."""
        if template := next(_templates(raw, field), None):
            self.complain(
                host,
                template,
                "is a template, but this variable is read as plain data",
                "write the value itself",
            )
            return None
        if not self._known_keys(raw, kind, host, field):
            return None
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `")
            # msgspec writes `$.cidr` for a field and `$[...]` for a map's value.
            inner = path.rstrip("`").removeprefix("key in ").removeprefix("$")
            self.complain(
                host,
                field + inner.replace("[...]", ".*"),
                message[0].lower() + message[1:],
                "see the table of variables in docs/inventory.md",
            )
            return None

    def entries(
        self, raw: object, kind: object, host: str, field: str
    ) -> Iterator[tuple[str, Any]]:
        """Yield the entries of a list or map that can be read, each by itself.

        Yields:
            Key or index, and the value as ``kind``.
        """
        if isinstance(raw, Mapping):
            for key, item in raw.items():
                value = self.value(item, kind, host, f"{field}.{key}")
                if value is not None:
                    yield str(key), value
        elif isinstance(raw, list):
            for index, item in enumerate(raw):
                value = self.value(item, kind, host, f"{field}[{_name(item, index)}]")
                if value is not None:
                    yield str(index), value

    def _known_keys(self, raw: object, kind: object, host: str, field: str) -> bool:
        """Report unknown keys of a struct, with the key that was probably meant."""
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            return True
        if not isinstance(raw, Mapping):
            return True
        known = kind.__struct_encode_fields__
        unknown = [str(key) for key in raw if key not in known]
        for key in unknown:
            missing = [name for name in known if name not in raw] or list(known)
            fix = did_you_mean(key, missing)
            self.complain(host, f"{field}.{key}", "is not a known field", fix)
        return not unknown


def _name(item: object, index: int) -> str:
    """Return what readers know an entry by: its name or key, else its index."""
    if isinstance(item, Mapping):
        for key in ("name", "key"):
            if isinstance(item.get(key), str):
                return str(item[key])
    return str(index)


def _templates(raw: object, field: str) -> Iterator[str]:
    """Yield the path of every template inside a value."""
    if isinstance(raw, str):
        if "{{" in raw or "{%" in raw:
            yield field
    elif isinstance(raw, Mapping):
        for key, item in raw.items():
            yield from _templates(item, f"{field}.{key}")
    elif isinstance(raw, list):
        for index, item in enumerate(raw):
            yield from _templates(item, f"{field}[{_name(item, index)}]")
