"""Reports that the Forge publishes about itself."""
