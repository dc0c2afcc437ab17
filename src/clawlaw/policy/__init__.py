"""Policy as files: read, checked, compiled, tested and explained."""
