"""What takes part in decisions beside the state: vault, witnesses, metrics, notices."""

from pathlib import Path
from typing import Any

from clawlaw.evidence.note import Verifier
from clawlaw.evidence.redact import Redactor, may_hold
from clawlaw.evidence.schema import Decided, Escalated
from clawlaw.evidence.vault import Vault
from clawlaw.gate.config import Config
from clawlaw.gate.deciding import Hooks, Originals
from clawlaw.gate.metrics import Metrics, Standing
from clawlaw.gate.notify import Notifier
from clawlaw.gate.protection import Protection
from clawlaw.gate.state import GateState


class Surroundings:
    """All of it for one run of the gate.

    Attributes:
        hooks: For the boundary.
        metrics: For scrapes.
        protection: By the witnesses.
    """

    def __init__(
        self,
        config: Config,
        log: Verifier,
        state: GateState,
        notifier: Notifier | None,
    ) -> None:
        """Open what the configuration names.

        Args:
            config: Whole.
            log: Key of the log.
            state: That metrics tell of.
            notifier: Tells people of escalations; `None`: nobody is told.

        Raises:
            ClawLawError: The vault or a witness's key cannot be used.
            OSError: The vault's folder cannot be had.
        """
        part = config.evidence
        self._state = state
        self._notifier = notifier
        self.protection = Protection(
            log,
            part.witnesses,
            needed=part.needed,
            limit=part.lag * 1000,
            file=part.witnessed,
            folder=part.folder,
        )
        self.metrics = Metrics(lambda: self.stood(0, 0))
        more: dict[str, Any] = {}
        if part.secrets:
            vault = Vault.open(Path(part.secrets))
            more = {"redact": _redacting(vault), "keep": vault.put}
        self.hooks = Hooks(
            unprotected=lambda: self.protection.late(state.ledger.last),
            timed=self.metrics.timed,
            judged=self.metrics.judged,
            asked=self._asked,
            **more,
        )

    def _asked(self, asked: Escalated, decided: Decided) -> None:
        if self._notifier is not None:
            reason = str(decided.record.decision["reason"])
            self._notifier.notify(asked, decided.record.proposal.tool, reason)

    def stood(self, queue: int, connections: int) -> Standing:
        """How the gate stands now.

        Args:
            queue: Requests that wait for a flush.
            connections: Open ones.
        """
        state, ledger = self._state, self._state.ledger
        now = ledger.now()
        since = state.settings.deadline
        return Standing(
            queue=queue,
            connections=connections,
            sessions=len(state.sessions),
            quarantined=state.sessions.quarantined(),
            permits=len(state.permits),
            entries=ledger.next - ledger.pending,
            lag=self.protection.lag(now),
            latched=bool(ledger.latched),
            observe=state.settings.observe,
            ages=tuple(
                max(now - (case.asked.deadline - since), 0) / 1000
                for case in state.escalations.cases()
                if case.status == "pending"
            ),
            unrecorded=ledger.unrecorded,
        )


def _redacting(vault: Vault) -> Any:  # noqa: ANN401  # of `Hooks`
    redactor = Redactor(vault.digest_key)

    def redact(value: Any, raw: bytes) -> tuple[Any, Originals]:  # noqa: ANN401  # any JSON
        return redactor.redact(value) if may_hold(raw) else (value, {})

    return redact
