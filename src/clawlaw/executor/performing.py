"""One redeemed permit, performed: checked again, confined, and told to the gate."""

import os
import shlex
import shutil
import stat
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from msgspec import Struct, structs

from clawlaw.core.actions import NetRequest, PackageInstall
from clawlaw.core.errors import ClawLawError, ProposalError
from clawlaw.core.shell.shells import transport
from clawlaw.core.tools import Arguments, absolute
from clawlaw.executor import files, process, report, sandbox, toolchains, tree
from clawlaw.executor.bounds import Bounds, Limits, within
from clawlaw.executor.grant import Grant, is_released, named, to_bounds
from clawlaw.executor.host import SandboxError, available, system_secrets
from clawlaw.executor.paths import ChangedError, HeldTargets
from clawlaw.executor.process import Account, Job, Sink
from clawlaw.executor.report import Report

_FOLDER: Final = getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_CLOEXEC


class Executor(Struct, frozen=True):
    """How this executor performs.

    Attributes:
        home: Of the account, private inside.
        user: Its name.
        socket: The gate's, where a grant may show it.
        limits: Of one action.
        account: Whom commands run as; `None`: the executor's own account.
        python: Interpreter of the last steps; "": the executor's own.
    """

    home: str
    user: str
    socket: str = ""
    limits: Limits = Limits()
    account: Account | None = None
    python: str = ""

    def perform(
        self, grant: Grant, sink: Sink, asked: list[str] | None = None
    ) -> Report:
        """Perform exactly what a permit stands for.

        Args:
            grant: Redeemed.
            sink: Takes the output as it comes.
            asked: Command that the caller believes was judged; `None`: no matter.

        Returns:
            The report for the gate; it never raises for what the action does.
        """
        try:
            if grant.tool == "exec":
                command, cwd = command_of(grant, self.home)
                if asked is not None and not is_same(asked, grant, command):
                    return Report(
                        grant.id, "mismatch", report.CHANGED,
                        problem="the command after -- is not the one that was judged",
                    )  # fmt: skip
                return self._command(grant, command, cwd, sink)
            return self._tool(grant, sink)
        except (ClawLawError, OSError) as error:
            return _failed(grant, error)

    def _perform(self, grant: Grant, sink: Sink, asked: list[str] | None) -> Report:
        if grant.tool != "exec":
            return self._tool(grant, sink)
        command, cwd = command_of(grant, self.home)
        if asked is not None and not is_same(asked, grant, command):
            problem = "the command after -- is not the one that was judged"
            return Report(grant.id, "mismatch", report.CHANGED, problem=problem)
        return self._command(grant, command, cwd, sink)

    def _tool(self, grant: Grant, sink: Sink) -> Report:
        started = time.monotonic()
        with HeldTargets(grant.targets) as held:
            said = files.perform(grant, held, self.limits.output_bytes)
        sink(1, said)
        changed = [
            (path, tree.digest(path) if Path(path).exists() else "")
            for path in sorted(_changed(grant))
        ]
        return Report(
            grant.id,
            "done",
            0,
            0,
            int((time.monotonic() - started) * 1e6),
            len(said),
            tuple(changed),
            said.decode("utf-8", "replace"),
        )

    def _command(
        self, grant: Grant, command: tuple[str, ...], cwd: str, sink: Sink
    ) -> Report:
        found = available()
        if not found.ok:
            raise SandboxError(found.problem, found.remedy)
        known = [target for target in grant.targets if target.kind != "unknown"]
        with ExitStack() as stack:
            stack.enter_context(HeldTargets(known))
            roots = grant.sandbox.write or grant.workspace
            places = {root: _open_root(stack, root) for root in roots}
            names = tuple(name for name in grant.sandbox.hide if "/" not in name)
            before = tree.scan(roots, names)
            bounds = self._bounds(grant, cwd, before)
            bounds = self._with_home(stack, bounds, places)
            job = Job(bounds, command, places, self.account, self.python)

            def unchanged() -> bool:
                """No other action gave a secret a new name before it was covered."""
                now = tree.scan(roots, names)
                return set(now.secrets) <= set(before.secrets)

            ended = process.perform(job, sink, unchanged)
            taken = _take_back(grant, before)
            after = tree.scan(roots, names)
        return Report(
            grant.id,
            "done",
            ended.exit,
            ended.exit,
            ended.duration,
            ended.bytes_out,
            tuple(tree.changes(before, after)),
            ended.head.decode("utf-8", "replace"),
            any(isinstance(e, NetRequest | PackageInstall) for e in grant.effects),
            found.name,
            _remark(ended, taken),
        )

    def _with_home(
        self, stack: ExitStack, bounds: Bounds, places: dict[str, int]
    ) -> Bounds:
        """Bounds that show the toolchains and git settings of the account."""
        uid = os.geteuid() if self.account is None else self.account.uid
        found = toolchains.of_home(self.home, uid)
        read = []
        for path in found.read:
            meets = any(within(root, (path,)) for root in bounds.write)
            held = toolchains.hold(path, uid)
            if held >= 0:
                stack.callback(os.close, held)
            if held >= 0 and not meets and not within(path, bounds.write):
                places[path] = held
                read.append(path)
        variables = dict(bounds.variables)
        if found.git:
            folder = stack.enter_context(TemporaryDirectory(prefix="clawlaw-git-"))
            Path(folder).chmod(0o755)
            file = Path(folder, "settings")
            file.write_text(found.git, encoding="utf-8")
            read.append(str(file))
            variables["GIT_CONFIG_GLOBAL"] = str(file)
        return structs.replace(
            bounds,
            read=tuple(sorted({*bounds.read, *read})),
            hide=(*bounds.hide, *found.hide),
            variables=variables,
        )

    def _bounds(self, grant: Grant, cwd: str, before: tree.Tree) -> Bounds:
        paths = tuple(path for path in grant.sandbox.hide if "/" in path)
        bounds = to_bounds(
            grant,
            home=self.home,
            user=self.user,
            cwd=cwd,
            hide=(*system_secrets(), *before.secrets, *paths),
            keep=tuple(before.kept),
            socket=self.socket,
            limits=self.limits,
        )
        seen = (*bounds.write, *bounds.read, "/usr", "/etc", "/opt")
        own = ("/", "/tmp", bounds.home)  # noqa: S108  # the sandbox's
        if cwd not in own and not (within(cwd, seen) and Path(cwd).is_dir()):
            raise SandboxError(
                f"{cwd}: the command would begin where nothing is shown",
                f"begin in the workspace: {', '.join(bounds.write)}",
            )
        return bounds


def command_of(grant: Grant, home: str) -> tuple[tuple[str, ...], str]:
    """The judged command for the executor's shell, and where it begins.

    Raises:
        ProposalError: The arguments hold none.
    """
    given = Arguments(grant.arguments)
    cwd = given.text(
        "cwd", "workdir", "working_directory", "directory", default=grant.cwd
    )
    cwd = absolute(cwd, grant.cwd, grant.home or home, "arguments.cwd")
    cwd = os.path.realpath(cwd)
    command: Any = given.any("command", "cmd", "script", "code")
    if isinstance(command, str) and command:
        return tuple(sandbox.shell(command)), cwd
    if isinstance(command, list) and command and all(map(_is_text, command)):
        text = transport(command)
        return tuple(sandbox.shell(text) if text is not None else command), cwd
    raise ProposalError("arguments.command", "not a command: text or a list of text")


def _is_text(word: object) -> bool:
    return isinstance(word, str)


def is_same(asked: list[str], grant: Grant, command: tuple[str, ...]) -> bool:
    """Whether words after `--` are the judged command: its text, or its words."""
    given: Any = Arguments(grant.arguments).any("command", "cmd", "script", "code")
    if isinstance(given, list):
        return asked in (given, list(command))
    return asked in ([given], list(command)) or shlex.join(asked) == given


def _changed(grant: Grant) -> set[str]:
    return set(named(grant)[1])


def _open_root(stack: ExitStack, root: str) -> int:
    """Hold a writable root, so that its name cannot be given to another.

    Raises:
        SandboxError: It is not there, or a link.
    """
    try:
        fd = os.open(root, _FOLDER | os.O_NOFOLLOW)
    except OSError as error:
        raise SandboxError(
            f"{root}: {error.strerror}: no workspace to write to",
            "make the directory; where it is a link, let the policy name its target",
        ) from error
    stack.callback(os.close, fd)
    if os.path.realpath(root) != root:
        raise SandboxError(
            f"{root}: leads to {os.path.realpath(root)} by a link",
            "let the policy name the directory itself",
        )
    return fd


def _take_back(grant: Grant, before: tree.Tree) -> list[str]:
    """Remove what the command made under names that stay read only.

    A name that is not there cannot be covered; so what it was given is taken away
    again before anything else can obey it.
    """
    changed = tuple(_changed(grant))
    taken = []
    for path in before.absent:
        if is_released(path, grant, changed) or not os.path.lexists(path):
            continue
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)  # noqa: PTH108  # text
        taken.append(path)
    return taken


def _remark(ended: process.Ended, taken: list[str]) -> str:
    reasons = {
        "": "",
        "deadline": "ended at its deadline",
        "output": "ended: far more output than is shown",
        "disk": "ended: it filled the disk",
    }
    said = [reasons[ended.reason]] if ended.reason else []
    if ended.truncated and ended.reason != "output":
        said.append(f"output cut after {ended.bytes_out} bytes")
    said += [f"{path}: removed, only a judged action may make it" for path in taken]
    return "; ".join(said)


def _failed(grant: Grant, error: ClawLawError | OSError) -> Report:
    codes = {ChangedError: report.CHANGED, SandboxError: report.NO_SANDBOX}
    problem = str(error)
    if isinstance(error, OSError):
        problem = f"{error.filename or grant.tool}: {error.strerror}"
    return Report(grant.id, "failed", codes.get(type(error), 1), problem=problem)
