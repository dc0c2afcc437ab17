"""A whole gate in memory: the Forge's policy, a declared tree, a log that is a list."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from clawlaw.core.merkle import leaf_hash, tree_root
from clawlaw.core.policy import Policy
from clawlaw.evidence.errors import LogBehind
from clawlaw.evidence.schema import AnyBody, decode_entry
from clawlaw.gate.boundary import Boundary
from clawlaw.gate.deciding import Hooks
from clawlaw.gate.declared import DeclaredTree
from clawlaw.gate.evaluator import Evaluator
from clawlaw.gate.ledger import Ledger
from clawlaw.gate.peers import Peer
from clawlaw.gate.rebuild import Rebuilt, rebuild
from clawlaw.gate.replies import Reply
from clawlaw.gate.standard import standard_tree
from clawlaw.gate.state import GateState, Settings
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load

START = 1_767_225_600_000
AGENT = Peer("developer", frozenset({"propose", "outcome", "executor"}))
OTHER = Peer("researcher", frozenset({"propose", "outcome", "executor"}))


class MemoryLog:
    """An in-memory double of the evidence log; `broken` makes the next append fail."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.appends = 0
        self.broken: Exception | None = None

    @property
    def size(self) -> int:
        return len(self.entries)

    def append(self, payloads: Sequence[bytes]) -> int:
        if self.broken is not None:
            raise self.broken
        first = len(self.entries)
        self.entries += payloads
        self.appends += 1
        return first

    def root(self) -> bytes:
        return tree_root([leaf_hash(entry) for entry in self.entries])

    def after(self, size: int, root: bytes) -> Iterator[tuple[int, bytes]]:
        first = self.entries[:size]
        if len(first) < size or tree_root([leaf_hash(e) for e in first]) != root:
            raise LogBehind(f"the first {size} entries are others")
        return self.read(size)

    def read(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        return iter(list(enumerate(self.entries))[start:])

    def bodies(self) -> list[AnyBody]:
        return [decode_entry(payload).body for payload in self.entries]


@dataclass
class Wall:
    """A clock that a test sets, milliseconds."""

    now: int = START

    def __call__(self) -> int:
        return self.now


@dataclass
class Subject:
    """One gate, its log and its clock."""

    policy: Policy
    settings: Settings = field(default_factory=lambda: Settings(sandbox=True))
    log: MemoryLog = field(default_factory=MemoryLog)
    wall: Wall = field(default_factory=Wall)
    hooks: Hooks = field(default_factory=Hooks)
    tree: DeclaredTree = field(
        default_factory=lambda: standard_tree("/workspace", "/home/agent")
    )

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> Rebuilt:
        """A new run of the gate on the same log."""
        ledger = Ledger(self.log, self.wall, f"boot{self.log.size}")
        evaluator = Evaluator(self.policy)
        state = GateState(self.settings, evaluator, ledger)
        told = rebuild(state, self.log)
        self.gate = Boundary(state, lambda _principal: self.tree, self.hooks)
        return told

    @property
    def state(self) -> GateState:
        return self.gate.state

    def ask(
        self, serve: Callable[[Peer, bytes], Reply], peer: Peer, **said: Any
    ) -> Any:
        """Ask, flush, and read the answer with its status."""
        reply = serve(peer, json.dumps(said).encode())
        self.gate.flush()
        assert reply.durable
        return json.loads(reply.body) | {"status": reply.status}

    def propose(
        self, tool: str = "read", peer: Peer = AGENT, /, **said: Any
    ) -> dict[str, Any]:
        more = {k: said.pop(k) for k in ("mediated", "session", "id") if k in said}
        call = {"session": "s", "cwd": "/workspace", "tool": tool, "arguments": said}
        answer: dict[str, Any] = self.ask(self.gate.propose, peer, **call | more)
        return answer


@pytest.fixture(scope="session")
def forge_policy() -> Policy:
    return load(builtin("forge"))


@pytest.fixture
def subject(forge_policy: Policy) -> Subject:
    return Subject(forge_policy)


@pytest.fixture(scope="session")
def make(forge_policy: Policy) -> Callable[..., Subject]:
    return lambda **changes: Subject(forge_policy, **changes)
