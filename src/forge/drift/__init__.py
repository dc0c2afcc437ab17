"""What the machines are, beside what the repository says they are."""
