"""One description of a service, as a unit of systemd or a LaunchDaemon. Pure."""
