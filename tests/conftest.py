"""Settings of every test."""

from hypothesis import HealthCheck, settings

# A busy machine is slow, which is no fault of the code: time is never asserted.
settings.register_profile(
    "forge", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("forge")
