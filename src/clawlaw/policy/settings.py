"""Numbers that a policy may set, by name: a name that nothing reads is refused."""

from clawlaw.core.actions import KINDS
from clawlaw.core.budget import UNITS
from clawlaw.policy.errors import nearest

PATTERNS = {
    "behaviour_drift": ("effects", "excess"),
    "boundary_probe": ("refusals", "window"),
    "budget_slicing": ("amounts", "bytes", "bytes_out", "sends", "window"),
    "cross_agent_relay": ("window",),
    "dependency_sprawl": ("packages", "window"),
    "exfiltration_chain": ("encoded", "window"),
    "retry_after_deny": ("limit", "window"),
    "scope_creep": ("areas", "settle", "window"),
    "staged_download": ("window",),
    "write_then_execute": ("window",),
}
RISKS = ("risk.deny", "risk.escalate", "risk.session.secret", "risk.session.untrusted")

SETTINGS = frozenset(
    {
        *RISKS,
        *(f"{pattern}.{name}" for pattern, names in PATTERNS.items() for name in names),
        *(f"cost.{unit}.{kind}" for unit in UNITS for kind in KINDS),
    }
)


def check_setting(name: str, value: int) -> None:
    """Refuse a setting that does not exist or is negative.

    Raises:
        ValueError: With the nearest name.
    """
    if name not in SETTINGS:
        near = nearest(name, SETTINGS)
        hint = f" (did you mean {near!r}?)" if near else ""
        raise ValueError(f"no setting {name!r}{hint}")
    if value < 0:
        raise ValueError(f"{name} is {value}, below zero")
