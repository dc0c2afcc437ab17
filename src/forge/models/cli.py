"""``forge models``: list, plan, inspect."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table

from forge import paths
from forge.errors import InputError
from forge.models.inspect import Inspection, differences, inspect
from forge.models.need import gib
from forge.topology.findings import InvalidTopologyError
from forge.topology.load import load_inventory, load_versions
from forge.topology.model_plan import HostPlan, model_need, plans
from forge.topology.resolve import examine

if TYPE_CHECKING:
    from forge.topology.model import Model, Topology

INVALID = 2
DEFAULT_INVENTORY = Path("inventory/forge")
# `plan` shows these itself, with the arithmetic.
FIT_RULES = frozenset({"models-exceed-memory", "models-exceed-disk"})


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``models`` to the ``forge`` command."""
    part = subparsers.add_parser(
        "models",
        help="declared models and what they need",
        description="The models that the inventory declares. No host is contacted.",
    )
    verbs = part.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="models, their origin and placement")
    _common(listing)
    listing.set_defaults(run=_list)
    plan = verbs.add_parser("plan", help="memory and disk of every host, with terms")
    _common(plan)
    plan.set_defaults(run=_plan)
    look = verbs.add_parser(
        "inspect", help="size, digest and cache need of a GGUF file or MLX folder"
    )
    look.add_argument("path", type=Path, help="a GGUF file, or a folder of MLX")
    look.add_argument(
        "--model", metavar="NAME", help="compare with this model of the inventory"
    )
    _common(look)
    look.set_defaults(run=_inspect)


def _common(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "-i",
        "--inventory",
        action="append",
        type=Path,
        metavar="DIR",
        help="file or folder, later ones win; default: inventory/forge of the checkout",
    )
    verb.add_argument("--json", action="store_true", help="the same as JSON")


def _load(options: argparse.Namespace) -> "Topology":
    inventories = options.inventory or [paths.checkout() / DEFAULT_INVENTORY]
    inventory = load_inventory(inventories)
    topology, findings = examine(
        inventory.hostvars,
        inventory.groups,
        load_versions(paths.checkout() / paths.MARK),
        inventory.sources,
    )
    # That models do not fit is an answer here, not a reason to give none.
    others = [finding for finding in findings if finding.rule not in FIT_RULES]
    if others:
        raise InvalidTopologyError(others)
    return topology


def _list(options: argparse.Namespace) -> int:
    topology = _load(options)
    if options.json:
        _write([_described(model) for model in topology.models])
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("model", "engine", "source", "size", "context", "hosts", "licence"):
        table.add_column(column, overflow="fold")
    table.add_column("digest", overflow="ellipsis", max_width=19, no_wrap=True)
    for model in topology.models:
        table.add_row(
            model.name,
            model.engine,
            f"{model.source_kind} {model.source}",
            gib(model.size),
            f"{model.context:,} x {model.parallel}",
            ", ".join(model.hosts),
            model.licence,
            model.digest,
        )
    Console().print(table)
    return 0


def _plan(options: argparse.Namespace) -> int:
    found = plans(_load(options))
    if options.json:
        _write([_planned(plan) for plan in found])
    else:
        console = Console()
        for plan in found:
            console.print(_plan_table(plan))
    return INVALID if any(p.memory_excess or p.disk_excess for p in found) else 0


def _plan_table(plan: HostPlan) -> Table:
    table = Table(
        title=f"{plan.host}: {_verdict(plan)}",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        header_style="dim",
    )
    table.add_column("model", overflow="fold")
    for column in ("file", "context x bytes a token x parallel", "cache", "memory"):
        table.add_column(column, justify="right", overflow="fold")
    for model, need in plan.models:
        terms = f"{need.context:,} x {need.kv_bytes_per_token:,} x {need.parallel}"
        table.add_row(
            f"{model.name} ({model.engine})",
            gib(need.file),
            terms,
            gib(need.kv_cache),
            gib(need.total),
        )
    table.add_row("all at once", "", "", "", gib(plan.memory), style="bold")
    table.add_row(
        "disk, largest twice", "", "", "", gib(plan.disk), style="dim", end_section=True
    )
    return table


def _verdict(plan: HostPlan) -> str:
    """Return whether the models fit, and by how much."""
    words = []
    if plan.budget is None:
        words.append("memory not stated, nothing to compare with")
    else:
        share = f"{plan.percent} % of {plan.memory_gb} GB = {gib(plan.budget)}"
        words.append(
            f"does not fit, {gib(plan.memory_excess)} too much for {share}"
            if plan.memory_excess
            else f"fits, {gib(plan.budget - plan.memory)} free of {share}"
        )
    if plan.disk_excess:
        words.append(f"disk: {gib(plan.disk_excess)} too much")
    return "; ".join(words)


def _described(model: "Model") -> dict[str, Any]:
    return {**msgspec.structs.asdict(model), "memory": model_need(model).total}


def _planned(plan: HostPlan) -> dict[str, Any]:
    return {
        "host": plan.host,
        "fits": not (plan.memory_excess or plan.disk_excess),
        "memory": plan.memory,
        "memory_budget": plan.budget,
        "memory_excess": plan.memory_excess,
        "disk": plan.disk,
        "disk_budget": plan.disk_budget,
        "disk_excess": plan.disk_excess,
        "models": [
            {
                "name": model.name,
                "engine": model.engine,
                "file": need.file,
                "context": need.context,
                "kv_bytes_per_token": need.kv_bytes_per_token,
                "parallel": need.parallel,
                "kv_cache": need.kv_cache,
                "memory": need.total,
            }
            for model, need in plan.models
        ],
    }


def _inspect(options: argparse.Namespace) -> int:
    found = inspect(options.path)
    differing: list[str] = []
    if options.model:
        models = {model.name: model for model in _load(options).models}
        if options.model not in models:
            raise InputError(
                f"the inventory has no model {options.model}",
                remedy=f"name one of: {', '.join(models) or 'none is declared'}",
            )
        differing = differences(found, models[options.model])
    if options.json:
        _write({**msgspec.structs.asdict(found), "differences": differing})
    else:
        _print_inspection(found, differing)
    return INVALID if differing else 0


def _print_inspection(found: Inspection, differing: list[str]) -> None:
    lines = [
        f"engine: {found.engine}",
        f"digest: {found.digest}",
        f"size: {found.size}",
        f"kv_bytes_per_token: {found.kv_bytes_per_token}",
        f"# architecture {found.architecture}, trained for {found.context} tokens",
        *(f"differs: {line}" for line in differing),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _write(data: object) -> None:
    text = msgspec.json.format(msgspec.json.encode(data), indent=2)
    sys.stdout.write(text.decode("utf-8") + "\n")
