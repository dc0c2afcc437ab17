"""What clients of agents call things, in the gate's own words."""
