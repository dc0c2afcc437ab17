"""Rules on declared models: name, origin, placement, memory, disk."""

import re
from collections.abc import Iterator

from forge.models.need import MEMORY_PERCENT_MAX, gib
from forge.topology.findings import Finding, did_you_mean
from forge.topology.model import MLX, UNRESOLVED, Model, Topology
from forge.topology.model_plan import HostPlan, host_plan

FIELD = "forge_models"

# What Ollama takes as model and tag, and what is one safe folder name for MLX.
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,78}[a-z0-9])?")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# [host[:port]/]path[:tag][@digest]. Source: OCI Distribution Specification, "Pulling
# manifests"; the host is told from a path by its dot, its port, or being localhost.
REFERENCE = re.compile(
    r"([a-zA-Z0-9.-]+(:[0-9]{1,5})?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?"
)


def model_name(topology: Topology) -> Iterator[Finding]:
    """A model's name can be a file name; one for Ollama may end in :tag."""
    for model in topology.models:
        name, colon, tag = model.name.partition(":")
        valid = NAME.fullmatch(name) and (not colon or NAME.fullmatch(tag))
        if not valid or (colon and model.engine == MLX):
            fix = "use a-z, 0-9, '.', '_' and '-', with a letter or digit at both ends"
            message = f"{model.name} is not a name for a model of {model.engine}"
            yield _finding(model, "name", message, fix)


def duplicate_model(topology: Topology) -> Iterator[Finding]:
    """No two models have the same name."""
    seen: dict[str, Model] = {}
    for model in topology.models:
        first = seen.setdefault(model.bare_name, model)
        if first is not model:
            yield _finding(
                model,
                "name",
                f"{model.name} of {model.engine} from {model.source} has the name of "
                f"{first.name} of {first.engine} from {first.source}",
                "give one of them another name; requests choose a model by its name",
            )


def model_source(topology: Topology) -> Iterator[Finding]:
    """A source is a reference to a registry or a path; Ollama alone has a registry."""
    for model in topology.models:
        field = f"source.{model.source_kind}"
        if model.engine == MLX and model.source_kind == "registry":
            message = f"{model.source} is in Ollama's registry, but MLX serves it"
            yield _finding(model, field, message, "use oci or file")
        elif model.source_kind != "file" and not REFERENCE.fullmatch(model.source):
            message = f"{model.source} is not a reference to an artifact"
            fix = "write [host[:port]/]path[:tag], without https://"
            yield _finding(model, field, message, fix)


def model_digest(topology: Topology) -> Iterator[Finding]:
    """A digest is sha256: and 64 digits of 0-9a-f, or unresolved until it is known."""
    for model in topology.models:
        if model.digest != UNRESOLVED and not DIGEST.fullmatch(model.digest):
            message = f"{model.digest} is not a digest"
            fix = f"write sha256: and 64 digits of 0-9a-f, or {UNRESOLVED}"
            yield _finding(model, "digest", message, fix)


def model_numbers(topology: Topology) -> Iterator[Finding]:
    """Sizes, context and parallel requests are at least 1, threads at least 0."""
    for model in topology.models:
        for field, value, least in (
            ("size", model.size, 1),
            ("kv_bytes_per_token", model.kv_bytes_per_token, 1),
            ("parameters.context", model.context, 1),
            ("parameters.parallel", model.parallel, 1),
            ("parameters.threads", model.threads, 0),
        ):
            if value < least:
                message = f"{value} is less than {least}"
                fix = "`forge models inspect` reads sizes from the model's file"
                yield _finding(model, field, message, fix)


def model_licence(topology: Topology) -> Iterator[Finding]:
    """Every model names its licence."""
    for model in topology.models:
        if not model.licence.strip():
            fix = "name it as its publisher does, by SPDX identifier where it has one"
            yield _finding(model, "licence", "is empty", fix)


def model_host(topology: Topology) -> Iterator[Finding]:
    """A model is placed on hosts that run its engine, on each once."""
    for model in topology.models:
        runners = [
            host.name
            for host in topology.hosts.values()
            if model.engine in host.components
        ]
        if not model.hosts:
            fix = f"name hosts with {model.engine}: {', '.join(runners) or 'none yet'}"
            yield _finding(model, "hosts", "no host serves it", fix)
        for index, name in enumerate(model.hosts):
            if name not in topology.hosts:
                message = f"{name} is not a host"
                fix = did_you_mean(name, runners)
            elif name not in runners:
                message = f"{name} does not run {model.engine}"
                fix = f"add {model.engine} to forge_components of {name}, or move it"
            elif name in model.hosts[:index]:
                message, fix = f"{name} is there twice", "keep one"
            else:
                continue
            yield _finding(model, f"hosts[{name}]", message, fix)


def model_share(topology: Topology) -> Iterator[Finding]:
    """What models may take is 1 to 90 percent of memory, and at least 1 GB of disk."""
    for host in topology.hosts.values():
        percent, disk = host.model_memory_percent, host.model_disk_gb
        if not 1 <= percent <= MEMORY_PERCENT_MAX:
            yield Finding(
                host=host.name,
                field="forge_model_memory_percent",
                message=f"{percent} is not in 1 to {MEMORY_PERCENT_MAX}",
                fix="leave the system and the engines their part; 50 is the default",
            )
        if disk is not None and disk < 1:
            yield Finding(
                host=host.name,
                field="forge_model_disk_gb",
                message=f"{disk} is less than 1",
                fix="state the GB of disk that models may take, or remove it",
            )


def models_exceed_memory(topology: Topology) -> Iterator[Finding]:
    """All models of a host fit into its share of memory, files and caches together."""
    for plan in _plans(topology):
        if plan.budget is not None and plan.memory_excess:
            terms = " + ".join(
                f"{model.name} {gib(need.total)}" for model, need in plan.models
            )
            yield Finding(
                host=plan.host,
                field="forge_memory_gb",
                message=f"models need {gib(plan.memory)} ({terms}), but may take "
                f"{plan.percent} % of {plan.memory_gb} GB, {gib(plan.budget)}: "
                f"{gib(plan.memory_excess)} too much",
                fix="place a model elsewhere, or lower its context or parallel; "
                "`forge models plan` shows the arithmetic",
            )


def models_exceed_disk(topology: Topology) -> Iterator[Finding]:
    """All models of a host fit on its disk, the largest twice while it is replaced."""
    for plan in _plans(topology):
        if plan.disk_budget is not None and plan.disk_excess:
            yield Finding(
                host=plan.host,
                field="forge_model_disk_gb",
                message=f"models need {gib(plan.disk)} of disk, the largest twice, "
                f"but may take {gib(plan.disk_budget)}: "
                f"{gib(plan.disk_excess)} too much",
                fix="place a model elsewhere, or give models more disk",
            )


def _plans(topology: Topology) -> Iterator[HostPlan]:
    for host in topology.hosts.values():
        yield host_plan(topology, host)


def _finding(model: Model, field: str, message: str, fix: str) -> Finding:
    return Finding(
        host="all", field=f"{FIELD}[{model.name}].{field}", message=message, fix=fix
    )


RULES = (
    model_name,
    duplicate_model,
    model_source,
    model_digest,
    model_numbers,
    model_licence,
    model_host,
    model_share,
    models_exceed_memory,
    models_exceed_disk,
)
