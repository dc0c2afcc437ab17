"""From shell text to effects."""
