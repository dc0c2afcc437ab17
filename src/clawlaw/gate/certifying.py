"""One question for a certificate to one recorded certificate."""

from clawlaw.core.errors import ProposalError
from clawlaw.evidence.schema import Certified
from clawlaw.gate import replies
from clawlaw.gate.authority import Authority, fingerprint, user_key
from clawlaw.gate.boundary import Boundary
from clawlaw.gate.certificates import CertificateRequest, Statement, statement
from clawlaw.gate.peers import Peer
from clawlaw.gate.permits import PermitError
from clawlaw.gate.replies import Reply
from clawlaw.gate.requests import read
from clawlaw.gate.ssh_config import SshPart


class Certifying:
    """Signs certificates of one gate; every one, and every refusal, is in its log."""

    def __init__(self, boundary: Boundary, part: SshPart, authority: Authority) -> None:
        """Sign with `authority` as `part` says."""
        self._boundary = boundary
        self._part = part
        self._authority = authority

    def issue(self, peer: Peer, raw: bytes) -> Reply:
        """Sign a certificate against a permit; the answer waits for its entry."""
        return self._boundary.enter(peer, raw, lambda: self._issue(peer, raw))

    def _issue(self, peer: Peer, raw: bytes) -> Reply:
        state = self._boundary.state
        late = self._boundary.hooks.unprotected()
        if late:
            raise ProposalError("evidence", late)
        if peer.principal != self._part.principal:
            raise ProposalError("principal", "is not who changes hosts")
        if state.settings.observe:
            reason = "observe allows what may be denied, so nothing is signed"
            raise ProposalError("mode", reason)
        asked = read(raw, CertificateRequest)
        key = user_key(asked.key)
        now = state.ledger.now()
        try:
            action = state.permits.redeem(asked.permit, peer.principal, now)
        except PermitError as error:
            raise ProposalError("permit", str(error)) from error
        said = statement(
            action, asked, self._part, serial=state.ledger.next, now=now // 1000
        )
        certificate = self._authority.sign(said, key)
        state.ledger.add(
            Certified(
                action.id, action.session, said.serial, said.key_id, said.hosts,
                fingerprint(key), self._authority.fingerprint,
                said.begins * 1000, said.ends * 1000, said.sources,
            )
        )  # fmt: skip
        return _answer(said, certificate)


def _answer(said: Statement, certificate: str) -> Reply:
    fields = {
        "certificate": certificate,
        "serial": said.serial,
        "key_id": said.key_id,
        "hosts": said.hosts,
        "begins": said.begins,
        "ends": said.ends,
    }
    return replies.fields(fields, durable=False)
