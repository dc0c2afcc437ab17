"""Wheels for hosts that have no way out: fetched and built here, carried over SSH."""
