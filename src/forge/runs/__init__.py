"""The record of every run of a playbook: what was asked, judged, changed and failed."""
