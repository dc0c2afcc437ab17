"""`clawlaw run`: perform what a permit stands for, and tell the gate.

Exit status: the command's own; 119 a steward is asked, 120 denied, 121 the gate does
not answer, 122 no sandbox, 123 not what was judged any more, 124 its deadline passed,
125 a defect of the executor, 126 and 127 as a shell gives them, 2 wrong usage.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from clawlaw.core.errors import ClawLawError
from clawlaw.executor import broker, report, trial
from clawlaw.executor.account import become
from clawlaw.executor.gateway import Gateway
from clawlaw.executor.host import available
from clawlaw.executor.performing import Executor
from clawlaw.executor.process import Sink, to_streams
from clawlaw.executor.report import GateUnavailableError, Report

SOCKET: Final = "/run/clawlaw/executor.sock"  # of the gate, as the role installs it
USAGE: Final = 2


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="clawlaw run",
        description="Perform a permitted action inside the sandbox.",
        epilog=__doc__.partition("\n\n")[2] if __doc__ else "",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--permit",
        default="",
        metavar="TOKEN",
        help="from the gate's answer; without it CMD is proposed first",
    )
    made.add_argument(
        "--socket",
        default=os.environ.get("CLAWLAW_SOCKET", SOCKET),
        metavar="PATH",
        help="of the gate (default: %(default)s)",
    )
    made.add_argument(
        "--show",
        default=os.environ.get("CLAWLAW_SHOW", ""),
        metavar="PATH",
        help="socket for proposals that is shown inside, where the permit says so",
    )
    made.add_argument(
        "--session",
        default="",
        metavar="ID",
        help="of the proposal, where there is no permit",
    )
    made.add_argument(
        "--account",
        default="",
        metavar="NAME",
        help="become this account first; only root can",
    )
    made.add_argument(
        "--check",
        action="store_true",
        help="say whether actions can be confined here, and end",
    )
    made.add_argument(
        "--keep",
        default="",
        metavar="FILE",
        help="with --check: where the gate reads what was found",
    )
    made.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="-- CMD",
        help="with a permit: must be the judged command",
    )
    return made  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one action.

    Args:
        arguments: Without the program's name; `None` takes `sys.argv`.

    Returns:
        The exit status.
    """
    asked = parser().parse_args(arguments)
    words = asked.command[1:] if asked.command[:1] == ["--"] else asked.command
    wrong = _wrong(asked, words)
    if wrong:
        _say(wrong)
        return USAGE
    try:
        if asked.check:
            return _check(asked.account, asked.keep)
        shown = os.environ.get(broker.VARIABLE)
        if shown and asked.permit:
            return broker.ask(shown, asked.permit, words)
        return _perform(asked, words)
    except ClawLawError as error:
        _say(str(error))
        return report.code_of(error)
    except KeyboardInterrupt:
        return 130


def _wrong(asked: argparse.Namespace, words: list[str]) -> str:
    """What is wrong with the options; "" where nothing is."""
    if asked.check:
        return ""
    if asked.keep:
        return "--keep goes with --check"
    if not asked.permit and not (words and asked.session):
        return "give --permit, or --session and a command after --"
    return ""


def _perform(asked: argparse.Namespace, words: list[str]) -> int:
    who = become(asked.account)
    gateway = Gateway(asked.socket)
    permit = asked.permit
    if not permit:
        command = words[0] if len(words) == 1 else words
        permit = gateway.propose(
            {
                "session": asked.session,
                "tool": "exec",
                "arguments": {"command": command},
                "cwd": os.getcwd(),  # noqa: PTH109  # text
            }
        )
    # Not the socket where permits are redeemed: what runs inside must not report.
    executor = Executor(home=who.home, user=who.name, socket=asked.show)
    done = redeemed(gateway, executor, permit, words or None)
    if done.problem:
        _say(done.problem)
    return done.code


def redeemed(
    gateway: Gateway,
    executor: Executor,
    permit: str,
    words: list[str] | None,
    sink: Sink = to_streams,
) -> Report:
    """Redeem, perform, report; the report is sent whatever became of the action.

    Raises:
        DeniedError: The permit is not good.
        GateUnavailableError: The gate did not answer; where that was to the report,
            the action has been performed.
    """
    grant = gateway.redeem(permit)
    done = Report(grant.id, "failed", report.DEFECT)
    try:
        done = executor.perform(grant, sink, words)
    finally:
        try:
            gateway.report(done)
        except ClawLawError as error:
            raise GateUnavailableError(
                f"{grant.id}: was performed (exit {done.exit}), and the gate does not "
                f"take its outcome: {error}"
            ) from error
    return done


def _check(account: str, file: str) -> int:
    opened = trial.begin(Path(file)) if file else -1
    if account:
        become(account)
    found = trial.keep(opened) if file else available()
    if found.ok:
        sys.stdout.write(f"actions are confined by {found.name}\n")
        return 0
    _say(f"{found.problem}\n  {found.remedy}")
    return report.NO_SANDBOX


def _say(text: str) -> None:
    sys.stderr.write(f"clawlaw run: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
