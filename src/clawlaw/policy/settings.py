"""Numbers that a policy may set, by name: a name that nothing reads is refused."""

from clawlaw.core import composition, prepared
from clawlaw.core.actions import KINDS
from clawlaw.core.budget import UNITS
from clawlaw.policy.errors import nearest

SETTINGS = frozenset(
    {
        *prepared.SETTINGS,
        *composition.SETTINGS,
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
