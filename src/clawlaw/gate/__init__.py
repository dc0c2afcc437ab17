"""What stands between agents and the world; the only part that looks and listens."""
