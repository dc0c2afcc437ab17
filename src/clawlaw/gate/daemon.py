"""One run of the gate: configuration, policy, log, state, sockets, end."""

import asyncio
import gc
import resource
import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from clawlaw import __version__
from clawlaw.adapters.claude_hooks import PATH
from clawlaw.core.errors import ClawLawError
from clawlaw.core.policy import Policy
from clawlaw.evidence.keys import read_signer
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer
from clawlaw.evidence.schema import (
    Checkpointed,
    Started,
    Stopped,
)
from clawlaw.executor import available
from clawlaw.executor.trial import kept
from clawlaw.gate import replies
from clawlaw.gate.activation import Activation
from clawlaw.gate.authority import Authority
from clawlaw.gate.boundary import Boundary
from clawlaw.gate.certifying import Certifying
from clawlaw.gate.claude import ClaudeHooks
from clawlaw.gate.config import Config, read_config
from clawlaw.gate.evaluator import Evaluator
from clawlaw.gate.facts import Agent, FactSource, Gatherer
from clawlaw.gate.journal import note
from clawlaw.gate.keeper import Keeper
from clawlaw.gate.ledger import GateClock, Ledger
from clawlaw.gate.listeners import tls_context
from clawlaw.gate.notify import Notifier, Webhook
from clawlaw.gate.protection import Protection, minimum
from clawlaw.gate.rebuild import Rebuilt
from clawlaw.gate.replies import Reply
from clawlaw.gate.router import Router, with_body
from clawlaw.gate.server import Server
from clawlaw.gate.snapshot import Snapshots
from clawlaw.gate.state import GateState
from clawlaw.gate.stewards import Stewards
from clawlaw.gate.stewardship import Stewardship, activate
from clawlaw.gate.surroundings import Surroundings
from clawlaw.gate.unrecorded import Unrecorded
from clawlaw.policy.builtin import NAMES, builtin
from clawlaw.policy.compile import load

CERTIFICATES: Final = "/v1/certificates"
YOUNG: Final = 10_000  # objects made and kept before the collector looks at them


class Daemon:
    """Everything of one run, from the configuration on.

    Attributes:
        config: As read.
        policy: Compiled for this machine.
    """

    def __init__(self, file: Path) -> None:
        """Read the configuration, the policy and the keys of others; open nothing.

        Raises:
            PolicyError: The configuration or the policy cannot be used.
            ClawLawError: The configuration or a key of TLS is not private, or a key
                is none.
        """
        self._file = file.absolute()
        self.config = read_config(self._file)
        self.policy = self.compiled("")
        self._check_principals()
        for listener in self.config.listeners:
            tls_context(listener)
        self._stewards = Stewards(
            self.config.escalation.stewards,
            [agent.principal for agent in self.config.agents],
        )
        said = self.config.escalation.webhook
        self._webhook = Webhook.parse(said) if said else None
        self._checkpointed = 0
        self._next_checkpoint = 0

    def compiled(self, said: str) -> Policy:
        """The policy in a folder, bound to this machine.

        Args:
            said: A folder, or "" for the configured one.

        Raises:
            PolicyError: It cannot be used.
        """
        said = said or self.config.policy.folder
        folder = builtin(said) if said in NAMES else Path(said).resolve()
        return load(folder, self.config.bindings(self._file, folder))

    def _check_principals(self) -> None:
        for agent in self.config.agents:
            if agent.principal not in self.policy.principals:
                enrolled = ", ".join(sorted(self.policy.principals))
                raise ClawLawError(
                    f"{self._file}: agent {agent.principal!r} is none of the policy's "
                    f"principals: {enrolled}; enrol it there or take it out here"
                )

    def run(self) -> None:
        """Serve until a signal asks to stop.

        Raises:
            ClawLawError: The log, a listener or the authority's key cannot be had, or
                the log does not say how the gate stood.
        """
        _raise_limit()
        ssh = self.config.ssh
        self._authority = Authority.read(Path(ssh.key)) if ssh else None
        part = self.config.evidence
        signer = read_signer(Path(part.key), part.origin)
        log = Log.open(
            Path(part.folder),
            part.origin,
            signer,
            durability=part.durability,
            segment_bytes=part.segment,
            minimum=minimum(
                signer.verifier, part.witnesses, part.needed, part.witnessed
            ),
        )
        with log, asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(self._serve(log, signer))

    def _confines(self) -> bool:
        """Whether code is confined: configured, and tried on this machine."""
        part = self.config.executor
        if not part.sandbox:
            return False
        found = kept(Path(part.trial)) if part.trial else available()
        if not found.ok:
            note("no sandbox", problem=found.problem, remedy=found.remedy)
        return found.ok

    async def _serve(self, log: Log, signer: Signer) -> None:
        clock = GateClock()
        ledger = Ledger(log, clock, secrets.token_hex(8))
        settings = replace(self.config.settings(), sandbox=self._confines())
        state = GateState(settings, Evaluator(self.policy), ledger)
        notifier = Notifier(self._webhook) if self._webhook else None
        around = Surroundings(self.config, signer.verifier, state, notifier)
        around.protection.look()
        keeper = Keeper(self._snapshots(signer), log, state, around.protection)
        told = keeper.rebuild()
        clock.not_before(ledger.last)
        boundary = Boundary(state, sources(self.config, clock), around.hooks)
        unrecorded = Unrecorded(self.config.state)
        self._start(boundary, told, unrecorded)
        stewardship = Stewardship(boundary, self._stewards, self.config.evidence.origin)
        router = Router(boundary, stewardship)
        router.add("GET", "/healthz", "", lambda *_: health(state))
        router.add("GET", "/metrics", "metrics", lambda *_: around.metrics.reply())
        program = str(Path(sys.executable).with_name("clawlaw"))
        router.add("POST", PATH, "propose", ClaudeHooks(boundary, program).routed)
        if self.config.ssh and self._authority:
            certifying = Certifying(boundary, self.config.ssh, self._authority)
            router.add("POST", CERTIFICATES, "executor", with_body(certifying.issue))
        activation = Activation(self.compiled, boundary, stewardship)
        server = Server(
            self.config,
            boundary,
            router,
            deferred=activation.deferred,
            ticked=lambda: self._ticked(log, boundary, around.protection, keeper),
            reload=activation.reload,
        )
        around.metrics.standing = lambda: around.stood(
            boundary.waiting, server.connections
        )
        _steady()
        try:
            await server.run()
        finally:
            if notifier is not None:
                notifier.close()
            _stop(boundary, unrecorded, keeper)

    def _snapshots(self, signer: Signer) -> Snapshots | None:
        every = self.config.evidence.snapshot
        if not (every and self.config.state):
            return None
        return Snapshots(Path(self.config.state), signer, every)

    def _start(self, boundary: Boundary, told: Rebuilt, unrecorded: Unrecorded) -> None:
        """Record that this run began, and what the one before could not record.

        Raises:
            ClawLawError: Not even that could be recorded.
        """
        ledger = boundary.state.ledger
        observe = boundary.state.settings.observe
        durability = self.config.evidence.durability
        ledger.add(Started(__version__, durability, observe, told.clean))
        for summary in unrecorded.read():
            ledger.add(summary)
        activate(boundary, self.policy, "start")
        if not boundary.flush():
            raise ClawLawError(f"evidence cannot be written: {ledger.latched}")
        unrecorded.forget()
        note(
            "started",
            version=__version__,
            policy=self.policy.digest,
            changed=told.policy not in {"", self.policy.digest},
            entries=told.entries,
            replayed=told.entries - told.known,
            sessions=len(boundary.state.sessions),
            clean=told.clean,
            observe=observe,
        )

    def _ticked(
        self, log: Log, boundary: Boundary, protection: Protection, keeper: Keeper
    ) -> None:
        """Look what is witnessed; sign the head once in a while, when it has moved."""
        protection.look()
        keeper.ticked()
        ledger = boundary.state.ledger
        now = ledger.now()
        if now < self._next_checkpoint or log.size <= self._checkpointed:
            return
        if ledger.latched or ledger.pending:
            return
        try:
            signed = log.checkpoint()
        except ClawLawError as error:
            ledger.latched = str(error)
            return
        ledger.add(Checkpointed(signed.decode()))
        protection.signed(signed, now)
        self._checkpointed = log.size + 1
        self._next_checkpoint = now + self.config.evidence.checkpoint * 1000


def sources(config: Config, clock: Callable[[], int]) -> Callable[[str], FactSource]:
    """Who looks at the file system for each principal: by what its account may write.

    Args:
        config: Has the accounts.
        clock: Milliseconds since the epoch.
    """
    agents = {a.principal: a for a in config.agents if a.uid is not None}
    made: dict[str, FactSource] = {}

    def source(principal: str) -> FactSource:
        found = made.get(principal)
        if found is None:
            part = agents.get(principal)
            agent = Agent(part.uid or 0, frozenset(part.gids)) if part else None
            found = made[principal] = Gatherer(clock=clock, agent=agent)
        return found

    return source


def health(state: GateState) -> Reply:
    """Whether the gate can decide: 200, or 503 with what keeps it from it."""
    if state.ledger.latched:
        return replies.fields(
            {"status": "latched", "observe": state.settings.observe},
            status=replies.UNAVAILABLE,
        )
    return replies.fields({"status": "serving", "observe": state.settings.observe})


def _stop(boundary: Boundary, unrecorded: Unrecorded, keeper: Keeper) -> None:
    """Record that this run ended, as far as the log still takes it."""
    ledger = boundary.state.ledger
    if not ledger.latched:
        ledger.summarise(ledger.now(), all_of_it=True)
        ledger.add(Stopped("drained"))
    if not boundary.flush():
        unrecorded.keep(ledger.summaries())
    keeper.stop()
    note("stopped", latched=ledger.latched, entries=ledger.next)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Loops of uvloop, or the standard one where there is no uvloop."""
    try:
        import uvloop  # noqa: PLC0415  # optional
    except ImportError:
        return None
    return uvloop.new_event_loop


def _steady() -> None:
    """Keep the collector of cycles out of the way of answers.

    What the start made stays, so it need not be looked at again; what a decision makes
    has no cycles and goes by itself. By default one action in seventy would wait for a
    collection, now one in a thousand does.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


def _raise_limit() -> None:
    """Allow as many open files as the system lets this process have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    if sys.platform == "darwin":
        most = min(most, 10_240)  # OPEN_MAX
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
