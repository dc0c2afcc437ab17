"""The evidence log: what was proposed, decided, performed and answered, durably."""
