"""The pure core: no clock, no randomness, no files, no network, no threads."""
