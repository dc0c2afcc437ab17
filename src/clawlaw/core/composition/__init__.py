"""Patterns over the actions of a session, one file each."""
