"""`clawlaw agents`: who may ask the gate, with what credentials, and whether it works.

    clawlaw agents add developer --uid 1201
    clawlaw agents settings --write
    clawlaw agents verify developer

`add` and `remove` change the gate's configuration; the gate reads it when it starts.
"""

import os
import pwd
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any

import typer

from clawlaw.cli.agent_files import (
    Installed,
    as_owner,
    credentials_path,
    default_settings,
    install_settings,
    read_settings,
    replace_config,
    tcp_address,
)
from clawlaw.cli.options import JsonOption
from clawlaw.cli.output import (
    DIFFERENT,
    OK,
    UsageError,
    either,
    out,
    print_json,
    print_table,
    reported,
)
from clawlaw.private import read_private

CONFIG = Path("/etc/clawlaw/gate.yaml")
FOLDER = Path("/etc/clawlaw/agents")

app = typer.Typer(
    name="agents", no_args_is_help=True, help="Enrol agents and prove that it works."
)

ConfigOption = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="The gate's configuration.")
]
FolderOption = Annotated[
    Path, typer.Option("--credentials", metavar="DIR", help="Folder of the tokens.")
]
SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="Claude Code's managed settings; default: its own.",
    ),
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A principal of the policy.")
]


@app.command()
def add(
    name: NameArgument,
    *,
    uid: Annotated[int, typer.Option(min=1, help="Of the agent's account, its alone.")],
    config: ConfigOption = CONFIG,
    credentials: FolderOption = FOLDER,
) -> None:
    """Make an agent's token and list the agent in the gate's configuration."""
    with reported():
        from clawlaw.gate import enrol  # noqa: PLC0415  # only these commands need it
        from clawlaw.gate.daemon import Daemon  # noqa: PLC0415  # slow to load

        gid = _group(uid)
        with as_owner(config):
            text, agents = _agents(config)
            enrolled = Daemon(config).policy.principals
        if name not in enrolled:
            known = ", ".join(sorted(enrolled))
            raise UsageError(name, f"no principal of the policy: {known}")
        owner = next((a for a in agents if a.get("uid") == uid), None)
        if owner is not None and owner.get("principal") != name:
            problem = f"uid {uid} is {owner.get('principal')}'s; an agent has its own"
            raise UsageError("--uid", problem, "make an account for this agent alone")
        path = credentials_path(credentials, name)
        token = enrol.make_credentials(path, uid, gid)
        changed = enrol.with_agents(
            str(config), text, enrol.enrolled(agents, name, uid, token.digest)
        )
        if changed != text:
            replace_config(config, changed)
        said = "made" if token.fresh else "kept"
        out.print(f"{name}: uid {uid}, token {said} in {path}", markup=False)
        if changed != text:
            out.print(f"{config}: changed; restart the gate to use it", markup=False)
    raise typer.Exit(OK)


@app.command()
def tokens(
    agents: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=ACCOUNT...]", help="All there are."),
    ] = None,
    *,
    credentials: FolderOption = FOLDER,
) -> None:
    """Make the agents' tokens where they are missing; remove all other tokens.

    Prints uid, groups and digest of each as JSON: for who writes the gate's
    configuration himself, as the role of the Forge does.
    """
    with reported():
        from clawlaw.gate.enrol import make_credentials  # noqa: PLC0415

        said: dict[str, Any] = {}
        for text in agents or ():
            name, _, account = text.partition("=")
            uid, gids = _account(account)
            made = make_credentials(credentials_path(credentials, name), uid, gids[0])
            said[name] = {"uid": uid, "gids": gids, "digest": made.digest}
            said[name]["fresh"] = made.fresh
        kept = {credentials_path(credentials, name) for name in said}
        gone = sorted(set(credentials.glob("*.token")) - kept)
        for path in gone:
            path.unlink()
        print_json({"agents": said, "removed": [path.stem for path in gone]})
    raise typer.Exit(OK)


def _account(name: str) -> tuple[int, list[int]]:
    """Uid and groups of an account, its own group first."""
    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise UsageError(repr(name), "no account", "write NAME=ACCOUNT") from error
    groups = set(os.getgrouplist(name, found.pw_gid)) - {found.pw_gid}
    return found.pw_uid, [found.pw_gid, *sorted(groups)]


def _agents(config: Path) -> tuple[bytes, list[dict[str, Any]]]:
    """The configuration's text and its agents."""
    from clawlaw.gate.enrol import agents_of  # noqa: PLC0415  # needs the gate
    from clawlaw.policy.source import read_source  # noqa: PLC0415

    text = read_private(config)
    return text, agents_of(read_source(str(config), text))


def _group(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError as error:
        remedy = "make the account first; agents do not share one"
        raise UsageError("--uid", f"no account has uid {uid}", remedy) from error


@app.command("list")
def list_agents(
    *,
    config: ConfigOption = CONFIG,
    credentials: FolderOption = FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Show every agent: how it is known, what its token's file is like, its ceiling."""
    with reported(as_json=as_json):
        from clawlaw.gate.daemon import Daemon  # noqa: PLC0415  # slow to load

        with as_owner(config):
            daemon = Daemon(config)
        rows: list[dict[str, Any]] = []
        for agent in daemon.config.agents:
            ceiling = daemon.policy.principals[agent.principal].ceiling
            path = credentials_path(credentials, agent.principal)
            rows.append(
                {
                    "principal": agent.principal,
                    "uid": agent.uid,
                    "token": _token_state(path, agent.uid, agent.tokens),
                    "paths": list(ceiling.paths),
                    "hosts": len(ceiling.hosts),
                    "budgets": dict(ceiling.budgets),
                }
            )
        either(
            {"agents": rows},
            as_json=as_json,
            text=lambda: print_table(
                "Agents",
                ("agent", "uid", "token", "paths", "hosts"),
                [
                    (
                        r["principal"],
                        r["uid"],
                        r["token"],
                        " ".join(r["paths"]),
                        r["hosts"],
                    )
                    for r in rows
                ],
            ),
        )
    raise typer.Exit(OK)


def _token_state(path: Path, uid: int | None, tokens: tuple[str, ...]) -> str:
    """What a token's file is like: good, or what is wrong with it."""
    from clawlaw.gate.enrol import EnrolError, check_credentials  # noqa: PLC0415

    if uid is None:
        return "none: known by its certificate"
    if not tokens and not path.exists():
        return "none: known by its uid"
    try:
        digest = check_credentials(path, uid)
    except EnrolError as error:
        return str(error)
    return "good" if digest in tokens else f"{path}: not the one of the configuration"


@app.command()
def remove(
    name: NameArgument,
    *,
    config: ConfigOption = CONFIG,
    credentials: FolderOption = FOLDER,
) -> None:
    """Take an agent out of the configuration and remove its token.

    What it did stays in the evidence.
    """
    with reported():
        from clawlaw.gate import enrol  # noqa: PLC0415  # only these commands need it

        with as_owner(config):
            text, agents = _agents(config)
        left = [agent for agent in agents if agent.get("principal") != name]
        if len(left) == len(agents):
            known = ", ".join(str(agent.get("principal")) for agent in agents)
            raise UsageError(name, f"no agent of {config}: {known or 'it has none'}")
        replace_config(config, enrol.with_agents(str(config), text, left))
        credentials_path(credentials, name).unlink(missing_ok=True)
        out.print(f"{name}: removed; restart the gate to shut it out", markup=False)
    raise typer.Exit(OK)


@app.command()
def settings(
    *,
    config: ConfigOption = CONFIG,
    file: SettingsOption = None,
    write: Annotated[
        bool, typer.Option("--write", help="Install them; else only show what differs.")
    ] = False,
    take_out: Annotated[
        bool, typer.Option("--remove", help="Take the gate's hooks out again.")
    ] = False,
    client_version: Annotated[
        str,
        typer.Option(
            metavar="X.Y.Z", help="Installed version of Claude Code, checked."
        ),
    ] = "",
    minimum: Annotated[
        str, typer.Option(metavar="X.Y.Z", help="Version that is required at least.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show or install the managed settings that put Claude Code behind the gate.

    Exit code 1: something differs and was not written.
    """
    with reported(as_json=as_json):
        from clawlaw.adapters import claude_settings as claude  # noqa: PLC0415

        if client_version:
            claude.check_version(client_version)
        least = claude.check_version(minimum) if minimum else claude.MINIMUM
        path = file or default_settings()
        found = read_settings(path)
        wanted = (
            claude.without(found.settings)
            if take_out
            else claude.merged(
                found.settings, tcp_address(config), [str(config.parent)], least
            )
        )
        differing = claude.differences(found.settings, wanted)
        if take_out and found.settings != wanted:
            differing.append(claude.Difference("hooks", "of the gate", "removed"))
        if write:
            install_settings(path, claude.render(wanted), found)
        changes = [str(difference) for difference in differing]
        if as_json:
            problems = list(found.problems)
            said = {"file": str(path), "differences": changes, "problems": problems}
            print_json(said | {"written": write})
        else:
            _show(path, found, claude.render(wanted), wrote=write)
    raise typer.Exit(OK if write or not (differing or found.problems) else DIFFERENT)


def _show(path: Path, found: Installed, wanted: bytes, *, wrote: bool) -> None:
    """What differs, as a diff of the file."""
    for line in found.problems:
        out.print(f"  {line}", markup=False)
    before = found.text.decode("utf-8", "replace").splitlines(keepends=True)
    after = wanted.decode().splitlines(keepends=True)
    diff = list(unified_diff(before, after, str(path), str(path)))
    for line in diff:
        style = {"+": "green", "-": "red"}.get(line[0], "")
        out.print(line.rstrip("\n"), markup=False, style=style)
    if wrote:
        out.print(f"{path}: written", markup=False)
    elif diff:
        out.print(f"{path}: differs; --write installs it", markup=False)
    else:
        out.print(f"{path}: as it must be", markup=False)


@app.command()
def verify(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Principals of the policy.")
    ],
    *,
    config: ConfigOption = CONFIG,
    credentials: FolderOption = FOLDER,
    file: SettingsOption = None,
    hooks: Annotated[
        bool, typer.Option("--hooks/--no-hooks", help="Check the managed settings too.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Prove an enrolment: credentials, settings, one allowed and one denied action.

    Asks the running gate as the agent would. Exit code 1: something is not as it must.
    """
    with reported(as_json=as_json):
        from clawlaw.cli.agent_proof import prove  # noqa: PLC0415  # needs the gate

        given = (config, credentials, file if hooks else None)
        found = {name: prove(name, *given, hooks=hooks) for name in names}
        good = all(proof.good for proofs in found.values() for proof in proofs)
        fields = {name: [p.fields() for p in ps] for name, ps in found.items()}
        either(
            {"good": good, "agents": fields},
            as_json=as_json,
            text=lambda: print_table(
                "Agents",
                ("agent", "proof", "result", "says"),
                [
                    (name, p.name, "good" if p.good else "NOT GOOD", p.says)
                    for name, proofs in found.items()
                    for p in proofs
                ],
            ),
        )
    raise typer.Exit(OK if good else DIFFERENT)


@app.command()
def exercise(
    name: NameArgument,
    *,
    config: ConfigOption = CONFIG,
    credentials: FolderOption = FOLDER,
    actions: Annotated[
        int, typer.Option(min=2, max=10_000, help="Ordinary ones to propose.")
    ] = 200,
    as_json: JsonOption = False,
) -> None:
    """Propose ordinary actions, and some that must be stopped; nothing is performed.

    Exit code 1: a verdict is another than it must be.
    """
    with reported(as_json=as_json):
        from clawlaw.cli.agent_exercise import walk  # noqa: PLC0415  # needs the gate

        done = walk(name, config, credentials, actions)
        counts = ", ".join(f"{n} {verdict}" for verdict, n in done.verdicts.items())
        times = ", ".join(f"{p} {ms} ms" for p, ms in done.milliseconds.items())
        either(
            {"agent": name, **done.fields()},
            as_json=as_json,
            text=lambda: print_table(
                f"{name}: {done.actions} ordinary actions: {counts}; {times}",
                ("probe", "wanted", "said", "why"),
                [(p.name, p.wanted, p.said, p.why) for p in done.probes],
            ),
        )
    raise typer.Exit(OK if done.good else DIFFERENT)
