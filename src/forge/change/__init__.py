"""What a change of inventory, pins or tree would do to the platform.

Everything here but ``gather`` and ``store`` is pure: snapshots in, plans out.
"""
