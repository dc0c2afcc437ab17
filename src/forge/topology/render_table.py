"""The topology as tables for a terminal, from 80 columns on."""

from rich import box
from rich.table import Table

from forge.topology.firewall import flow_ranges, named_ports
from forge.topology.model import Flow, Host, Topology

ROOM_FOR_REASONS = 120  # columns, below which a reason would be one word a line


def tables(topology: Topology, width: int) -> list[Table]:
    """Return tables of the wires, the hosts and the flows.

    Args:
        topology: A valid one.
        width: Columns of the terminal; flows show their reasons if it is wide.
    """
    return [
        _wires(topology),
        _hosts(topology),
        _flows(topology, reasons=width >= ROOM_FOR_REASONS),
    ]


def port_text(flow: Flow, names: dict[str, str]) -> str:
    """Return the ports of a flow with its protocol, as ``22/tcp``."""
    ports = ", ".join(
        f"{low}" if low == high else f"{low}-{high}"
        for low, high in flow_ranges(flow, names)
    )
    return f"{ports}/{flow.protocol}" if ports else flow.protocol


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def _wires(topology: Topology) -> Table:
    table = _table(f"{topology.name}, {topology.domain}")
    for column in ("Wire", "Network", "Controller", "Hosts"):
        table.add_column(column, no_wrap=True)
    for name, wire in topology.wires.items():
        count = sum(name in host.addresses for host in topology.hosts.values())
        address = topology.controller.get(name, "-")
        table.add_row(name, str(wire.cidr), str(address), str(count))
    return table


def _hosts(topology: Topology) -> Table:
    table = _table("Hosts; addresses in the order of the wires")
    for column in ("Tier", "Host", "Role, system", "Addresses"):
        table.add_column(column, no_wrap=True)
    table.add_column("Runs", overflow="fold")
    hosts = sorted(topology.hosts.values(), key=lambda h: (h.tier, h.name))
    for host, following in zip(hosts, [*hosts[1:], None], strict=True):
        table.add_row(
            "I" * host.tier,
            host.name,
            f"{_role(host)}\n{host.os} {host.arch}",
            "\n".join(str(address) for address in host.addresses.values()),
            "\n".join(filter(None, (", ".join(host.components), *_taints(host)))),
            end_section=following is not None and following.tier != host.tier,
        )
    return table


def _flows(topology: Topology, *, reasons: bool) -> Table:
    names = named_ports(topology)
    table = _table("Flows; everything else is dropped")
    for column in ("Flow", "From", "To", "Wire", "Ports"):
        table.add_column(column, overflow="fold")
    if reasons:
        table.add_column("Why")
    for flow in topology.flows:
        row = [
            flow.name,
            ", ".join(flow.sources),
            ", ".join(flow.targets),
            "every" if flow.wire == "*" else flow.wire,
            port_text(flow, names),
        ]
        table.add_row(*row, *([flow.why] if reasons else []))
    return table


def _taints(host: Host) -> list[str]:
    return [f"taint {taint}" for taint in host.taints]


def _role(host: Host) -> str:
    if host.is_server:
        return f"{host.role}, server"
    return host.role
