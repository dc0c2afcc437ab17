"""Benchmarks: what models deliver on a host, directly and through the gate."""
