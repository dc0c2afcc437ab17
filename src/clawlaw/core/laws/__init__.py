"""The laws of the Codex, one file each, by their numbers."""
