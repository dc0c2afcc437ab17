"""``forge plan``: table, picture and verdict of a change; no host is contacted."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console

from forge import paths
from forge.change.proposal import Run
from forge.change.verdict import Path as Way
from forge.change.verdict import Verdict, decide
from forge.errors import InputError
from forge.plan.approve import Repair, asks_for
from forge.plan.make import Asked, commit_of, make, platform_of
from forge.plan.picture import svg
from forge.plan.render_html import html
from forge.plan.tell import markdown, tell
from forge.topology.findings import InvalidTopologyError
from forge.topology.load import load_inventory, load_versions
from forge.topology.resolve import examine

if TYPE_CHECKING:
    from forge.change.model import Plan

DEFAULT_INVENTORY = Path("inventory/forge")
MILLISECONDS = 1000


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``plan`` to the ``forge`` command."""
    part = subparsers.add_parser(
        "plan",
        help="what a change would do, and what the laws say to it",
        description="Compare the checkout with what is applied, or with a revision, and"
        " judge the difference by policies/infra. A preview: no host is contacted, and"
        " the gate decides when a playbook runs. Ends with 0 allow, 2 invalid, 3 deny,"
        " 4 escalate.",
    )
    part.add_argument(
        "--from",
        dest="revision",
        default="",
        metavar="REV",
        help="compare with this revision of git, not with what is applied",
    )
    part.add_argument(
        "-i", "--inventory", action="append", type=Path, metavar="DIR",
        help="file or folder, later ones win; default: inventory/forge of the checkout",
    )  # fmt: skip
    part.add_argument(
        "-e", "--extra-vars", action="append", default=[], metavar="VARS",
        help="as for ansible-playbook",
    )  # fmt: skip
    part.add_argument("--limit", default="", help="as for ansible-playbook")
    form = part.add_mutually_exclusive_group()
    for name, about in (
        ("json", "plan and verdict as JSON"),
        ("markdown", "for a pull request"),
        ("html", "one page with the picture"),
        ("svg", "the picture alone"),
    ):
        form.add_argument(
            f"--{name}", dest="form", action="store_const", const=name, help=about
        )
    part.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: standard output"
    )
    part.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make, judge and show one plan.

    Returns:
        The exit status of the verdict.
    """
    root = paths.checkout()
    asked = Asked(
        options.revision,
        tuple(options.inventory or [root / DEFAULT_INVENTORY]),
        tuple(options.extra_vars),
        options.limit,
    )
    plan = make(root, asked)
    now = int(time.time() * MILLISECONDS)
    verdict = decide(plan, Way.PREVIEW, now=now, run=Run(commit=commit_of(root)))
    if options.form is None and options.output is None:
        tell(Console(), plan, verdict)
    else:
        # A plan against a revision has a digest that no run has: nothing to sign.
        signs = options.form == "json" and not asked.revision
        repair = asks_for(plan, platform_of(asked.inventories), now) if signs else None
        text = _shown(options.form or "markdown", plan, verdict, repair)
        _write(options.output, text)
    if verdict.verdict != "deny":
        _refuse_invalid(root, asked)
    return verdict.exit_status


def _refuse_invalid(root: Path, asked: Asked) -> None:
    """Refuse an inventory that a run would refuse before it asks anybody.

    What the laws deny is told as their denial: they hold whatever these rules say.
    """
    inventory = load_inventory(asked.inventories)
    versions = load_versions(root / paths.MARK)
    _, findings = examine(
        inventory.hostvars, inventory.groups, versions, inventory.sources
    )
    if findings:
        raise InvalidTopologyError(findings)


def _shown(
    form: str, plan: "Plan", verdict: Verdict, repair: Repair | None = None
) -> str:
    if form == "json":
        said = msgspec.to_builtins(verdict)
        del said["record"]  # the kernel's own, of a preview that nobody keeps
        whole = {"plan": plan, "verdict": said, "exit_status": verdict.exit_status}
        whole |= {"repair": repair} if repair else {}
        return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"
    if form == "html":
        return html(plan, verdict)
    return svg(plan) if form == "svg" else markdown(plan, verdict)


def _write(output: Path | None, text: str) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{output}: {error.strerror}", remedy="name a file that can be written"
        ) from error
