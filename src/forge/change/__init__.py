"""What a change of inventory, pins or tree would do to the platform.

Everything here but ``gather`` and ``store`` is pure: snapshots in, plans out.
"""

from forge.change.applied import Applied, AppliedStateError, begin, finish, supposed
from forge.change.model import BlastRadius, Change, Effect, Impact, Kind, Plan, Scope
from forge.change.plan import plan_of, plan_of_hostvars, plan_of_listing
from forge.change.snapshot import Snapshot, Surroundings, read_hostvars, read_listing

__all__ = [
    "Applied",
    "AppliedStateError",
    "BlastRadius",
    "Change",
    "Effect",
    "Impact",
    "Kind",
    "Plan",
    "Scope",
    "Snapshot",
    "Surroundings",
    "begin",
    "finish",
    "plan_of",
    "plan_of_hostvars",
    "plan_of_listing",
    "read_hostvars",
    "read_listing",
    "supposed",
]
