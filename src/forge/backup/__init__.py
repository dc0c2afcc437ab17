"""Copies of what the cluster cannot lose, in a folder of the controller.

``server`` and ``bucket`` are where copies come from, ``copies`` is the folder, ``pull``
brings what is missing. Nothing here writes to the cluster.
"""
