"""Proposals to effects, with the profiles that come with the gate."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.unit.clawlaw.bare import bare_policy

from clawlaw.core.actions import Proposal
from clawlaw.core.analyse import Analysis, analyse
from clawlaw.core.policy import Policy
from clawlaw.core.toolmap import ToolSpec
from clawlaw.policy.profiles import builtin

type Look = Callable[..., Analysis]


@pytest.fixture(scope="session")
def policy() -> Policy:
    return bare_policy(builtin())


@pytest.fixture(scope="session")
def look(policy: Policy) -> Look:
    """Analysis of one call; `tools` is a tool map, other names are the proposal's."""

    def look(
        tool: str,
        arguments: Mapping[str, Any],
        tools: Mapping[str, ToolSpec] | None = None,
        **fields: Any,
    ) -> Analysis:
        proposal = Proposal("agent", "s", tool, dict(arguments), "/workspace", **fields)
        if tools is None:
            return analyse(proposal, policy)
        fields = {name: getattr(policy, name) for name in policy.__slots__}
        return analyse(proposal, Policy(**{**fields, "tools": tools}))

    return look
