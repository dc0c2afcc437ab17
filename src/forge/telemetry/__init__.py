"""Rules, dashboards and reports of the Forge's telemetry."""
