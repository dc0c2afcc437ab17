"""Performs what was judged, inside an operating-system sandbox."""

from clawlaw.executor.host import Availability, SandboxError, available

__all__ = ["Availability", "SandboxError", "available"]
