"""What the models placed on a host need together, and whether it has that."""

import msgspec

from forge.models.need import GB, Need, disk_need, memory_budget
from forge.topology.model import Host, Model, Topology


class HostPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The models of one host, all of them in memory at once.

    Attributes:
        host: Name.
        models: Each with its need, in the order of the inventory.
        memory: Bytes that they need together.
        budget: Bytes that they may take; None if the host's memory is not stated.
        memory_gb: The host's memory; None if not stated.
        percent: Share of it that models may take.
        disk: Bytes on disk, the largest model twice.
        disk_budget: Bytes that they may take there; None if not stated.
    """

    host: str
    models: tuple[tuple[Model, Need], ...]
    memory: int
    budget: int | None
    memory_gb: int | None
    percent: int
    disk: int
    disk_budget: int | None

    @property
    def memory_excess(self) -> int:
        """Bytes of memory too many; 0 if they fit or nothing is known."""
        return 0 if self.budget is None else max(0, self.memory - self.budget)

    @property
    def disk_excess(self) -> int:
        """Bytes of disk too many; 0 if they fit or nothing is known."""
        return 0 if self.disk_budget is None else max(0, self.disk - self.disk_budget)


def model_need(model: Model) -> Need:
    """Return what one model takes of memory."""
    return Need(
        file=model.size,
        context=model.context,
        kv_bytes_per_token=model.kv_bytes_per_token,
        parallel=model.parallel,
    )


def host_plan(topology: Topology, host: Host) -> HostPlan:
    """Return what the models of a host need of it.

    Engines can put models out of memory and load them again, which takes as long as
    reading their file: so all of a host's models are counted as loaded.
    """
    placed = [model for model in topology.models if host.name in model.hosts]
    needs = [(model, model_need(model)) for model in placed]
    stated = host.memory_gb is not None
    return HostPlan(
        host=host.name,
        models=tuple(needs),
        memory=sum(need.total for _, need in needs),
        budget=memory_budget(host.memory_gb or 0, host.model_memory_percent)
        if stated
        else None,
        memory_gb=host.memory_gb,
        percent=host.model_memory_percent,
        disk=disk_need([model.size for model in placed]),
        disk_budget=None if host.model_disk_gb is None else host.model_disk_gb * GB,
    )


def plans(topology: Topology) -> list[HostPlan]:
    """Return the plan of every host that runs an engine or is given a model."""
    found = [host_plan(topology, host) for host in topology.hosts.values()]
    return [plan for plan in found if plan.models]
