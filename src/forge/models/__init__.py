"""Declared models: what they need of a host, and what their files say of themselves."""
