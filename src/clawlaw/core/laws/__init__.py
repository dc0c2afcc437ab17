"""The laws of the Codex, one file each, by their numbers; 7 is not for this world."""

from clawlaw.core.laws import (
    law00_boundary,
    law01_context,
    law02_delegation,
    law03_observation,
    law04_resource,
    law05_sovereignty,
    law06_persistence,
    law08_authority,
    law09_lifecycle,
    law10_protocol,
)

LAWS = (
    law00_boundary,
    law01_context,
    law02_delegation,
    law03_observation,
    law04_resource,
    law05_sovereignty,
    law06_persistence,
    law08_authority,
    law09_lifecycle,
    law10_protocol,
)
