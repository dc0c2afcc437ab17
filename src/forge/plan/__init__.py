"""``forge plan``: what a change would do, and what the laws say to it."""
