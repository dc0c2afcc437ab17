"""A policy that says nothing, for what only needs its places and profiles."""

from typing import Any

from clawlaw.core.policy import Policy


def bare_policy(profiles: Any) -> Policy:  # whatever looks programs up
    """No rule, purpose or principal; the workspace and home of the examples."""
    return Policy(
        name="test",
        version="1.0.0",
        digest="sha256:test",
        workspace=("/workspace",),
        home="/home/agent",
        rules={},
        purposes={},
        principals={},
        settings={},
        laws=frozenset(),
        profiles=profiles,
    )
